/** What is found in a capture is found in the redacted one: the same findings, differences, expected rules and traces, with the other names. */
import { setMaxListeners } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test, vi } from 'vitest';
import { openNode } from '@/lib/api/open-node';
import { tracePacket } from '@/lib/api/trace-answer';
import { nodeDrift } from '@/lib/drift/node-drift';
import { expectedOfNode } from '@/lib/expected/expected-of-node';
import { Context } from '@/lib/findings/context';
import { diagnose } from '@/lib/findings/diagnose';
import { ok, type Result } from '@/lib/net/result';
import { describeShared } from '@/tests/shared';
import { othersFor, readCluster, readNode } from '../cli/captured-nodes';
import { openDiagnosis } from '../findings/open-diagnosis';
import { openPath } from '../sources/open-source';
import { DEFAULT_LIMITS, type RawFiles, type Source } from '../sources/source';
import { redactionBy } from './redaction';

vi.setConfig({ testTimeout: 300_000 });
const { signal } = new AbortController();
setMaxListeners(0, signal);

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.problem.say);
  return result.value;
}

/** A redacted capture in memory, and how nodes are called in it. */
async function redacted(source: Source, secret: Buffer) {
  const { files: cluster } = value(await source.cluster(signal));
  const redaction = redactionBy(secret, cluster);
  const nodes = new Map<string, RawFiles>();
  for (const { name } of value(await source.nodes(signal))) {
    const { files } = value(await source.node(name, signal));
    nodes.set(redaction.node(name), redaction.nodeFiles(files));
  }
  const other: Source = {
    ...source,
    nodes: async () => ok([...nodes.keys()].map((name) => ({ name, listing: 'present', capturedAt: undefined }))),
    node: async (name) => ok({ files: nodes.get(name) ?? new Map(), capturedAt: undefined, hash: name }),
    cluster: async () => ok({ files: redaction.clusterFiles(cluster) }),
  };
  return { other, node: redaction.node, address: (text: string) => redaction.address(text) ?? text };
}

type Called = (name: string) => string;
const SAME: Called = (name) => name;

/** What processes of the nodes get from every port of every Service: which rules decide, on which branch, and what becomes of the packet. */
async function traced(source: Source, node: Called, address: Called) {
  const found: string[] = [];
  const { services } = await readCluster(source);
  const { files: cluster } = value(await source.cluster(signal));
  for (const { name } of value(await source.nodes(signal))) {
    const capture = value(await source.node(name, signal));
    const opened = openNode({ node: name, files: capture.files, cluster, capturedAt: undefined, version: '' });
    for (const { clusterIPs, ports } of services.known ? services.value : [])
      for (const daddr of clusterIPs.slice(0, 1))
        for (const { port, protocol } of ports) {
          const to = `${daddr.includes(':') ? `[${daddr}]` : daddr}:${port}/${protocol.toLowerCase()}`;
          const { trace } = value(tracePacket(opened, { question: { from: name, to } }));
          const ways = trace.branches.map(({ probability, steps, outcome }) => {
            const rules = steps.flatMap((step) => (step.kind === 'rule' ? [`${step.at.handle} ${step.verdict}`] : []));
            return [
              probability.toFixed(6),
              ...rules,
              outcome.kind === 'decided' ? outcome.fate.summary : 'undecided',
            ].join(', ');
          });
          found.push(`${node(name)} ${address(daddr)} ${protocol} ${port}: ${ways.sort().join(' | ')}`);
        }
  }
  return found.sort();
}

/** Findings by their code, nodes and number of Services; differences of each node by their kind; the sizes of what is expected. */
async function found(source: Source, called: Called) {
  const findings = diagnose(new Context(value(await openDiagnosis(source, signal)), undefined)).map(
    ({ code, severity, nodes, services, causes }) =>
      [code, severity, nodes.map(called).sort(), services.length, causes.length].join(' '),
  );
  const drift: string[] = [];
  const expected: string[] = [];
  const cluster = await readCluster(source);
  for (const { name } of value(await source.nodes(signal))) {
    const node = await readNode(source, name);
    const compared = node.ok ? nodeDrift(node.value, cluster, await othersFor(node.value, source)) : node;
    const said = compared.ok
      ? compared.value.families.map(
          ({ family, differences }) => `${family}: ${differences.map(({ kind }) => kind).sort()}`,
        )
      : [compared.problem.code];
    drift.push([called(name), ...said].join(' '));
    const tables = node.ok ? expectedOfNode(node.value, cluster) : node;
    for (const { family, expected: table } of tables.ok ? tables.value : []) {
      const rules = table.chains.map((chain) => chain.rules.length).sort();
      expected.push([called(name), family, rules, table.sets.map(({ elements }) => elements.length).sort()].join(' '));
    }
  }
  return { findings: findings.sort(), drift: drift.sort(), expected: expected.sort() };
}

async function compare(path: string, secret: string) {
  const source = value(await openPath(path, DEFAULT_LIMITS));
  const { other, node, address } = await redacted(source, Buffer.from(secret));
  const before = await found(source, node);
  expect(before.findings.length + before.drift.length).toBeGreaterThan(0);
  expect(await found(other, SAME)).toEqual(before);
  const traces = await traced(source, node, address);
  expect(traces.filter((one) => / \| 0\.\d+, \d+ /.test(one)).length).toBeGreaterThan(0);
  expect(await traced(other, SAME, SAME)).toEqual(traces);
  return before;
}

const DEMO = fileURLToPath(new URL('../../public/demo/shop-3node.tar.gz', import.meta.url));

describe('a redacted capture of the demo', () => {
  test.each(['one secret', 'another secret'])(
    'has the findings and the differences of the original: %s',
    async (secret) => {
      const { drift } = await compare(DEMO, secret);
      // A healthy cluster: an order by other addresses would be a difference of every Service port with several endpoints.
      for (const one of drift) expect(one).toMatch(/^\S+ ip: {2}ip6: $/);
    },
  );
});

describeShared('redacted captures of measured clusters', (shared) => {
  const folder = join(shared, 'captures');
  test.each(
    (
      'shop-3node shop-iptables-node shop-kube-proxy-1.33 shop-kube-proxy-1.34 shop-kube-proxy-1.35 ' +
      'faults/kube-proxy-stopped-then-endpoint-removed.tar.gz faults/kube-proxy-stopped-then-endpoint-added.tar.gz ' +
      'faults/dnat-target-altered.tar.gz faults/source-ranges-leave-out-all.tar.gz faults/internal-local-node-2-lost-its-pod.tar.gz ' +
      'faults/rule-added-to-kube-proxy-table.tar.gz faults/comment-too-long.tar.gz'
    ).split(' '),
  )('%s: the same findings and differences', async (name) => {
    await compare(join(folder, name), 'a secret');
  });
});
