import { describe, expect, test } from 'vitest';
import type { FindingView } from '@/lib/api/findings-types';
import {
  aboutFirst,
  branches,
  byNode,
  countFollowing,
  countSeverities,
  findingOf,
  matchesFinding,
  pathTo,
  severityCount,
} from './findings-model';

const finding = (id: string, parts: Partial<FindingView> = {}): FindingView => ({
  id,
  code: 'no-endpoints',
  severity: 'error',
  summary: `About ${id}.`,
  services: [],
  nodes: [],
  evidence: [],
  evidenceCount: 0,
  assumptions: [],
  reproduce: '',
  remedy: '',
  causes: [],
  ...parts,
});

describe('which findings are shown', () => {
  const one = finding('a', {
    code: 'drop-after-proxy',
    severity: 'warning',
    summary: 'firewalld rejects',
    nodes: ['node-2'],
    services: ['shop/api', 'shop/web'],
  });
  const none = { severity: null, code: null, node: null, service: null, find: '' } as const;
  test.each([
    ['nothing asked', {}, true],
    ['its severity', { severity: 'warning' }, true],
    ['another severity', { severity: 'error' }, false],
    ['its code', { code: 'drop-after-proxy' }, true],
    ['a part of its code is not its code', { code: 'drop' }, false],
    ['its node', { node: 'node-2' }, true],
    ['another node', { node: 'node-22' }, false],
    ['its Service', { service: 'shop/web' }, true],
    ['a Service whose name only begins so', { service: 'shop/we' }, false],
    ['its namespace', { service: 'shop/' }, true],
    ['a namespace whose name only begins so', { service: 'sho/' }, false],
    ['words, in any case', { find: ' REJECTS  shop ' }, true],
    ['one word that is not there', { find: 'rejects docker' }, false],
    ['all together', { severity: 'warning', node: 'node-2', service: 'shop/api', find: 'fire' }, true],
    ['one of them is wrong', { severity: 'warning', node: 'node-1', service: 'shop/api' }, false],
  ] as const)('%s', (_name, asked, wanted) => {
    expect(matchesFinding(one, { ...none, ...asked })).toBe(wanted);
  });

  test('what names no node holds on each, what names no Service may touch any', () => {
    const cluster = finding('b');
    expect(matchesFinding(cluster, { ...none, node: 'node-9' })).toBe(true);
    expect(matchesFinding(cluster, { ...none, service: 'shop/api' })).toBe(true);
  });
});

describe('what is folded under what', () => {
  const tree = (findings: readonly FindingView[]) =>
    branches(findings).map(function say({ finding: { id }, follows }): string {
      return follows.length === 0 ? id : `${id}(${follows.map(say).join(' ')})`;
    });
  test.each([
    ['roots keep their order', [finding('b'), finding('a')], ['b', 'a']],
    ['a consequence under its cause', [finding('a'), finding('b', { causes: ['a'] }), finding('c')], ['a(b)', 'c']],
    ['of a consequence', [finding('a'), finding('b', { causes: ['a'] }), finding('c', { causes: ['b'] })], ['a(b(c))']],
    ['two causes: under the first', [finding('a'), finding('b'), finding('c', { causes: ['b', 'a'] })], ['a(c)', 'b']],
    ['its cause is filtered out', [finding('b', { causes: ['a'] })], ['b']],
    ['a cause of itself', [finding('a', { causes: ['a'] })], ['a']],
    [
      'causes of each other: none is lost',
      [finding('a', { causes: ['b'] }), finding('b', { causes: ['a'] })],
      ['b(a)'],
    ],
  ])('%s', (_name, findings, wanted) => {
    expect(tree(findings)).toEqual(wanted);
  });

  test('how many follow, and the way to one of them', () => {
    const all = branches([
      finding('a'),
      finding('b', { causes: ['a'] }),
      finding('c', { causes: ['b'] }),
      finding('d', { causes: ['a'] }),
      finding('e'),
    ]);
    expect(all.map(countFollowing)).toEqual([3, 0]);
    expect(pathTo('c', all)).toEqual(['a', 'b', 'c']);
    expect(pathTo('e', all)).toEqual(['e']);
    expect(pathTo('x', all)).toEqual([]);
  });
});

describe('what explains the connection that was asked about', () => {
  const found = [finding('a'), finding('b'), finding('c', { causes: ['b'] }), finding('d')];
  const order = (reasons: readonly string[]) => {
    const { tree, about } = aboutFirst(branches(found), reasons);
    return [tree.map(({ finding: { id } }) => id).join(' '), about];
  };
  test('comes first, in the order of the reasons', () => expect(order(['d', 'b'])).toEqual(['d b a', 2]));
  test('a cause stands for what follows from it', () => expect(order(['c'])).toEqual(['b a d', 1]));
  test('without any all stay as they are', () => expect(order(['x'])).toEqual(['a b d', 0]));
});

test('a link opens a finding by its id, or by its code; another is not opened for it', () => {
  const all = [finding('no-endpoints~1'), finding('no-endpoints~2'), finding('x~3', { code: 'priority-tie' })];
  expect(findingOf(all, 'no-endpoints~2')?.id).toBe('no-endpoints~2');
  expect(findingOf(all, 'priority-tie')?.id).toBe('x~3');
  expect(findingOf(all, 'no-endpoints')?.id).toBe('no-endpoints~1');
  expect(findingOf(all, 'no-endpoints~9')).toBeUndefined();
  expect(findingOf(all, null)).toBeUndefined();
});

test('counts by severity and by node', () => {
  const all = [
    finding('a', { nodes: ['n1', 'n2'] }),
    finding('b', { severity: 'info', nodes: ['n2'] }),
    finding('c', { severity: 'warning' }),
  ];
  expect(countSeverities(all)).toEqual({ error: 1, warning: 1, info: 1 });
  expect([...byNode(all)].map(([node, found]) => [node, found.map(({ id }) => id)])).toEqual([
    ['n1', ['a']],
    ['n2', ['a', 'b']],
  ]);
  expect([severityCount('error', 1), severityCount('warning', 2), severityCount('info', 1000)]).toEqual([
    '1 error',
    '2 warnings',
    '1,000 notes',
  ]);
});
