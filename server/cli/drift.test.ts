import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { decodeBytes } from '@/lib/decode/decode-bytes';
import { type NodeDrift, nodeDrift } from '@/lib/drift/node-drift';
import type { Result } from '@/lib/net/result';
import { describeShared } from '@/tests/shared';
import { openPath } from '../sources/open-source';
import { DEFAULT_LIMITS, type Source } from '../sources/source';
import { nodeNames, othersFor, readCluster, readNode } from './captured-nodes';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

async function open(path: string): Promise<Source> {
  const opened = await openPath(path, { ...DEFAULT_LIMITS, unpackedBytes: 1e9 });
  if (!opened.ok) throw new Error(opened.problem.say);
  return opened.value;
}

async function driftOf(source: Source, name: string): Promise<Result<NodeDrift>> {
  const [node, cluster] = [await readNode(source, name), await readCluster(source)];
  return node.ok ? nodeDrift(node.value, cluster, await othersFor(node.value, source)) : node;
}

const differencesOf = (drift: NodeDrift) => drift.families.flatMap(({ differences }) => differences);

/** Nodes with differences, and Services that these name, `NAMESPACE/NAME`. */
async function drifted(
  path: string,
): Promise<{ readonly nodes: readonly string[]; readonly services: readonly string[] }> {
  const source = await open(path);
  const nodes: string[] = [];
  const services = new Set<string>();
  for (const name of await nodeNames(source)) {
    const drift = await driftOf(source, name);
    const differences = drift.ok ? differencesOf(drift.value) : [];
    if (differences.length > 0) nodes.push(name);
    for (const { owner } of differences) for (const one of owner.services) services.add(`${one.namespace}/${one.name}`);
  }
  return { nodes, services: [...services] };
}

test('the demo capture: no difference', async () => {
  expect(await drifted(join(root, 'public/demo/shop-3node.tar.gz'))).toEqual({ nodes: [], services: [] });
});

/** What makes tables and cluster differ. All other faults leave kube-proxy's tables as they should be. */
const DRIFTING: ReadonlySet<string> = new Set([
  'service-missing-on-node',
  'service-stale-on-node',
  'endpoint-missing-on-node',
  'endpoint-stale-on-node',
  'proxy-rules-altered',
  'proxy-table-missing',
  'comment-too-long',
]);

interface Fault {
  readonly required: readonly string[];
  readonly codes: readonly string[];
  readonly nodes: readonly string[];
  readonly services: readonly string[];
  readonly faults?: readonly {
    readonly code: string;
    readonly nodes: readonly string[];
    readonly services: readonly string[];
  }[];
}

/** By what was broken, not by what we find. */
function expectedDrift(fault: Fault): Pick<Fault, 'codes' | 'nodes' | 'services'> {
  // Another mode has no tables to compare.
  const isOtherMode = fault.required.includes('proxy-not-nftables');
  const parts = isOtherMode
    ? []
    : (fault.faults ?? [{ code: fault.codes.find((code) => DRIFTING.has(code)) ?? '', ...fault }]);
  const drifting = parts.filter(({ code }) => DRIFTING.has(code));
  return {
    codes: drifting.map(({ code }) => code),
    nodes: [...new Set(drifting.flatMap(({ nodes }) => nodes))].toSorted(),
    services: drifting.flatMap(({ services }) => services),
  };
}

describeShared('captures', (shared) => {
  const captures = join(shared, 'captures');
  const faults = readdirSync(join(captures, 'faults')).filter((name) => name.endsWith('.fault.json'));

  test('all captures of faults', () => expect(faults.length).toBe(62));
  test.each(faults)('%s: differences on the broken nodes, and nowhere else', async (file) => {
    const fault = JSON.parse(readFileSync(join(captures, 'faults', file), 'utf8')) as Fault;
    const want = expectedDrift(fault);
    const found = await drifted(join(captures, 'faults', file.replace('.fault.json', '.tar.gz')));
    expect(found.nodes).toEqual(want.nodes);
    // A rule in a chain of all Services names none.
    if (!want.codes.includes('proxy-rules-altered'))
      expect(found.services).toEqual(expect.arrayContaining([...want.services]));
  });

  test.each(['node-1', 'node-2', 'node-3'])('%s as nft 1.1.3 lists it: no difference', async (name) => {
    const source = await open(join(captures, 'shop-3node'));
    const [node, cluster] = [await readNode(source, name), await readCluster(source)];
    const ruleset = decodeBytes(readFileSync(join(captures, 'shop-3node/nodes', name, 'nft-1.1.3.json')));
    if (!node.ok || !ruleset.ok) throw new Error(`${name} cannot be read`);
    expect(ruleset.value.nftVersion).toBe('1.1.3');
    const drift = nodeDrift({ ...node.value, ruleset: ruleset.value }, cluster);
    expect(drift.ok ? differencesOf(drift.value) : drift.problem).toEqual([]);
  });

  test('a node in iptables mode is not compared', async () => {
    const drift = await driftOf(await open(join(captures, 'shop-iptables-node')), 'node-4');
    expect(drift.ok ? 'compared' : drift.problem.code).toBe('EXP-002');
  });
});

describe('one thing changed in the demo capture', () => {
  /** What is found after a change of the JSON that nft printed. */
  async function changed(change: (members: Record<string, Record<string, unknown>>[]) => void) {
    const source = await open(join(root, 'public/demo/shop-3node.tar.gz'));
    const capture = await source.node('node-1', new AbortController().signal);
    const [node, cluster] = [await readNode(source, 'node-1'), await readCluster(source)];
    const listing = capture.ok ? capture.value.files.get('nft.json') : undefined;
    if (!node.ok || listing?.kind !== 'read') throw new Error('node-1 cannot be read');
    const json = JSON.parse(new TextDecoder().decode(listing.content));
    change(json.nftables);
    const ruleset = decodeBytes(new TextEncoder().encode(JSON.stringify(json)));
    if (!ruleset.ok) throw new Error(ruleset.problem.say);
    const drift = nodeDrift({ ...node.value, ruleset: ruleset.value }, cluster);
    if (!drift.ok) throw new Error(drift.problem.say);
    return {
      differences: differencesOf(drift.value).map(({ kind, name, expected, actual }) => ({
        kind,
        name,
        expected,
        actual,
      })),
      normal: drift.value.families.flatMap(({ normal }) => normal.map(({ name }) => name)),
    };
  }
  const ip = (name: string, value: unknown) => ({ family: 'ip', table: 'kube-proxy', name, ...(value as object) });

  function elements(members: Record<string, Record<string, unknown>>[], kind: string, name: string): unknown[] {
    const found = members.find((member) => member[kind]?.name === name && member[kind].family === 'ip');
    const elem = found?.[kind]?.elem;
    if (!Array.isArray(elem)) throw new Error(`no elements in ${name}`);
    return elem;
  }

  test('an address in affinity sets: nothing', async () => {
    const { differences } = await changed((members) => {
      const affinity = members.find(({ set }) => String(set?.name).startsWith('affinity-'));
      if (affinity?.set === undefined) throw new Error('no affinity set');
      affinity.set.elem = [{ elem: { val: '10.244.1.99', timeout: 10800, expires: 17 } }];
    });
    expect(differences).toEqual([]);
  });

  test('an empty chain that nothing leads to: normal', async () => {
    const name = 'service-ABCDEFGH-shop/gone/tcp/http';
    const found = await changed((members) => members.push({ chain: ip(name, { handle: 9000 }) }));
    expect(found).toEqual({ differences: [], normal: [name] });
  });

  test('an empty chain that an element leads to: extra', async () => {
    const name = 'service-ABCDEFGH-shop/gone/tcp/http';
    const { differences } = await changed((members) => {
      members.push({ chain: ip(name, { handle: 9000 }) });
      elements(members, 'map', 'service-ips').push([
        { concat: ['10.96.99.99', 'tcp', 80] },
        { goto: { target: name } },
      ]);
    });
    expect(differences).toEqual([
      { kind: 'chain extra', name, expected: null, actual: `chain ${name}` },
      { kind: 'element extra', name: 'service-ips', expected: null, actual: `10.96.99.99 . tcp . 80 : goto ${name}` },
    ]);
  });

  test('a NodePort address that the node has lost: normal until the next full sync', async () => {
    const found = await changed((members) => {
      elements(members, 'set', 'nodeport-ips').push('10.240.0.99');
    });
    expect(found).toEqual({ differences: [], normal: ['nodeport-ips'] });
  });

  test('the priority of a base chain', async () => {
    const { differences } = await changed((members) => {
      const chain = members.find((member) => member.chain?.name === 'nat-prerouting' && member.chain.family === 'ip');
      if (chain?.chain === undefined) throw new Error('no such chain');
      chain.chain.prio = -90;
    });
    expect(differences).toEqual([
      {
        kind: 'chain differs',
        name: 'nat-prerouting',
        expected: 'chain nat-prerouting { type nat hook prerouting priority -100; policy accept; }',
        actual: 'chain nat-prerouting { type nat hook prerouting priority -90; policy accept; }',
      },
    ]);
  });

  test('two rules in the other order', async () => {
    const { differences } = await changed((members) => {
      const at = members.findIndex((member) => member.rule?.chain === 'filter-forward' && member.rule.family === 'ip');
      members.splice(at + 1, 0, ...members.splice(at, 1));
    });
    expect(differences.map(({ kind, name }) => [kind, name])).toEqual([['rule order', 'filter-forward']]);
  });
});
