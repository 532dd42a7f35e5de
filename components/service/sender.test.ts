import { expect, test } from 'vitest';
import type { NamesView } from '@/lib/api/types';
import { askedHref, beginsOn } from './sender';

const pod = (name: string, node: string | null): NamesView['pods'][number] =>
  ({ namespace: 'shop', name, node }) as NamesView['pods'][number];
const names = {
  pods: [pod('web-1', 'node-1'), pod('pending', null)],
  nodes: [{ name: 'node-1' }, { name: 'node-2' }] as unknown as NamesView['nodes'],
};

test.each([
  ['a pod', 'shop/web-1', 'node-1'],
  ['a pod that is nowhere yet', 'shop/pending', 'node-3'],
  ['a node', 'node-2', 'node-2'],
  ['a client outside', 'external', 'node-3'],
  ['a client outside with an address', 'external:198.51.100.1', 'node-3'],
])('%s sends from %s: %s', (_, from, begins) => expect(beginsOn(names, from, 'node-3')).toBe(begins));

test('before names are known, from the node that is looked at', () => {
  expect(beginsOn(undefined, 'shop/web-1', 'node-3')).toBe('node-3');
});

test('the trace is on the node where the way begins; from another, the whole path', () => {
  const asked = { source: 's', node: 'node-3', from: 'shop/web-1', to: '10.96.0.10:80/tcp' };
  const of = (begins: string) => new URL(askedHref({ ...asked, begins }), 'http://x').searchParams;
  expect([of('node-1').get('node'), of('node-1').get('scope')]).toEqual(['node-1', 'path']);
  expect([of('node-3').get('node'), of('node-3').get('scope')]).toEqual(['node-3', null]);
});
