/**
 * Other addresses for addresses, so that traces still hold: two that share their first n bits share n bits afterwards, so what was in a
 * prefix is in that prefix's replacement and nothing else is. Each bit is turned or not by a keyed hash of the bits before it (Xu, Fan,
 * Ammar, Moon: Prefix-Preserving IP Address Anonymization, 2002). What the kernel or a standard gives a meaning stays.
 */
import { formatIpv4, formatIpv6, formatMac, parseAddress, parseIpv4, parseIpv6, parseMac } from '../../net/address';
import type { Hashes } from './hashes';

interface Fixed {
  readonly bytes: Uint8Array;
  readonly len: number;
  /** True: nothing in it changes. False: what is in it stays in it. */
  readonly isKept: boolean;
}

const v4 = (text: string, len: number, isKept: boolean): Fixed => ({
  bytes: bytesOf4(parseIpv4(text) ?? 0),
  len,
  isKept,
});
const v6 = (text: string, len: number, isKept: boolean): Fixed => ({
  bytes: bytesOf6(parseIpv6(text) ?? 0n),
  len,
  isKept,
});

/** RFC 6890, and multicast and class E (224.0.0.0/3). */
const FIXED4 = [
  v4('0.0.0.0', 8, true),
  v4('127.0.0.0', 8, true),
  v4('169.254.0.0', 16, true),
  v4('224.0.0.0', 3, true),
  v4('10.0.0.0', 8, false),
  v4('172.16.0.0', 12, false),
  v4('192.168.0.0', 16, false),
  v4('100.64.0.0', 10, false),
];
/** RFC 6890, multicast, and the prefixes of the policy table of RFC 6724, which choose source addresses. */
const FIXED6 = [
  v6('::', 127, true),
  v6('ff00::', 8, true),
  v6('fe80::', 10, true),
  v6('::ffff:0:0', 96, false),
  v6('64:ff9b::', 96, false),
  v6('2000::', 3, false),
  v6('2001::', 32, false),
  v6('2002::', 16, false),
  v6('fc00::', 8, false),
  v6('fd00::', 8, false),
];
/** No address at all; and group and local bit say what kind of address it is. */
const FIXED_MAC: readonly Fixed[] = [{ bytes: new Uint8Array(6), len: 48, isKept: true }];
const MAC_KIND_BITS: ReadonlySet<number> = new Set([6, 7]);

export type IpAddress =
  | { readonly family: 'ip'; readonly value: number }
  | { readonly family: 'ip6'; readonly value: bigint };

export class AddressMap {
  readonly #digests = new Map<string, Uint8Array>();
  readonly #known = new Map<string, Uint8Array>();

  constructor(readonly hashes: Hashes) {}

  ipv4(value: number): number {
    const [a = 0, b = 0, c = 0, d = 0] = this.#turned('4', bytesOf4(value), FIXED4);
    return a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d;
  }

  /** IPv4 addresses and MAC addresses that are in it are replaced as they are alone. */
  ipv6(value: bigint): bigint {
    const top = value >> 32n;
    if (top === 0xffffn || top === 0x64ff9bn << 64n)
      return (top << 32n) | BigInt(this.ipv4(Number(value & 0xffffffffn)));
    if (value >> 118n === 0x3fan) return this.#linkLocal(value);
    // Solicited-node multicast ends like the address that it is of (RFC 4291, 2.7.1).
    if (value >> 24n === 0xff02000000000000000000001ffn) return ((value >> 24n) << 24n) | BigInt(this.#tail(value));
    return this.#turned('6', bytesOf6(value), FIXED6).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  }

  mac(value: number): number {
    const bytes = new Uint8Array(6);
    for (let i = 0, rest = value; i < 6; i += 1, rest = Math.floor(rest / 256)) bytes[5 - i] = rest % 256;
    if (((bytes[0] ?? 0) & 1) === 1) {
      // 33:33:ff:… ends like the IPv6 address that it is of (RFC 2464, 7).
      const isSolicited = bytes[0] === 0x33 && bytes[1] === 0x33 && bytes[2] === 0xff;
      return isSolicited ? Math.floor(value / 2 ** 24) * 2 ** 24 + this.#tail(BigInt(value)) : value;
    }
    return this.#turned('m', bytes, FIXED_MAC, MAC_KIND_BITS).reduce((sum, byte) => sum * 256 + byte, 0);
  }

  /** An address of either family, or a MAC address, as text; undefined for anything else. */
  text(text: string): string | undefined {
    const ip = parseAddress(text);
    if (ip !== undefined) return formatIp(this.ip(ip));
    const mac = parseMac(text);
    return mac === undefined ? undefined : formatMac(this.mac(mac));
  }

  ip(address: IpAddress): IpAddress {
    return address.family === 'ip'
      ? { family: 'ip', value: this.ipv4(address.value) }
      : { family: 'ip6', value: this.ipv6(address.value) };
  }

  /** The address of a network: what is behind its prefix is zero again. */
  network(address: IpAddress, len: number): IpAddress {
    const { family, value } = this.ip(address);
    if (family === 'ip')
      return { family, value: len === 0 ? 0 : Math.floor(value / 2 ** (32 - len)) * 2 ** (32 - len) };
    const shift = BigInt(128 - len);
    return { family, value: (value >> shift) << shift };
  }

  /** From an interface identifier of a MAC address (RFC 4291, appendix A) to that of its replacement. */
  #linkLocal(value: bigint): bigint {
    const id = value & 0xffffffffffffffffn;
    if (((id >> 24n) & 0xffffn) !== 0xfffen) return value;
    const mac = this.mac(Number((((id >> 40n) ^ 0x020000n) << 24n) | (id & 0xffffffn)));
    const [high, low] = [BigInt(Math.floor(mac / 2 ** 24)), BigInt(mac % 2 ** 24)];
    return ((value >> 64n) << 64n) | ((high ^ 0x020000n) << 40n) | (0xfffen << 24n) | low;
  }

  #tail(value: bigint): number {
    const [a = 0, b = 0, c = 0] = this.hashes.keyed(`tail/${value & 0xffffffn}`);
    return a * 65536 + b * 256 + c;
  }

  #turned(kind: string, bytes: Uint8Array, fixed: readonly Fixed[], kept: ReadonlySet<number> = new Set()): Uint8Array {
    const whole = `${kind}/${bytes.join('.')}`;
    const known = this.#known.get(whole);
    if (known !== undefined) return known;
    const shared = fixed.map((range) => sharedBits(bytes, range.bytes));
    const isFixed = (bit: number) =>
      kept.has(bit) ||
      fixed.some(({ len, isKept }, index) => {
        const common = shared[index] ?? 0;
        return bit < len ? common >= bit : isKept && common >= len;
      });
    const turned = bytes.map((byte, index) => {
      const digest = this.#digest(`${kind}/${bytes.subarray(0, index).join('.')}`);
      let mask = 0;
      for (let k = 0; k < 8; k += 1) {
        // One bit of the digest for each beginning of this byte: 1, 10, 11, 100 …
        const place = (1 << k) | (byte >> (8 - k));
        const isOne = (((digest[place >> 3] ?? 0) >> (place & 7)) & 1) === 1;
        if (isOne && !isFixed(index * 8 + k)) mask |= 128 >> k;
      }
      return byte ^ mask;
    });
    this.#known.set(whole, turned);
    return turned;
  }

  #digest(beginning: string): Uint8Array {
    const known = this.#digests.get(beginning) ?? this.hashes.keyed(beginning);
    this.#digests.set(beginning, known);
    return known;
  }
}

export function formatIp(address: IpAddress): string {
  return address.family === 'ip' ? formatIpv4(address.value) : formatIpv6(address.value);
}

function bytesOf4(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
}

function bytesOf6(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 16 }, (_, index) => Number((value >> BigInt(120 - index * 8)) & 255n));
}

function sharedBits(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length; i += 1) {
    const differ = (a[i] ?? 0) ^ (b[i] ?? 0);
    if (differ !== 0) return i * 8 + Math.clz32(differ) - 24;
  }
  return a.length * 8;
}

/** A range of addresses as the prefixes that make it up, in order; a range keeps no order under the map, its prefixes are kept whole. */
export function prefixesOf(
  from: IpAddress,
  to: IpAddress,
): readonly { readonly address: IpAddress; readonly len: number }[] {
  const bits = from.family === 'ip' ? 32 : 128;
  const prefixes: { address: IpAddress; len: number }[] = [];
  const last = BigInt(to.value);
  for (let at = BigInt(from.value); at <= last; ) {
    let free = 0;
    while (free < bits && ((at >> BigInt(free)) & 1n) === 0n && at + (1n << BigInt(free + 1)) - 1n <= last) free += 1;
    const address: IpAddress =
      from.family === 'ip' ? { family: 'ip', value: Number(at) } : { family: 'ip6', value: at };
    prefixes.push({ address, len: bits - free });
    at += 1n << BigInt(free);
  }
  return prefixes;
}
