/** IP protocol numbers and the names used in packets and views. */
export const PROTO = {
  hopopt: 0,
  icmp: 1,
  igmp: 2,
  ipip: 4,
  tcp: 6,
  udp: 17,
  dccp: 33,
  ipv6: 41,
  routing: 43,
  fragment: 44,
  gre: 47,
  esp: 50,
  ah: 51,
  icmpv6: 58,
  nonxt: 59,
  dstopts: 60,
  pim: 103,
  comp: 108,
  sctp: 132,
  mobility: 135,
  udplite: 136,
} as const;

const NAMES = new Map<number, string>([
  [1, 'icmp'],
  [6, 'tcp'],
  [17, 'udp'],
  [33, 'dccp'],
  [47, 'gre'],
  [50, 'esp'],
  [51, 'ah'],
  [58, 'icmpv6'],
  [108, 'comp'],
  [132, 'sctp'],
  [136, 'udplite'],
]);

const NUMBERS = new Map<string, number>([
  ...[...NAMES].map(([number, name]) => [name, number] as const),
  ['ipv6-icmp', 58],
  ['icmp6', 58],
  ['igmp', 2],
  ['ipip', 4],
  ['ipv6', 41],
]);

/** `tcp` for 6; the number itself where there is no name. */
export function protocolName(number: number): string | number {
  return NAMES.get(number) ?? number;
}

/** 6 for `tcp`, `TCP`, `6` or 6; undefined for a name nobody knows. */
export function protocolNumber(name: string | number): number | undefined {
  if (typeof name === 'number') return Number.isInteger(name) && name >= 0 && name <= 255 ? name : undefined;
  if (/^\d{1,3}$/.test(name)) return protocolNumber(Number(name));
  return NUMBERS.get(name.toLowerCase());
}

/** Protocols whose header begins with source and destination port. */
export function hasPorts(protocol: number): boolean {
  return protocol === 6 || protocol === 17 || protocol === 33 || protocol === 132 || protocol === 136;
}

/** TCP flag names in the order of their bits, lowest first. */
export const TCP_FLAGS = ['fin', 'syn', 'rst', 'psh', 'ack', 'urg', 'ecn', 'cwr'] as const;
