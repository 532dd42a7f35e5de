import { describe, expect, test } from 'vitest';
import type { Chain, Rule, Table } from '../../nft/model';
import { fleet, lines, type Objects, service, slice, type TestNode } from '../testing/fleet';
import { commentFindings } from './comment-too-long';
import { disagreementFindings } from './nodes-disagree';
import { proxyModeFindings } from './proxy-mode';

const NOW: Objects = {
  services: [service('web'), service('db', { clusterIP: '10.96.0.20' })],
  slices: [slice('web', ['10.244.2.5']), slice('db', ['10.244.1.9'])],
};

const DROP: Rule = { handle: 9, unlisted: false, statements: [{ kind: 'drop' }] };
const chain = (name: string, rules: readonly Rule[] = [DROP], base?: Chain['base']): Chain => ({
  name,
  handle: 1,
  rules,
  ...(base && { base }),
});
const table = (family: Table['family'], name: string, chains: readonly Chain[], sets: Table['sets'] = []): Table => ({
  family,
  name,
  handle: 1,
  flags: [],
  objects: [],
  sets,
  flowtables: [],
  chains,
});
const IPTABLES = table('ip', 'nat', [chain('KUBE-SERVICES'), chain('KUBE-SEP-ABCDEFGHIJKLMNOP')]);
const KUBELET = table('ip', 'filter', [chain('KUBE-FIREWALL'), chain('KUBE-KUBELET-CANARY', [])]);
const emptied = (one: Table): Table => ({ ...one, chains: one.chains.map((c) => ({ ...c, rules: [] })) });
const LEGACY = ':FORWARD ACCEPT [0:0]\n';

const two = (node: Omit<TestNode, 'name'>): readonly TestNode[] => [{ name: 'node-1', ...node }, { name: 'node-2' }];

describe('what serves Services on a node', () => {
  test.each<readonly [string, readonly TestNode[], readonly string[]]>([
    ['its table', two({}), []],
    ['nothing, where others have the table', two({ seen: null }), ['proxy-table-missing @node-1']],
    ['a table without rules', two({ edit: emptied }), ['proxy-table-missing @node-1']],
    ['a dormant table', two({ edit: (one) => ({ ...one, flags: ['dormant'] }) }), ['proxy-table-missing @node-1']],
    [
      'nothing anywhere, and kube-proxy runs',
      [{ name: 'node-1', seen: null, files: { 'addr.json': '[]' } }],
      ['proxy-table-missing @node-1'],
    ],
    ['rules that could not be read', two({ files: { 'nft.json': { command: 'nft', exitStatus: 1, stderr: '' } } }), []],
    ['iptables mode beside nftables mode', two({ seen: null, more: [IPTABLES] }), ['proxy-not-nftables @node-1']],
    ['iptables mode on all nodes', ['node-1', 'node-2'].map((name) => ({ name, seen: null, more: [IPTABLES] })), []],
    ['rules of iptables mode beside the table', two({ more: [IPTABLES] }), ['proxy-leftovers @node-1']],
    ['empty chains of iptables mode', two({ more: [emptied(IPTABLES)] }), []],
    ['chains of kubelet', two({ more: [KUBELET] }), []],
    [
      'a rule of legacy iptables',
      two({ files: { 'iptables-legacy-save.txt': `*filter\n${LEGACY}-A FORWARD -d 10.244.2.5/32 -j DROP\nCOMMIT\n` } }),
      ['legacy-iptables-active shop/web @node-1'],
    ],
    [
      'tables of legacy iptables, all empty',
      two({ files: { 'ip_tables_names.txt': 'filter\n', 'iptables-legacy-save.txt': `*filter\n${LEGACY}COMMIT\n` } }),
      [],
    ],
    [
      'tables of legacy iptables of unknown contents',
      two({ files: { 'ip_tables_names.txt': 'nat\n' } }),
      ['legacy-iptables-active @node-1'],
    ],
  ])('%s', (_, nodes, want) => {
    expect(lines(proxyModeFindings(fleet(NOW, nodes)))).toEqual(want);
  });
});

test('nodes with the same are one finding, others their own', () => {
  const saved = (rule: string) => ({ 'iptables-legacy-save.txt': `*filter\n${LEGACY}${rule}\nCOMMIT\n` });
  const [drop, other] = ['-A FORWARD -d 10.244.2.5/32 -j DROP', '-A FORWARD -d 10.244.1.9/32 -j DROP'];
  const named = (files: readonly TestNode['files'][]): readonly TestNode[] =>
    files.map((one, at) => ({ name: `node-${at + 1}`, ...(one && { files: one }) }));
  const found = proxyModeFindings(fleet(NOW, named([saved(drop), saved(other), saved(drop)])));
  expect(lines(found)).toEqual([
    'legacy-iptables-active shop/web @node-1,node-3',
    'legacy-iptables-active shop/db @node-2',
  ]);
  expect(found[0]?.evidence.map((one) => 'node' in one && one.node)).toEqual(['node-1', 'node-1', 'node-3', 'node-3']);
  const left = ['node-1', 'node-2'].map((name) => ({ name, more: [IPTABLES] }));
  expect(lines(proxyModeFindings(fleet(NOW, left)))).toEqual(['proxy-leftovers @node-1,node-2']);
});

describe('comments', () => {
  const named = (length: number) => ({
    ...service('x'),
    metadata: { namespace: 'n', name: 'x'.repeat(length - 'n/:http'.length) },
  });
  test.each<readonly [string, Objects, string, number]>([
    ['129 bytes, no endpoints', { services: [named(129)], slices: [] }, 'v1.36.2', 1],
    ['128 bytes', { services: [named(128)], slices: [] }, 'v1.36.2', 0],
    ['cut from 1.37', { services: [named(129)], slices: [] }, 'v1.37.0', 0],
  ])('%s', (_, now, version, count) => {
    const seen = { services: [service('web')], slices: [slice('web', ['10.244.2.5'])] };
    const context = fleet(now, [{ name: 'node-1', seen, version }]);
    expect(commentFindings(context, [])).toHaveLength(count);
  });
});

describe('nodes that should be equal', () => {
  const set = (...elements: readonly string[]): Table['sets'][number] => ({
    kind: 'set',
    name: 'pods',
    handle: 2,
    type: { kind: 'types', names: ['ipv4_addr'] },
    flags: ['interval'],
    autoMerge: false,
    statements: [],
    elements: elements.map((text) => {
      const [addr = '', len] = text.split('/');
      return { key: len === undefined ? addr : { kind: 'prefix', addr, len: Number(len) } };
    }),
  });
  const all = ['10.244.1.0/24', '10.244.2.0/24', '10.244.3.0/24'];
  const on = (...lists: readonly (readonly string[] | undefined)[]): readonly TestNode[] =>
    lists.map((list, at) => ({
      name: `node-${at + 1}`,
      more: list === undefined ? [] : [table('inet', 'masq', [chain('post')], [set(...list)])],
    }));

  test.each<readonly [string, readonly TestNode[], readonly string[]]>([
    ['all the same', on(all, all, all), []],
    ['one lacks a network', on(all, all.slice(0, 2), all), ['nodes-disagree @node-2']],
    ['each its own network', on([all[0] ?? ''], [all[1] ?? ''], [all[2] ?? '']), []],
    ['each those of the others', on(all.slice(1), [all[0] ?? '', all[2] ?? ''], all.slice(0, 2)), []],
    ['two that differ: nobody knows which is right', on(all, all.slice(0, 1)), ['nodes-disagree @node-1,node-2']],
    ['a table that one has not', on(all, undefined, all), []],
    [
      'kube-proxy of two versions',
      [{ name: 'node-1', version: 'v1.35.6' }, { name: 'node-2' }, { name: 'node-3' }],
      [],
    ],
    [
      'rules of containers',
      ['10.9.0.1', '10.9.0.2', '10.9.0.2'].map((address, at) => ({
        name: `node-${at + 1}`,
        more: [table('ip', 'docker-bridges', [chain('c')], [set(address)])],
      })),
      [],
    ],
    [
      'peers of a tunnel',
      ['10.9.0.1', '10.9.0.2', '10.9.0.2'].map((address, at) => ({
        name: `node-${at + 1}`,
        more: [table('ip', 'wg-quick-wg0', [chain('preraw')], [set(address)])],
      })),
      [],
    ],
  ])('%s', (_, nodes, want) => {
    expect(lines(disagreementFindings(fleet(NOW, nodes)))).toEqual(want);
  });
});
