import { expect, test } from 'vitest';
import { entryNode, isOutside } from './entry-node';

const nodes = [
  { name: 'node-1', addresses: ['10.240.0.11', 'fd00::11'] },
  { name: 'node-2', addresses: ['10.240.0.12'] },
] as never;

test.each([
  ['svc:shop/checkout:http', 'node-3'],
  ['203.0.113.10:80/tcp', 'node-3'],
  ['10.240.0.12:30080/tcp', 'node-2'],
  ['[fd00::11]:30080/tcp', 'node-1'],
  ['node-2', 'node-2'],
  [null, 'node-3'],
])('packets to %s enter by %s', (to, node) => expect(entryNode({ nodes }, to, 'node-3')).toBe(node));

test.each([
  ['external', true],
  ['external:198.51.100.7', true],
  ['external-dns/pod-1', false],
  ['node-1', false],
  [null, false],
])('%s is outside: %s', (from, is) => expect(isOutside(from)).toBe(is));
