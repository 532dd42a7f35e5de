import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAddress } from '../../net/address';
import { AddressMap, formatIp, prefixesOf } from './address-map';
import { hashesOf } from './testing/renamings';

const map = new AddressMap(hashesOf('secret'));
const ip = (text: string) => {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(text);
  return address;
};
const bits = (value: number | bigint, width: number) => BigInt(value).toString(2).padStart(width, '0');
const shared = (a: string, b: string) => [...a].findIndex((bit, index) => bit !== b[index]) >>> 0;
const ipv4 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const ipv6 = fc.bigInt({ min: 0n, max: 2n ** 128n - 1n });
/** Near another one: random pairs share few bits. */
const near4 = fc
  .tuple(ipv4, ipv4, fc.integer({ min: 0, max: 32 }))
  .map(([a, b, n]) => [a, (a ^ ((b >>> 1) >>> n)) >>> 0] as const);
const near6 = fc
  .tuple(ipv6, ipv6, fc.integer({ min: 0, max: 128 }))
  .map(([a, b, n]) => [a, a ^ (b >> BigInt(n))] as const);

describe('other addresses', () => {
  test('of IPv4 share as many first bits as the addresses do', () => {
    fc.assert(
      fc.property(near4, ([a, b]) => {
        expect(shared(bits(map.ipv4(a), 32), bits(map.ipv4(b), 32))).toBe(shared(bits(a, 32), bits(b, 32)));
      }),
    );
  });

  test('of IPv6 share as many first bits, but behind fe80::/10, ff02::1:ff00:0/104 and where MAC addresses are in them', () => {
    fc.assert(
      fc.property(
        near6.filter(([a, b]) => [a, b].every((one) => one >> 118n !== 0x3fan && one >> 120n !== 0xffn)),
        ([a, b]) => {
          expect(shared(bits(map.ipv6(a), 128), bits(map.ipv6(b), 128))).toBe(shared(bits(a, 128), bits(b, 128)));
        },
      ),
    );
  });

  test.each(
    (
      '0.0.0.0 0.1.2.3 127.0.0.1 127.255.255.255 169.254.1.2 224.0.0.1 239.255.255.250 255.255.255.255 255.255.240.0 240.0.0.1 ' +
      ':: ::1 fe80::1 fe80::dead:beef ff02::1 ff02::fb 00:00:00:00:00:00 ff:ff:ff:ff:ff:ff 01:00:5e:00:00:fb'
    ).split(' '),
  )('%s stays', (address) => {
    expect(map.text(address)).toBe(address);
  });

  test.each([
    { address: '10.1.2.3', stays: /^10\./ },
    { address: '172.20.1.1', stays: /^172\.(1[6-9]|2\d|3[01])\./ },
    { address: '192.168.7.7', stays: /^192\.168\./ },
    { address: '100.100.0.1', stays: /^100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\./ },
    { address: 'fd00:1:2::3', stays: /^fd/ },
    { address: '2001:db8::1', stays: /^[23]/ },
  ])('$address stays in its range, and is another one', ({ address, stays }) => {
    expect(map.text(address)).toMatch(stays);
    expect(map.text(address)).not.toBe(address);
  });

  test('an IPv4 address in an IPv6 address is replaced as it is alone', () => {
    const other = map.text('192.0.2.1') ?? '';
    expect(map.text('::ffff:192.0.2.1')).toBe(`::ffff:${other}`);
    expect(map.text('64:ff9b::192.0.2.1')).toBe(formatIp(ip(`64:ff9b::${other}`)));
  });

  test('a MAC address in a link-local address is replaced as it is alone', () => {
    // RFC 4291, appendix A: 34-56-78-9A-BC-DE is 3656:78ff:fe9a:bcde.
    const mac = (map.text('34:56:78:9a:bc:de') ?? '').split(':').map((part) => Number.parseInt(part, 16));
    const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = mac;
    const words = [((a ^ 2) << 8) | b, (c << 8) | 0xff, 0xfe00 | d, (e << 8) | f].map((word) => word.toString(16));
    expect(map.text('fe80::3656:78ff:fe9a:bcde')).toBe(formatIp(ip(`fe80::${words.join(':')}`)));
    expect(mac).not.toEqual([0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde]);
  });

  test('a MAC address stays of its kind: local or not, of a group or not', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 48 - 1 }), (mac) => {
        const kind = (value: number) => Math.floor(value / 2 ** 40) & 3;
        expect(kind(map.mac(mac))).toBe(kind(mac));
      }),
    );
  });

  test('a network is that of its addresses', () => {
    fc.assert(
      fc.property(ipv4, fc.integer({ min: 0, max: 32 }), (value, len) => {
        const { value: network } = map.network({ family: 'ip', value }, len);
        expect(shared(bits(network, 32), bits(map.ipv4(value), 32))).toBeGreaterThanOrEqual(len);
        expect(bits(network, 32).slice(len)).not.toContain('1');
      }),
    );
  });

  test('another secret gives others', () => {
    expect(new AddressMap(hashesOf('another')).text('198.51.100.77')).not.toBe(map.text('198.51.100.77'));
  });
});

describe('a range as prefixes', () => {
  test.each([
    { range: '10.0.0.0-10.0.0.255', prefixes: '10.0.0.0/24' },
    { range: '10.0.0.1-10.0.0.1', prefixes: '10.0.0.1/32' },
    { range: '10.0.0.5-10.0.0.10', prefixes: '10.0.0.5/32 10.0.0.6/31 10.0.0.8/31 10.0.0.10/32' },
    { range: '0.0.0.0-255.255.255.255', prefixes: '0.0.0.0/0' },
    { range: 'fd00::-fd00::2', prefixes: 'fd00::/127 fd00::2/128' },
  ])('$range', ({ range, prefixes }) => {
    const [from = '', to = ''] = range.split('-');
    expect(
      prefixesOf(ip(from), ip(to))
        .map(({ address, len }) => `${formatIp(address)}/${len}`)
        .join(' '),
    ).toBe(prefixes);
  });
});
