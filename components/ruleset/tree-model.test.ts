import { describe, expect, test } from 'vitest';
import type { ChainOverview, SetOverview, TableOverview } from '@/lib/api/types';
import { ancestorsOf, buildTree, type TreeNode, visibleRows } from './tree-model';

const chain = (name: string, base?: { readonly hook: string; readonly prio: number }): ChainOverview => ({
  name,
  handle: 1,
  rules: 2,
  base: base === undefined ? null : { type: 'filter', prioText: '', policy: 'accept', devices: [], ...base },
  comment: null,
  usedBy: 0,
  object: null,
});
const set = (kind: 'set' | 'map', name: string): SetOverview => ({
  kind,
  name,
  handle: 1,
  type: 'ipv4_addr',
  flags: [],
  count: 36,
  comment: null,
  usedBy: 0,
  object: null,
});
const table = (name: string, rest: Partial<TableOverview>): TableOverview => ({
  family: 'ip',
  name,
  handle: 1,
  comment: null,
  flags: [],
  owner: { key: 'kp', name: 'kube-proxy', how: '' },
  counts: { chains: 0, baseChains: 0, rules: 97, sets: 0, maps: 0, elements: 0, flowtables: 0, objects: 0 },
  chains: [],
  sets: [],
  flowtables: [],
  objects: [],
  ...rest,
});

const TREE = buildTree({
  tables: [
    table('kube-proxy', {
      chains: [
        chain('nat-postrouting', { hook: 'postrouting', prio: 100 }),
        chain('filter-prerouting-pre-dnat', { hook: 'prerouting', prio: -110 }),
        chain('nat-prerouting', { hook: 'prerouting', prio: -100 }),
        chain('services'),
        chain('service-WEZGB4Y6-shop/api/tcp/http'),
        chain('endpoint-A2CZE46B-shop/cart/tcp/http__10.244.1.4/8080'),
        chain('service-VT2Y66F3-data/postgres-rw/tcp/postgres'),
      ],
      sets: [set('map', 'service-ips'), set('set', 'cluster-ips')],
    }),
    table('other', {}),
  ],
});

const print = (nodes: readonly TreeNode[], depth = 0): readonly string[] =>
  nodes.flatMap((n) => [`${' '.repeat(depth)}${n.label} ${n.note}`, ...print(n.children, depth + 1)]);

describe('buildTree', () => {
  test('groups, base chains by hook and priority, Service chains by namespace, empty groups left out', () => {
    expect(print(TREE)).toEqual([
      'ip kube-proxy 97 rules',
      ' base chains 3',
      '  filter-prerouting-pre-dnat −110',
      '  nat-prerouting −100',
      '  nat-postrouting 100',
      ' chains 1',
      '  services 2',
      ' Service chains 3',
      '  shop 2',
      '   service-WEZGB4Y6-shop/api/tcp/http 2',
      '   endpoint-A2CZE46B-shop/cart/tcp/http__10.244.1.4/8080 2',
      '  data 1',
      '   service-VT2Y66F3-data/postgres-rw/tcp/postgres 2',
      ' maps 1',
      '  service-ips 36',
      ' sets 1',
      '  cluster-ips 36',
      'ip other 97 rules',
    ]);
  });
});

describe('visibleRows', () => {
  test('closed entries hide what is in them', () => {
    expect(visibleRows(TREE, () => false).map((r) => [r.node.label, r.level, r.position, r.siblings])).toEqual([
      ['ip kube-proxy', 1, 1, 2],
      ['ip other', 1, 2, 2],
    ]);
  });
  test('level, position and parent of a row deep in the tree', () => {
    const row = visibleRows(TREE, () => true).find((r) => r.node.label.startsWith('endpoint-'));
    expect(row).toMatchObject({ level: 4, position: 2, siblings: 2, parent: 'ip kube-proxy/services/shop' });
  });
});

test('ancestorsOf', () => {
  const id = 'ip kube-proxy/chain/service-WEZGB4Y6-shop/api/tcp/http';
  expect(ancestorsOf(TREE, id)).toEqual(['ip kube-proxy', 'ip kube-proxy/services', 'ip kube-proxy/services/shop']);
  expect(ancestorsOf(TREE, 'ip kube-proxy')).toEqual([]);
  expect(ancestorsOf(TREE, 'ip nowhere/chain/x')).toEqual([]);
});
