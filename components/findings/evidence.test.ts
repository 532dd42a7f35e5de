import { expect, test } from 'vitest';
import { packetHref, packetWords } from './evidence';

test.each([
  [
    { protocol: 'tcp', saddr: '10.0.0.1', sport: 4, daddr: '10.96.0.10', dport: 53, iif: 'eth0' },
    'tcp 10.0.0.1:4 → 10.96.0.10:53 in by eth0',
  ],
  [
    { protocol: 'udp', saddr: 'fd00::1', sport: 4, daddr: 'fd00::a', dport: 53, from: 'local' },
    'udp [fd00::1]:4 → [fd00::a]:53 sent by the node',
  ],
  [{ protocol: 'icmp', saddr: '10.0.0.1', daddr: '10.0.0.2', iif: 'eth0' }, 'icmp 10.0.0.1 → 10.0.0.2 in by eth0'],
  [{ saddr: '10.0.0.1' }, '10.0.0.1'],
  [{}, ''],
])('%j in words', (packet, words) => {
  expect(packetWords(packet)).toBe(words);
});

const packet = { kind: 'packet', node: 'node-3', packet: { daddr: '10.96.0.10' }, text: '' } as const;
const TO = '10.104.72.175:9092/tcp';

test.each([
  [
    'one that another node sent is followed from there',
    { from: 'node-1', to: TO, begins: 'node-1' },
    { node: 'node-1', from: 'node-1', to: TO, scope: 'path' },
  ],
  [
    'one from outside to the address of a node enters there',
    { from: 'external:198.51.100.7', to: TO, begins: 'node-2' },
    { node: 'node-2', from: 'external:198.51.100.7', to: TO, scope: 'path', via: 'node-2' },
  ],
  [
    'where its way begins is not known',
    { from: 'external:198.51.100.7', to: TO, begins: null },
    { node: 'node-3', from: 'external:198.51.100.7', to: TO },
  ],
  ['it says itself how it comes in', null, { node: 'node-3', packet: '{"daddr":"10.96.0.10"}' }],
])('the trace of a packet: %s', (_, ends, asked) => {
  const { searchParams } = new URL(packetHref('s', { ...packet, ends }), 'http://localhost');
  expect(Object.fromEntries(searchParams)).toEqual({ source: 's', ...asked });
});
