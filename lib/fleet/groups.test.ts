import { expect, test } from 'vitest';
import { buildCluster } from '../cluster/build-cluster';
import { decodeBytes } from '../decode/decode-bytes';
import { ok } from '../net/result';
import { buildParts } from '../world/build-world';
import { type FleetNode, fleetNode } from './fleet-node';
import { groupNodes } from './groups';

const rule = (chain: string, handle: number, expr: readonly unknown[]) => ({
  rule: { family: 'inet', table: 't', chain, handle, expr },
});
const drop = (saddr: string) => [
  { match: { op: '==', left: { payload: { protocol: 'ip', field: 'saddr' } }, right: saddr } },
  { counter: { packets: Number(saddr.split('.')[3]), bytes: 5 } },
  { drop: null },
];

interface Made {
  readonly address: string;
  readonly elements?: readonly unknown[];
  readonly rules?: readonly (readonly unknown[])[];
  readonly policy?: string;
  readonly flags?: readonly string[];
}

let handle = 1;
function node(name: string, { address, elements = [], rules = [], policy = 'accept', flags = [] }: Made): FleetNode {
  const base = handle;
  handle += 7;
  const listing = {
    nftables: [
      { metainfo: { version: '1.0.6', json_schema_version: 1 } },
      { table: { family: 'inet', name: 't', handle: base } },
      { set: { family: 'inet', table: 't', name: 's', handle: base + 1, type: 'ipv4_addr', flags, elem: elements } },
      {
        chain: {
          family: 'inet',
          table: 't',
          name: 'c',
          handle: base + 2,
          type: 'filter',
          hook: 'input',
          prio: 0,
          policy,
        },
      },
      ...rules.map((expr, at) => rule('c', base + 3 + at, expr)),
    ],
  };
  const ruleset = decodeBytes(new TextEncoder().encode(JSON.stringify(listing)));
  if (!ruleset.ok) throw new Error(ruleset.problem.say);
  const addr = JSON.stringify([
    {
      ifindex: 2,
      ifname: 'eth0',
      flags: ['UP'],
      mtu: 1500,
      operstate: 'UP',
      link_type: 'ether',
      addr_info: [{ family: 'inet', local: address, prefixlen: 24, scope: 'global' }],
    },
  ]);
  const { parts, versions } = buildParts(new Map([['addr.json', { kind: 'read', content: addr }]]));
  return fleetNode({ node: name, ruleset: ok(ruleset.value), world: parts, versions }, CLUSTER);
}
const CLUSTER = buildCluster(new Map());
const groups = (nodes: readonly FleetNode[]) => groupNodes(nodes).map((group) => group.nodes.join(' '));
const A = '10.0.0.1';
const B = '10.0.0.2';
const C = '10.0.0.3';

test('handles, counters and the order of elements are no difference', () => {
  const same = [
    node('a', { address: A, elements: ['192.0.2.1', '192.0.2.2'], rules: [drop('192.0.2.9')] }),
    node('b', { address: B, elements: ['192.0.2.2', '192.0.2.1'], rules: [drop('192.0.2.9')] }),
  ];
  expect(groups(same)).toEqual(['a b']);
});

test('the address of the node itself is no difference where each has its own', () => {
  expect(groups([node('a', { address: A, elements: [A] }), node('b', { address: B, elements: [B] })])).toEqual(['a b']);
});

test('a list that is the same everywhere stays the same list, and one who lacks it is odd', () => {
  const all = [A, B, C];
  const three = [
    node('a', { address: A, elements: all }),
    node('b', { address: B, elements: all }),
    node('c', { address: C, elements: [A, C] }),
  ];
  expect(groups(three)).toEqual(['a b', 'c']);
  expect(groupNodes(three)[1]?.differences).toMatchObject([
    {
      sign: 'other',
      kind: 'set',
      name: 's',
      say: 'set s: 1 element less',
      lines: [{ sign: 'less', text: B }],
      count: 1,
    },
  ]);
});

test('elements that packets add, and elements that end, are no difference', () => {
  const flags = ['timeout'];
  const filled = [{ elem: { val: '192.0.2.1', expires: 5 } }];
  expect(groups([node('a', { address: A, flags, elements: filled }), node('b', { address: B, flags })])).toEqual([
    'a b',
  ]);
});

test('the order of rules is one, and so are policy and a further rule', () => {
  const [x, y] = [drop('192.0.2.1'), drop('192.0.2.2')];
  const nodes = [
    node('a', { address: A, rules: [x, y] }),
    node('b', { address: B, rules: [x, y] }),
    node('c', { address: C, rules: [y, x] }),
    node('d', { address: '10.0.0.4', rules: [x, y], policy: 'drop' }),
    node('e', { address: '10.0.0.5', rules: [x, y, drop('192.0.2.3')] }),
  ];
  expect(groups(nodes)).toEqual(['a b', 'c', 'd', 'e']);
  expect(groupNodes(nodes).map(({ label, differences }) => [label, ...differences.map(({ say }) => say)])).toEqual([
    ['A'],
    ['B', 'chain c: another order'],
    [
      'C',
      'chain c: declared as “type filter hook input priority filter; policy drop;” instead of “type filter hook input priority filter; policy accept;”',
    ],
    ['D', 'chain c: 1 rule more'],
  ]);
});

test('a node whose ruleset is not known is in no group', () => {
  const { parts, versions } = buildParts(new Map());
  const problem = { code: 'SRC-012', say: 'nft failed.', do: '' };
  const unknown = fleetNode({ node: 'x', ruleset: { ok: false, problem }, world: parts, versions }, CLUSTER);
  expect(unknown).toMatchObject({ counts: undefined, owners: [], proxy: { kind: 'unknown', how: 'nft failed.' } });
  expect(groups([unknown, node('a', { address: A })])).toEqual(['a']);
});

test('equal groups have equal hashes, others have not', () => {
  const hash = (nodes: readonly FleetNode[]) => groupNodes(nodes).map((group) => group.hash);
  const [one] = hash([node('a', { address: A, elements: ['192.0.2.1'] })]);
  expect(hash([node('b', { address: B, elements: ['192.0.2.1'] })])).toEqual([one]);
  expect(hash([node('c', { address: C, elements: ['192.0.2.7'] })])).not.toEqual([one]);
});
