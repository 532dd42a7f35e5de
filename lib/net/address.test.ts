import { describe, expect, test } from 'vitest';
import { formatAddress, formatIpv6, parseIpv4, parseIpv6 } from './address';

describe('IPv4', () => {
  test.each([
    ['0.0.0.0', 0],
    ['255.255.255.255', 0xffffffff],
    ['10.96.0.10', 0x0a60000a],
    ['256.0.0.1', undefined],
    ['01.2.3.4', undefined],
    ['1.2.3', undefined],
    ['', undefined],
  ])('%s', (text, want) => {
    expect(parseIpv4(text)).toBe(want);
    if (want !== undefined) expect(formatAddress(want)).toBe(text);
  });
});

describe('IPv6', () => {
  test.each([
    ['::', '::'],
    ['::1', '::1'],
    ['fd00:0:0:1::', 'fd00:0:0:1::'],
    ['fd00:10:244:0001::3', 'fd00:10:244:1::3'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['::ffff:10.0.0.1', '::ffff:10.0.0.1'],
    ['::1.2.3.4', '::1.2.3.4'],
    ['2001:db8::192.0.2.1', '2001:db8::c000:201'],
    ['64:ff9b::', '64:ff9b::'],
  ])('%s prints as %s', (text, want) => {
    const value = parseIpv6(text);
    expect(value).toBeTypeOf('bigint');
    expect(formatIpv6(value ?? 0n)).toBe(want);
  });

  test.each([
    '',
    ':',
    '1:::2',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4::5:6:7:8',
    '12345::',
    'g::',
    'fe80::1%eth0',
  ])('refuses %j', (text) => expect(parseIpv6(text)).toBeUndefined());
});
