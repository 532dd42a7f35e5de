import { describe, expect, test } from 'vitest';
import type { NodeState, SourceView } from '@/lib/api/types';
import { resolvePlace } from './use-place';

const source = (id: string, nodes: readonly (readonly [string, NodeState])[]): SourceView => ({
  id,
  kind: 'bundle',
  name: id,
  origin: 'configured',
  argument: 'a.tar.gz',
  capturedAt: null,
  live: false,
  nodes: nodes.map(([name, state]) => ({ name, state, problem: null, capturedAt: null, zone: null })),
});
const SOURCES = [
  source('shop', [
    ['node-1', 'unreadable'],
    ['node-2', 'ready'],
  ]),
  source('none', []),
  source('broken', [['node-5', 'unreadable']]),
];

const at = (id: string | null, node: string | null) => {
  const place = resolvePlace(SOURCES, id, node);
  return place.state === 'ready' ? `${place.source.id} ${place.node.name}` : place.say;
};

describe('resolvePlace', () => {
  test.each([
    ['nothing in the URL: the first source, the first node that can be read', null, null, 'shop node-2'],
    ['a node that cannot be read is shown as such', 'shop', 'node-1', 'shop node-1'],
    ['no node can be read', 'broken', null, 'broken node-5'],
    ['no node', 'none', null, 'none holds no node.'],
    ['unknown node', 'shop', 'node-9', 'shop has no node called node-9.'],
    ['unknown source', 'gone', null, 'There is no source called gone.'],
  ])('%s', (_name, id, node, want) => {
    expect(at(id, node)).toBe(want);
  });
  test('no source at all', () => {
    expect(resolvePlace([], null, null)).toMatchObject({ state: 'missing' });
  });
});
