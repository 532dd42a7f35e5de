import { expect, test } from 'vitest';
import { inPrefix, parseAddress } from './address';
import { parsePrefix } from './prefix';

test.each([
  ['10.96.0.10', '10.96.0.0/12', true],
  ['10.112.0.1', '10.96.0.0/12', false],
  ['255.0.0.1', '0.0.0.0/0', true],
  ['192.168.1.1', '192.168.1.1', true],
  ['fd00:10:244:1::3', 'fd00:10:244::/48', true],
  ['fd00:11::', 'fd00:10::/32', false],
  ['::1', '::/0', true],
])('%s in %s: %s', (address, text, want) => {
  const ip = parseAddress(address);
  const prefix = parsePrefix(text);
  expect(ip !== undefined && prefix !== undefined && inPrefix(ip.value, prefix.addr, prefix.len)).toBe(want);
});

test.each(['10.0.0.0/33', '10.0.0.0/', '10.0.0.0/x', '::/129', 'default', ''])('no prefix: %j', (text) => {
  expect(parsePrefix(text)).toBeUndefined();
});
