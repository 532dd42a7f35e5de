import { expect, test } from 'vitest';
import { packetWords } from './evidence';

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
