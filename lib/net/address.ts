/**
 * IPv4 and IPv6 addresses as numbers. IPv4 is an unsigned 32-bit number, IPv6 an unsigned 128-bit bigint, MAC a string.
 */

/** Parses dotted decimal; undefined when it is not an IPv4 address. Leading zeros are refused, as inet_pton(3) does. */
export function parseIpv4(text: string): number | undefined {
  let value = 0;
  let part = -1;
  let parts = 0;
  let digits = 0;
  for (let i = 0; i <= text.length; i++) {
    const c = i < text.length ? text.charCodeAt(i) : 46;
    if (c === 46) {
      if (part < 0 || parts === 4) return undefined;
      value = value * 256 + part;
      parts++;
      part = -1;
      digits = 0;
    } else if (c >= 48 && c <= 57) {
      if (part === 0 || digits === 3) return undefined;
      part = part < 0 ? c - 48 : part * 10 + (c - 48);
      digits++;
      if (part > 255) return undefined;
    } else return undefined;
  }
  return parts === 4 ? value : undefined;
}

/** Parses any textual form of RFC 4291 (compressed, IPv4-mapped); undefined when it is not an IPv6 address. */
export function parseIpv6(text: string): bigint | undefined {
  let head = text;
  let tail: number | undefined;
  if (text.includes('.')) {
    const colon = text.lastIndexOf(':');
    tail = parseIpv4(text.slice(colon + 1));
    if (tail === undefined) return undefined;
    head = text.slice(0, colon + 1);
    head = head.endsWith('::') ? head : head.slice(0, -1);
  }
  const want = tail === undefined ? 8 : 6;
  const halves = head.split('::');
  if (halves.length > 2) return undefined;
  const left = halves[0] === '' ? [] : (halves[0] ?? '').split(':');
  const right = halves.length === 1 || halves[1] === '' ? [] : (halves[1] ?? '').split(':');
  if (halves.length === 1 ? left.length !== want : left.length + right.length >= want) return undefined;
  let value = 0n;
  const zeros = want - left.length - right.length;
  for (let i = 0; i < want; i++) {
    const word = i < left.length ? left[i] : i < left.length + zeros ? '0' : right[i - left.length - zeros];
    if (word === undefined || !/^[0-9a-fA-F]{1,4}$/.test(word)) return undefined;
    value = (value << 16n) | BigInt(Number.parseInt(word, 16));
  }
  return tail === undefined ? value : (value << 32n) | BigInt(tail);
}

/** The address of either family, or undefined. */
export function parseAddress(
  text: string,
): { readonly family: 'ip'; readonly value: number } | { readonly family: 'ip6'; readonly value: bigint } | undefined {
  if (text.includes(':')) {
    const value = parseIpv6(text);
    return value === undefined ? undefined : { family: 'ip6', value };
  }
  const value = parseIpv4(text);
  return value === undefined ? undefined : { family: 'ip', value };
}

/** Dotted decimal. */
export function formatIpv4(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}

/** RFC 5952: lower case, the longest run of two or more zero words compressed, IPv4-mapped and -compatible tails dotted as inet_ntop(3) prints them. */
export function formatIpv6(value: bigint): string {
  const words: number[] = [];
  for (let i = 7; i >= 0; i--) words.push(Number((value >> BigInt(i * 16)) & 0xffffn));
  const top = value >> 32n;
  if (top === 0xffffn || (top === 0n && value > 0xffffn)) {
    return `${top === 0n ? '::' : '::ffff:'}${formatIpv4(Number(value & 0xffffffffn))}`;
  }
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let j = i;
    while (j < 8 && words[j] === 0) j++;
    if (j - i > length) {
      start = i;
      length = j - i;
    }
    if (j > i) i = j;
  }
  const hex = words.map((w) => w.toString(16));
  if (start < 0) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

/** Either family by the type of the value: number is IPv4, bigint is IPv6. */
export function formatAddress(value: number | bigint): string {
  return typeof value === 'number' ? formatIpv4(value) : formatIpv6(value);
}

/** An address as {@link formatAddress} writes it, however it is spelled; a text that is no address stays. */
export function shortest(text: string): string {
  const address = parseAddress(text);
  return address === undefined ? text : formatAddress(address.value);
}

/** True when `addr` lies in `prefix/len`. A length of 0 holds everything. */
export function inPrefix(addr: number | bigint, prefix: number | bigint, len: number): boolean {
  if (len === 0) return true;
  if (typeof addr === 'number') return typeof prefix === 'number' && addr >>> (32 - len) === prefix >>> (32 - len);
  return typeof prefix === 'bigint' && addr >> BigInt(128 - len) === prefix >> BigInt(128 - len);
}

/** `02:00:00:00:01:01` as a 48-bit number; undefined when it is not a MAC address. */
export function parseMac(text: string): number | undefined {
  if (text.length !== 17) return undefined;
  let value = 0;
  for (let i = 0; i < 17; i++) {
    const c = text.charCodeAt(i);
    if (i % 3 === 2) {
      if (c !== 0x3a) return undefined;
      continue;
    }
    const digit = c >= 0x30 && c <= 0x39 ? c - 0x30 : (c | 0x20) >= 0x61 && (c | 0x20) <= 0x66 ? (c | 0x20) - 0x57 : -1;
    if (digit < 0) return undefined;
    value = value * 16 + digit;
  }
  return value;
}

/** A 48-bit number as `02:00:00:00:01:01`. */
export function formatMac(value: number): string {
  return (value.toString(16).padStart(12, '0').match(/../g) ?? []).join(':');
}
