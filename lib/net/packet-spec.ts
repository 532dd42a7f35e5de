/**
 * A packet as a person or a test describes it: header fields with defaults, or the whole packet in hex. The field names are those
 * of the recorded cases (see docs/cases.md).
 */
import { parseAddress, parseMac } from './address';
import { protocolNumber, TCP_FLAGS } from './protocols';

export interface ExtHeaderSpec {
  readonly type: string;
  /** For `frag`: offset in bytes, more-fragments and identification. */
  readonly offset?: number;
  readonly mf?: boolean;
  readonly id?: number;
  /** The header's bytes after next-header and length, in hex, where the default padding is not wanted. */
  readonly hex?: string;
}

export interface PacketSpec {
  /** `local`: sent by a process of the node; `unknown`: arrives on an interface nobody knows; else arrives on `iif`. */
  readonly from?: string;
  readonly iif?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly mark?: number;
  readonly family: 'ip' | 'ip6' | 'arp';
  readonly saddr?: string;
  readonly daddr?: string;
  readonly protocol?: string | number;
  readonly sport?: number;
  readonly dport?: number;
  readonly flags?: readonly string[];
  readonly seq?: number;
  readonly ack?: number;
  readonly window?: number;
  readonly icmpType?: number;
  readonly icmpCode?: number;
  readonly icmpId?: number;
  readonly icmpSeq?: number;
  readonly ttl?: number;
  readonly hoplimit?: number;
  readonly dscp?: number;
  readonly ecn?: number;
  readonly id?: number;
  readonly df?: boolean;
  readonly mf?: boolean;
  readonly fragOff?: number;
  readonly flowlabel?: number;
  readonly extHeaders?: readonly ExtHeaderSpec[];
  readonly tcpOptionsHex?: string;
  readonly ipOptionsHex?: string;
  readonly payloadHex?: string;
  readonly badChecksum?: 'l4' | 'ip';
  readonly rawL4?: boolean;
  readonly fragment?: { readonly index: number; readonly of: number };
  readonly ackFollows?: number;
  readonly l2?: { readonly src?: string; readonly dst?: string; readonly vlan?: number };
  readonly length?: number;
  /** ARP. */
  readonly op?: string | number;
  readonly senderMac?: string;
  readonly targetMac?: string;
  /** Ports (or, as `sport`, the ICMP id) whose value nobody knows: another node's kernel picked them by chance. */
  readonly unknownPorts?: readonly ('sport' | 'dport')[];
  /** The whole packet from the IP or ARP header on; authoritative where present. */
  readonly hex?: string;
}

export interface PacketProblem {
  readonly code: 'PKT-001' | 'PKT-002' | 'PKT-003';
  readonly path: string;
  readonly say: string;
  readonly do: string;
}

type Checked =
  | { readonly ok: true; readonly value: PacketSpec }
  | { readonly ok: false; readonly problem: PacketProblem };

const INTEGERS: Readonly<Record<string, readonly [number, number]>> = {
  uid: [0, 0xffffffff],
  gid: [0, 0xffffffff],
  mark: [0, 0xffffffff],
  sport: [0, 65535],
  dport: [0, 65535],
  seq: [0, 0xffffffff],
  ack: [0, 0xffffffff],
  window: [0, 65535],
  icmpType: [0, 255],
  icmpCode: [0, 255],
  icmpId: [0, 65535],
  icmpSeq: [0, 65535],
  ttl: [0, 255],
  hoplimit: [0, 255],
  dscp: [0, 63],
  ecn: [0, 3],
  id: [0, 65535],
  fragOff: [0, 65528],
  flowlabel: [0, 0xfffff],
  ackFollows: [0, 1e9],
  length: [0, 0xffffffff],
};
const HEX = ['tcpOptionsHex', 'ipOptionsHex', 'payloadHex', 'hex'] as const;
const STRINGS = ['from', 'iif', 'senderMac', 'targetMac'] as const;
const BOOLEANS = ['df', 'mf', 'rawL4'] as const;

/** What was given, for a message: never more than a line of it, and of an object not even that. */
function shown(value: unknown): string {
  if (Array.isArray(value) && value.some((item) => typeof item === 'object' && item !== null))
    return 'a list of objects';
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return 'an object';
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** The version in the first four bits of an IP header; an ARP packet begins with hardware type 1 for Ethernet (RFC 826). */
function familyOfHex(hex: string): PacketSpec['family'] | undefined {
  if (hex.startsWith('4')) return 'ip';
  if (hex.startsWith('6')) return 'ip6';
  return hex.startsWith('0001') ? 'arp' : undefined;
}

/**
 * Checks a packet given as JSON. Codes: PKT-001 not an object or family missing, PKT-002 a member is wrong, PKT-003 members contradict
 * each other.
 */
export function decodePacketSpec(json: unknown): Checked {
  const bad = (code: PacketProblem['code'], path: string, say: string, todo: string): Checked => ({
    ok: false,
    problem: { code, path, say, do: todo },
  });
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    return bad(
      'PKT-001',
      'packet',
      'A packet is a JSON object.',
      'Give an object such as {"iif":"eth0","family":"ip","saddr":"10.0.1.2","daddr":"10.0.2.2","protocol":"tcp","dport":80}.',
    );
  }
  const p = json as Readonly<Record<string, unknown>>;
  for (const key of HEX) {
    const v = p[key];
    if (v !== undefined && v !== null && (typeof v !== 'string' || !/^([0-9a-fA-F]{2})*$/.test(v))) {
      return bad('PKT-002', `packet.${key}`, `${key} is ${shown(v)}.`, 'Give pairs of hexadecimal digits.');
    }
  }
  if (p.hex === '') {
    return bad('PKT-002', 'packet.hex', 'hex is empty.', 'Give the whole packet from the IP or ARP header on.');
  }
  let family = p.family ?? undefined;
  if (family === undefined && typeof p.hex === 'string') family = familyOfHex(p.hex);
  if (family === undefined && typeof p.saddr === 'string') family = parseAddress(p.saddr)?.family;
  if (family === undefined && typeof p.daddr === 'string') family = parseAddress(p.daddr)?.family;
  if (family !== 'ip' && family !== 'ip6' && family !== 'arp') {
    const say =
      family === undefined ? 'The family is missing, and no address tells it.' : `The family is ${shown(family)}.`;
    return bad('PKT-001', 'packet.family', say, 'Use "ip", "ip6" or "arp".');
  }
  for (const [key, [low, high]] of Object.entries(INTEGERS)) {
    const v = p[key];
    if (v === undefined || v === null) continue;
    if (typeof v !== 'number' || !Number.isInteger(v) || v < low || v > high) {
      return bad('PKT-002', `packet.${key}`, `${key} is ${shown(v)}.`, `Give a whole number from ${low} to ${high}.`);
    }
  }
  for (const key of STRINGS) {
    if (p[key] !== undefined && p[key] !== null && typeof p[key] !== 'string')
      return bad('PKT-002', `packet.${key}`, `${key} is ${shown(p[key])}.`, 'Give a string.');
  }
  for (const key of BOOLEANS) {
    if (p[key] !== undefined && p[key] !== null && typeof p[key] !== 'boolean')
      return bad('PKT-002', `packet.${key}`, `${key} is ${shown(p[key])}.`, 'Give true or false.');
  }
  for (const key of ['saddr', 'daddr'] as const) {
    const v = p[key];
    if (v === undefined || v === null) {
      if (p.hex === undefined)
        return bad('PKT-002', `packet.${key}`, `${key} is missing.`, 'Give an address, or the whole packet as hex.');
      continue;
    }
    const parsed = typeof v === 'string' ? parseAddress(v) : undefined;
    if (parsed === undefined)
      return bad('PKT-002', `packet.${key}`, `${key} is ${shown(v)}, not an address.`, 'Give an IPv4 or IPv6 address.');
    if ((family === 'ip6') !== (parsed.family === 'ip6'))
      return bad(
        'PKT-003',
        `packet.${key}`,
        `${key} is ${String(v)} in a packet of family ${family}.`,
        'Use addresses of one family.',
      );
  }
  if (p.protocol !== undefined && p.protocol !== null) {
    const known =
      typeof p.protocol === 'string' || typeof p.protocol === 'number' ? protocolNumber(p.protocol) : undefined;
    if (known === undefined)
      return bad(
        'PKT-002',
        'packet.protocol',
        `The protocol is ${shown(p.protocol)}.`,
        'Use tcp, udp, icmp, icmpv6, sctp, … or a number from 0 to 255.',
      );
  } else if (family !== 'arp' && p.hex === undefined) {
    return bad(
      'PKT-002',
      'packet.protocol',
      'The protocol is missing.',
      'Use tcp, udp, icmp, icmpv6, sctp, … or a number from 0 to 255.',
    );
  }
  let flags = p.flags;
  if (typeof flags === 'string') flags = flags === '' ? [] : flags.split(/[ ,|]+/);
  if (flags !== undefined && flags !== null) {
    if (!Array.isArray(flags) || flags.some((f) => !(TCP_FLAGS as readonly unknown[]).includes(f))) {
      return bad(
        'PKT-002',
        'packet.flags',
        `The TCP flags are ${shown(p.flags)}.`,
        `Use a list of ${TCP_FLAGS.join(', ')}.`,
      );
    }
  }
  if (p.l2 !== undefined && p.l2 !== null) {
    const l2 = p.l2 as Readonly<Record<string, unknown>>;
    for (const key of ['src', 'dst']) {
      if (l2[key] !== undefined && (typeof l2[key] !== 'string' || parseMac(l2[key]) === undefined)) {
        return bad(
          'PKT-002',
          `packet.l2.${key}`,
          `${shown(l2[key])} is not a MAC address.`,
          'Use the form 02:00:00:00:01:01.',
        );
      }
    }
  }
  if (
    p.extHeaders !== undefined &&
    p.extHeaders !== null &&
    (!Array.isArray(p.extHeaders) ||
      p.extHeaders.some((h) => typeof h !== 'object' || h === null || typeof h.type !== 'string'))
  ) {
    return bad(
      'PKT-002',
      'packet.extHeaders',
      'extHeaders is not a list of {"type"} objects.',
      'Give a list such as [{"type":"hbh"}].',
    );
  }
  if (p.from !== 'local' && p.from !== 'unknown' && (p.iif === undefined || p.iif === null)) {
    return bad(
      'PKT-003',
      'packet.iif',
      'The packet neither comes from a local process nor arrives on an interface.',
      'Set "from": "local", name the interface in "iif", or set "from": "unknown".',
    );
  }
  const value: Record<string, unknown> = { family };
  for (const [key, v] of Object.entries(p)) if (v !== null && v !== undefined && key !== 'family') value[key] = v;
  if (flags !== undefined && flags !== null) value.flags = flags;
  return { ok: true, value: value as unknown as PacketSpec };
}
