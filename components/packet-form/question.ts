/**
 * What is asked: two places by name, or a packet field by field, or names with some fields of their own. It is the part of the
 * URL that a trace is found by.
 */
import { parseAsString } from 'nuqs';
import type { PacketSpec } from '@/lib/net/packet-spec';
import { decodePacketSpec, type PacketProblem } from '@/lib/net/packet-spec';

export const QUESTION_PARAMS = {
  from: parseAsString,
  to: parseAsString,
  /** A packet as JSON; with `from` and `to` only the members that differ from what the names give. */
  packet: parseAsString,
  /** What names leave open, as the API and the command take it; the server checks it. */
  family: parseAsString,
  protocol: parseAsString,
  sport: parseAsString,
  dport: parseAsString,
  flags: parseAsString,
} as const;

export type Question = { readonly [K in keyof typeof QUESTION_PARAMS]: string | null };

export const NO_QUESTION: Question = {
  from: null,
  to: null,
  packet: null,
  family: null,
  protocol: null,
  sport: null,
  dport: null,
  flags: null,
};

/** Both ends are named, or the packet is given whole. */
export const isAsked = (question: Question): boolean =>
  (question.from !== null && question.to !== null) ||
  (question.from === null && question.to === null && question.packet !== null);

/** The members of a packet that the fields edit, as text. */
export interface Draft {
  readonly family: 'ip' | 'ip6';
  readonly enters: 'interface' | 'local';
  readonly iif: string;
  readonly uid: string;
  readonly saddr: string;
  readonly daddr: string;
  readonly protocol: string;
  readonly sport: string;
  readonly dport: string;
  readonly flags: string;
  readonly icmpType: string;
  readonly icmpCode: string;
  readonly ttl: string;
  readonly mark: string;
}

export const EMPTY_DRAFT: Draft = {
  family: 'ip',
  enters: 'interface',
  iif: '',
  uid: '',
  saddr: '',
  daddr: '',
  protocol: 'tcp',
  sport: '40000',
  dport: '',
  flags: 'syn',
  icmpType: '',
  icmpCode: '',
  ttl: '',
  mark: '',
};

const text = (value: string | number | undefined): string => (value === undefined ? '' : String(value));

export function draftOf(packet: PacketSpec): Draft {
  return {
    family: packet.family === 'ip6' ? 'ip6' : 'ip',
    enters: packet.from === 'local' ? 'local' : 'interface',
    iif: packet.iif ?? '',
    uid: text(packet.uid),
    saddr: packet.saddr ?? '',
    daddr: packet.daddr ?? '',
    protocol: text(packet.protocol),
    sport: text(packet.sport),
    dport: text(packet.dport),
    flags: packet.flags?.join(' ') ?? '',
    icmpType: text(packet.icmpType),
    icmpCode: text(packet.icmpCode),
    ttl: text(packet.ttl ?? packet.hoplimit),
    mark: packet.mark === undefined || packet.mark === 0 ? '' : `0x${packet.mark.toString(16)}`,
  };
}

export const isIcmp = (protocol: string): boolean => protocol === 'icmp' || protocol === 'icmpv6';
export const hasFlags = (protocol: string): boolean => protocol === 'tcp';
export const hasPorts = (protocol: string): boolean => ['tcp', 'udp', 'sctp', 'udplite', 'dccp'].includes(protocol);

/** A number in decimal or hex; text that is none is kept, so that the check names it. */
const number = (value: string): number | string | undefined => {
  const trimmed = value.trim();
  if (trimmed === '') return undefined;
  const parsed = Number(trimmed);
  return Number.isNaN(parsed) ? trimmed : parsed;
};

/** The packet of a draft, checked as the server checks it. Fields that do not belong to its protocol are left out. */
export function packetOf(
  draft: Draft,
): { readonly ok: true; readonly value: PacketSpec } | { readonly ok: false; readonly problem: PacketProblem } {
  const protocol = draft.protocol.trim().toLowerCase();
  const members: Record<string, unknown> = {
    family: draft.family,
    ...(draft.enters === 'local' ? { from: 'local', uid: number(draft.uid) } : { iif: draft.iif.trim() || undefined }),
    saddr: draft.saddr.trim() || undefined,
    daddr: draft.daddr.trim() || undefined,
    protocol: number(protocol),
    ...(hasPorts(protocol) ? { sport: number(draft.sport), dport: number(draft.dport) } : {}),
    ...(hasFlags(protocol) && draft.flags.trim() !== '' ? { flags: draft.flags.trim().split(/[\s,|]+/) } : {}),
    ...(isIcmp(protocol) ? { icmpType: number(draft.icmpType), icmpCode: number(draft.icmpCode) } : {}),
    [draft.family === 'ip6' ? 'hoplimit' : 'ttl']: number(draft.ttl),
    mark: number(draft.mark),
  };
  return decodePacketSpec(Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)));
}

/** What names stand for: changing one of these leaves the names. */
const NAMED = ['family', 'from', 'iif', 'saddr', 'daddr', 'protocol', 'dport'] as const;

/**
 * The question for an edited packet: the names stay where only other fields changed, and the URL carries just those; else the
 * packet stands by itself.
 */
export function questionFor(packet: PacketSpec, traced: PacketSpec | undefined, asked: Question): Question {
  const same = (key: keyof PacketSpec) => JSON.stringify(packet[key] ?? null) === JSON.stringify(traced?.[key] ?? null);
  if (traced === undefined || asked.from === null || !NAMED.every(same))
    return { ...NO_QUESTION, packet: JSON.stringify(packet) };
  const before = asked.packet === null ? {} : (JSON.parse(asked.packet) as PacketSpec);
  const changed = Object.entries(packet).filter(([key]) => !same(key as keyof PacketSpec) || key in before);
  return { ...asked, packet: changed.length === 0 ? null : JSON.stringify(Object.fromEntries(changed)) };
}
