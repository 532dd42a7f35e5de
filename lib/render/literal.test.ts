import { describe, expect, test } from 'vitest';
import * as t from '../nft/datatypes';
import { dialectOf } from './dialect';
import { formatLiteral, formatNumeric } from './literal';
import { formatPriority } from './priority';
import { formatBytes, formatMilliseconds, formatSeconds } from './units';

const newest = dialectOf(undefined);

describe('literals', () => {
  test.each([
    { type: t.MARK, value: 18, text: '0x00000012', numeric: '0x00000012' },
    { type: t.IFNAME, value: 'eth0', text: '"eth0"', numeric: '"eth0"' },
    { type: t.IFACE_INDEX, value: '7', text: '7', numeric: '7' },
    { type: t.REALM, value: 'cosmos', text: '"cosmos"', numeric: '0' },
    { type: t.INET_PROTO, value: 'tcp', text: 'tcp', numeric: '6' },
    { type: t.ETHER_TYPE, value: 'ip', text: 'ip', numeric: '0x0800' },
    { type: t.DSCP, value: 'ef', text: 'ef', numeric: '0x2e' },
    { type: t.CT_STATE, value: 'new', text: 'new', numeric: '0x8' },
    { type: t.TIME, value: 90, text: '1m30s', numeric: '90s' },
    { type: t.CLASSID, value: 0x1ffff, text: '1:ffff', numeric: '1:ffff' },
    { type: t.BOOLEAN, value: true, text: 'exists', numeric: 'exists' },
    { type: t.integerType(128, 'network', 16), value: '0x1122', text: '0x1122', numeric: '0x1122' },
    { type: t.integerType(64, 'host'), value: -1, text: '18446744073709551615', numeric: '18446744073709551615' },
  ])('$type.name $value', ({ type, value, text, numeric }) => {
    expect(formatLiteral(value, type, newest)).toBe(text);
    expect(formatNumeric(value, type, newest)).toBe(numeric);
  });
});

describe('units', () => {
  test.each([
    [0, '0s'],
    [59, '59s'],
    [90, '1m30s'],
    [5400, '1h30m'],
    [446582, '5d4h3m2s'],
    [694861, '8d1h1m1s'],
    [5.5, '5s500ms'],
    [-1, '0s'],
    [Number.NaN, '0s'],
  ])('%d seconds', (seconds, text) => expect(formatSeconds(seconds)).toBe(text));

  test.each([
    [0, '0s'],
    [59992, '59s992ms'],
    [120000, '2m'],
    [90061001n, '1d1h1m1s1ms'],
  ])('%d ms', (ms, text) => expect(formatMilliseconds(ms)).toBe(text));

  test.each([
    [0, '0 bytes'],
    [1023, '1023 bytes'],
    [1024, '1 kbytes'],
    [3221225472, '3072 mbytes'],
    [2n ** 63n, '8796093022208 mbytes'],
  ])('%d bytes', (bytes, text) => expect(formatBytes(bytes)).toBe(text));
});

describe('priorities', () => {
  test.each([
    ['inet', 'input', 0, 'filter'],
    ['ip', 'prerouting', -95, 'dstnat + 5'],
    ['ip', 'prerouting', -110, 'dstnat - 10'],
    ['ip', 'forward', -100, '-100'],
    ['ip', 'input', 11, '11'],
    ['ip6', 'output', -100, 'dstnat'],
    ['ip6', 'input', 100, 'srcnat'],
    ['bridge', 'prerouting', -300, 'dstnat'],
    ['bridge', 'forward', 0, '0'],
    ['bridge', 'output', 100, 'out'],
    ['netdev', 'ingress', -3, 'filter - 3'],
    ['arp', 'input', 3, 'filter + 3'],
  ] as const)('%s %s %d', (family, hook, value, text) => {
    expect(formatPriority(value, family, hook, newest)).toBe(text);
  });

  test('1.0.6 names no nat priorities on local hooks', () => {
    expect(formatPriority(-100, 'ip', 'output', dialectOf('1.0.6'))).toBe('-100');
  });
});
