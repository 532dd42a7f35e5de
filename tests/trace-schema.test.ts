/** The stable format of traces, docs/trace.schema.json: every answer keeps to it, and has no member that it does not name. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Ajv2020 } from 'ajv/dist/2020';
import { describe, expect, test } from 'vitest';
import { names } from '@/lib/api/names';
import { type OpenNode, openNode } from '@/lib/api/open-node';
import { answerOf, traceAnswer, tracePacket } from '@/lib/api/trace-answer';
import { whatWouldDeliverOf } from '@/lib/api/what-would-deliver';
import { toWire } from '@/lib/api/wire';
import { decodeRuleset } from '@/lib/decode/decode-ruleset';
import { decodePacketSpec } from '@/lib/net/packet-spec';
import { trace } from '@/lib/sim';
import { withLoaded } from '@/lib/sim/as-loaded';
import { decodeEnvironment } from '@/lib/world/decode-environment';
import { openPath } from '@/server/sources/open-source';
import { DEFAULT_LIMITS } from '@/server/sources/source';
import { describeShared } from './shared';

type Schema = { readonly [key: string]: unknown };
const SCHEMA = JSON.parse(readFileSync(join(import.meta.dirname, '../docs/trace.schema.json'), 'utf8')) as Schema;

/** Readers pass over members that they do not know; the test does not, so that nothing is left undocumented. */
function strict(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(strict);
  if (typeof schema !== 'object' || schema === null) return schema;
  const all = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, strict(value)]));
  return 'properties' in all && !('additionalProperties' in all) ? { ...all, additionalProperties: false } : all;
}

const ajv = new Ajv2020({ strictTypes: false, discriminator: false });
ajv.addSchema(strict({ ...SCHEMA, $id: 'strict' }) as Schema);
const checks = (ref: string) => {
  const validate = ajv.getSchema(ref);
  if (validate === undefined) throw new Error(`no schema ${ref}`);
  return (value: unknown): readonly string[] => {
    // As a client has it: members that are undefined are not there.
    const wire: unknown = JSON.parse(JSON.stringify(value));
    if (validate(wire) === true) return [];
    return (validate.errors ?? [])
      .filter(({ keyword }) => keyword !== 'oneOf' && keyword !== 'const')
      .slice(0, 5)
      .map(({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`);
  };
};
const answerFaults = checks('strict');
const traceFaults = checks('strict#/$defs/trace');

test('the schema itself is one, with and without the strictness of the test', () => {
  expect(ajv.validateSchema(SCHEMA)).toBe(true);
});

async function nodesOf(path: string): Promise<readonly OpenNode[]> {
  const opened = await openPath(path, DEFAULT_LIMITS);
  if (!opened.ok) throw new Error(opened.problem.say);
  const { signal } = new AbortController();
  const [entries, cluster] = [await opened.value.nodes(signal), await opened.value.cluster(signal)];
  if (!entries.ok || !cluster.ok) throw new Error('the capture cannot be read');
  const nodes: OpenNode[] = [];
  for (const { name } of entries.value) {
    const capture = await opened.value.node(name, signal);
    if (!capture.ok) throw new Error(capture.problem.say);
    const { files, capturedAt, hash } = capture.value;
    nodes.push(openNode({ node: name, files, cluster: cluster.value.files, capturedAt, version: hash }));
  }
  return nodes;
}

/** From a pod, from outside and from the node to every port of every Service. */
function faultsOf(node: OpenNode): { readonly faults: readonly string[]; readonly traces: number } {
  const { pods, services } = names(node);
  const pod = pods.find((one) => one.node === node.node && !one.hostNetwork);
  const sources = ['external', `node/${node.node}`, ...(pod === undefined ? [] : [`${pod.namespace}/${pod.name}`])];
  const faults: string[] = [];
  let traces = 0;
  for (const { namespace, name, ports } of services) {
    for (const { port, protocol } of ports) {
      for (const from of sources) {
        const question = { from, to: `svc:${namespace}/${name}:${port}`, protocol: protocol.toLowerCase() };
        const answer = traceAnswer(node, node.ruleset.ok ? node.ruleset.value : undefined, {
          question: { ...question, family: undefined, sport: undefined, dport: undefined, flags: undefined },
        });
        if (!answer.ok) continue;
        traces++;
        faults.push(...answerFaults({ source: 'x', ...answer.value }).map((fault) => `${question.to}: ${fault}`));
      }
    }
  }
  return { faults, traces };
}

const nodes = await nodesOf(join(import.meta.dirname, '../public/demo/shop-3node.tar.gz'));

describe('answers over the demo capture', () => {
  test.each(nodes.map((node) => [node.node, node] as const))('%s', (_name, node) => {
    const { faults, traces } = faultsOf(node);
    expect(faults.slice(0, 10)).toEqual([]);
    expect(traces).toBeGreaterThan(30);
  });
});

test('what would deliver a packet is part of the format', () => {
  const [node] = nodes;
  if (node === undefined) throw new Error('the demo has no node');
  const packet = { iif: 'eth0', saddr: '192.0.2.9', daddr: '203.0.113.12', protocol: 'tcp', dport: 80 };
  const traced = tracePacket(node, { packet });
  if (!traced.ok) throw new Error(traced.problem.say);
  const whatWouldDeliver = whatWouldDeliverOf(node, traced.value);
  expect(whatWouldDeliver.found.map(({ change }) => change.kind)).toEqual([
    'service',
    'element-removed',
    'rule-dropped',
    'priority',
  ]);
  const answer = answerOf(node, node.ruleset.ok ? node.ruleset.value : undefined, traced.value);
  expect(answerFaults({ source: 'x', ...answer, whatWouldDeliver })).toEqual([]);
  const broken = { ...whatWouldDeliver, found: whatWouldDeliver.found.map((one) => ({ ...one, touches: 'all' })) };
  expect(answerFaults({ source: 'x', ...answer, whatWouldDeliver: broken })).not.toEqual([]);
});

describe('what breaks the format is found', () => {
  const [node] = nodes;
  if (node === undefined) throw new Error('the demo has no node');
  const packet = { iif: 'eth0', saddr: '198.51.100.10', daddr: '10.240.0.11', protocol: 'tcp', dport: 30080 };
  const good = traceAnswer(node, undefined, { packet });
  if (!good.ok) throw new Error(good.problem.say);
  const whole = JSON.parse(JSON.stringify(good.value.trace)) as { readonly branches: readonly Schema[] } & Schema;
  const [branch] = whole.branches;
  test('the trace that the faults are put into has none', () => expect(traceFaults(whole)).toEqual([]));
  test.each([
    { name: 'another version', value: { ...whole, version: 2 } },
    { name: 'no branches', value: { ...whole, branches: [] } },
    { name: 'a member that the schema does not name', value: { ...whole, extra: 1 } },
    {
      name: 'a step of an unknown kind',
      value: { ...whole, branches: [{ ...branch, steps: [{ kind: 'x', skb: 0 }] }] },
    },
    { name: 'a probability of 2', value: { ...whole, branches: [{ ...branch, probability: 2 }] } },
  ])('$name', ({ value }) => {
    const validate = ajv.getSchema('strict#/$defs/trace');
    expect(validate?.(value)).toBe(false);
  });
});

interface Case {
  readonly id: string;
  readonly environment: string;
  readonly ruleset: string;
  readonly rulesetJson: unknown;
  readonly packets: readonly unknown[];
}

describeShared('traces of the recorded cases', (shared) => {
  const folder = join(shared, 'conformance/kernel-traces');
  const environments = JSON.parse(readFileSync(join(folder, 'environments.json'), 'utf8')) as Schema;
  test.each(['singles', 'flows'])('%s', (file) => {
    const lines = gunzipSync(readFileSync(join(folder, `${file}.jsonl.gz`)))
      .toString()
      .trimEnd()
      .split('\n');
    const faults: string[] = [];
    const kinds = new Set<string>();
    for (const line of lines) {
      const one = JSON.parse(line) as Case;
      const ruleset = decodeRuleset(one.rulesetJson);
      const environment = decodeEnvironment(environments[one.environment]);
      if (!ruleset.ok || !environment.ok) throw new Error(`${one.id} cannot be read`);
      const world = {
        ...environment.value,
        ruleset: { known: true, value: withLoaded(ruleset.value, one.ruleset) },
      } as const;
      for (const packet of one.packets) {
        const spec = decodePacketSpec(packet);
        if (!spec.ok) throw new Error(`${one.id}: ${spec.problem.say}`);
        const traced = trace(world, spec.value);
        for (const { steps } of traced.branches) for (const { kind } of steps) kinds.add(kind);
        faults.push(...traceFaults(toWire(traced)).map((fault) => `${one.id}: ${fault}`));
      }
    }
    expect(faults.slice(0, 10)).toEqual([]);
    expect(kinds).toContain('generated');
    expect(kinds).toContain('nat');
  });
});
