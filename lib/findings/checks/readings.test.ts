import { expect, test } from 'vitest';
import { Context } from '../context';
import { fleet, lines, nodeObject, type Objects, type TestNode } from '../testing/fleet';
import { readingFindings } from './readings';

const failure = (exitStatus: number) => ({ command: 'nft -j list ruleset', exitStatus, stderr: '' });
/** Every file that is expected; their contents do not matter here. */
const WHOLE = Object.fromEntries([
  ...['nft.json', 'addr.json', 'link.json', 'route4.json', 'route6.json', 'rule4.json', 'rule6.json', 'neigh.json'].map(
    (name) => [name, '[]'],
  ),
  ['nft.txt', ''],
  ['conntrack.txt', ''],
  ['sysctl.txt', ''],
  ['versions.json', '{}'],
]);
const node = (files: TestNode['files'] = {}, versions: TestNode['versions'] = {}): TestNode => ({
  name: 'node-1',
  files: { ...WHOLE, ...files },
  versions,
});
const { 'route4.json': _, ...WITHOUT_ROUTES } = WHOLE;

test.each<readonly [string, TestNode, Objects, readonly string[]]>([
  ['all is there', node(), {}, []],
  [
    'the reader had no right',
    node({ 'nft.json': failure(1) }),
    {},
    ['node-unreadable @node-1', 'capture-incomplete @node-1'],
  ],
  [
    'the reader crashed',
    node({ 'nft.json': failure(139) }),
    {},
    ['reader-too-old @node-1', 'node-unreadable @node-1', 'capture-incomplete @node-1'],
  ],
  [
    'the reader was killed',
    node({ 'nft.json': failure(137) }),
    {},
    ['node-unreadable @node-1', 'capture-incomplete @node-1'],
  ],
  ['an old kernel', node({}, { kernel: '5.4.0-90-generic' }), {}, ['version-below-minimum @node-1']],
  ['the oldest kernel that will do', node({}, { kernel: '5.13.0', nft: '1.0.1' }), {}, []],
  ['an old nft', node({}, { kernel: '6.1.0', nft: '0.9.9' }), {}, ['version-below-minimum @node-1']],
  ['routes that were not read', { name: 'node-1', files: WITHOUT_ROUTES }, {}, ['capture-incomplete @node-1']],
  ['a file that makes no sense', node({ 'route4.json': '{' }), {}, ['capture-incomplete @node-1']],
  [
    'a node that was not captured',
    node(),
    { nodes: ['node-1', 'node-2'].map((name) => nodeObject(name)) },
    ['capture-incomplete @node-2'],
  ],
])('%s', (_name, one, objects, want) => {
  expect(lines(readingFindings(fleet(objects, [one])))).toEqual(want);
});

test('old versions do not matter where kube-proxy works in another mode', () => {
  const nat = { family: 'ip', name: 'nat', handle: 1, flags: [], objects: [], sets: [], flowtables: [] } as const;
  const rule = { handle: 9, unlisted: false, statements: [{ kind: 'drop' }] } as const;
  const more = [{ ...nat, chains: [{ name: 'KUBE-SERVICES', handle: 2, rules: [rule] }] }];
  const one: TestNode = { ...node({}, { kernel: '5.4.0' }), seen: null, more };
  expect(lines(readingFindings(fleet({}, [one])))).toEqual([]);
});

test('several nodes without the objects of their cluster', () => {
  const nodes = ['node-1', 'node-2'].map((name): TestNode => ({ ...node(), name }));
  const bare = (some: readonly TestNode[]) => {
    const { input } = fleet({}, some);
    const unknown = { known: false, why: 'it was not read' } as const;
    const cluster = { ...input.cluster, services: unknown, endpointSlices: unknown, nodes: unknown, pods: unknown };
    return readingFindings(new Context({ ...input, cluster }));
  };
  const [found, ...more] = bare(nodes);
  expect(more).toEqual([]);
  expect(found).toMatchObject({ code: 'capture-incomplete', severity: 'info', nodes: [] });
  expect(found?.summary).toContain('services.json');
  // A host is no cluster.
  expect(bare(nodes.slice(0, 1))).toEqual([]);
});

test('node-2 comes before node-10', () => {
  const nodes = ['node-10', 'node-9', 'node-2'].map((name): TestNode => ({ name, files: WITHOUT_ROUTES }));
  const [found] = readingFindings(fleet({}, nodes));
  expect(found?.summary).toMatch(/^Of node-2, node-9 and node-10 route4.json is missing/);
});

test('nodes with the same cause are one finding, others their own', () => {
  const named = (name: string, files: TestNode['files'] = {}, versions: TestNode['versions'] = {}): TestNode => ({
    ...node(files, versions),
    name,
  });
  const objects = { nodes: ['node-1', 'node-2', 'node-3'].map((name) => nodeObject(name)) };
  const codes = (...nodes: readonly TestNode[]) =>
    lines(readingFindings(fleet(objects, nodes))).filter((line) => !line.startsWith('capture-incomplete'));
  expect(
    codes(
      named('node-1', { 'nft.json': failure(1) }),
      named('node-2', { 'nft.json': failure(1) }),
      named('node-3', { 'nft.json': failure(2) }),
    ),
  ).toEqual(['node-unreadable @node-1,node-2', 'node-unreadable @node-3']);
  const crashed = { 'nft.json': failure(139) };
  expect(
    codes(
      named('node-1', crashed, { nft: '1.0.6' }),
      named('node-2', crashed, { nft: '1.0.6' }),
      named('node-3', crashed, { nft: '1.0.2' }),
    ),
  ).toEqual(['reader-too-old @node-1,node-2', 'reader-too-old @node-3', 'node-unreadable @node-1,node-2,node-3']);
  expect(
    codes(
      named('node-1', {}, { kernel: '5.4.0' }),
      named('node-2', {}, { kernel: '5.10.0' }),
      named('node-3', {}, { kernel: '5.4.0' }),
    ),
  ).toEqual(['version-below-minimum @node-1,node-3', 'version-below-minimum @node-2']);
});
