import { describe, expect, test } from 'vitest';
import type { Cluster } from '../cluster/cluster';
import type { CapturedNode, ExpectedFamily } from '../expected/expected-of-node';
import type { Chain, NftSet, SetElement, Table } from '../nft/model';
import { familyDrift } from './node-drift';

const affinity = (endpoint: string, timeout: number, elements: readonly SetElement[] = []): NftSet => ({
  kind: 'set',
  name: `affinity-ABCDEFGH-shop/web/tcp/http__${endpoint}/80`,
  handle: 1,
  type: { kind: 'types', names: ['ipv4_addr'] },
  flags: ['dynamic', 'timeout'],
  timeout,
  autoMerge: false,
  statements: [],
  elements,
});
const clusterIps = (...flags: readonly string[]): NftSet => {
  const { timeout: _, ...set } = affinity('', 0);
  return { ...set, name: 'cluster-ips', flags };
};
const SERVICES: Chain = {
  name: 'services',
  handle: 2,
  rules: [{ handle: 3, unlisted: false, statements: [{ kind: 'accept' }] }],
};
const table = (sets: readonly NftSet[], ...chains: readonly Chain[]): Table => ({
  family: 'ip',
  name: 'kube-proxy',
  handle: 1,
  flags: [],
  objects: [],
  flowtables: [],
  sets,
  chains: [SERVICES, ...chains],
});

/** Only what the comparison reads. */
const CLUSTER = {
  services: { known: true, value: [] },
  endpointSlices: { known: true, value: [] },
  pods: { known: true, value: [] },
  nodes: { known: true, value: [] },
} as unknown as Cluster;
const NODE = { name: 'node-1', ruleset: {}, world: { links: { known: false } } } as unknown as CapturedNode;

function drift(expected: Table, actual: Table): readonly (readonly [string, string])[] {
  const family = {
    family: 'ip',
    expected,
    actual,
    assumptions: [],
    node: { name: 'node-1' },
    configuration: {},
  } as unknown as ExpectedFamily;
  return familyDrift(family, NODE, CLUSTER).differences.map(({ kind, meaning }) => [kind, meaning]);
}

const THREE = ['10.244.1.2', '10.244.1.3', '10.244.1.4'];

test('another timeout of all affinity sets is a change of the Service, of one it is not', () => {
  const expected = table(THREE.map((one) => affinity(one, 10_800)));
  const all = drift(expected, table(THREE.map((one) => affinity(one, 60))));
  expect(all).toHaveLength(3);
  for (const [kind, meaning] of all)
    expect([kind, meaning]).toEqual([
      'set differs',
      expect.stringContaining('affinity timeout of the Service changed'),
    ]);
  expect(drift(expected, table(THREE.map((one, i) => affinity(one, i === 0 ? 60 : 10_800))))).toEqual([
    ['set differs', expect.stringMatching(/^Somebody other than kube-proxy/)],
  ]);
});

test('clients that rules added are theirs; one that never expires is somebody else’s', () => {
  const expected = table([affinity('10.244.1.2', 10_800)]);
  const of = (...elements: readonly SetElement[]) => drift(expected, table([affinity('10.244.1.2', 10_800, elements)]));
  expect(of({ key: '10.244.1.9', timeout: 10_800, expires: 300 }, { key: '10.244.1.8', expires: 12 })).toEqual([]);
  expect(of({ key: { kind: 'elem', val: '10.244.1.9', expires: 12 } })).toEqual([]);
  expect(of({ key: '10.244.1.9' })).toEqual([['element extra', expect.stringContaining('for good')]]);
});

test('flags that change what a set takes', () => {
  const expected = table([clusterIps()]);
  expect(drift(expected, table([clusterIps('dynamic')]))).toEqual([]);
  expect(drift(expected, table([clusterIps('interval')]))).toEqual([
    ['set differs', expect.stringMatching(/^Somebody other than kube-proxy/)],
  ]);
});

describe('a chain of somebody else', () => {
  const base = { type: 'filter', hook: 'forward', prio: 0, policy: 'accept', devices: [] } as const;
  const { rules } = SERVICES;
  test.each<readonly [string, Omit<Chain, 'name' | 'handle'>, RegExp]>([
    ['hooked, with rules', { base, rules }, /leaves others there/],
    ['hooked, without rules', { base, rules: [] }, /no packet meets it/],
    [
      'hooked, without rules, with a policy that drops',
      { base: { ...base, policy: 'drop' }, rules: [] },
      /others there/,
    ],
    ['not hooked', { rules }, /no packet meets it/],
  ])('%s', (_, chain, want) => {
    expect(drift(table([]), table([], { name: 'mine', handle: 9, ...chain }))).toEqual([
      ['chain extra', expect.stringMatching(want)],
    ]);
  });
});

test('what another release left is no fault', () => {
  const left: NftSet = { ...clusterIps(), name: 'hairpin-connections' };
  expect(drift(table([]), table([left]))).toEqual([['set extra', expect.stringMatching(/^Another release/)]]);
});
