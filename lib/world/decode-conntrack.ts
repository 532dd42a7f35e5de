/** Lines of `conntrack -L -o extended,id` (libnetfilter_conntrack, src/conntrack/snprintf_default.c) → entries. */
import { parseAddress } from '../net/address';
import { decoding, fail } from '../net/json-cursor';
import type { Result } from '../net/result';
import type { CtEntry, CtTuple, IpFamily } from './world';

/**
 * One entry a line, both families. A listed entry is confirmed; it has seen a reply unless it says `[UNREPLIED]`; whether it
 * translates is read off its two tuples. Empty text is an empty table.
 */
export function decodeConntrack(text: string): Result<readonly CtEntry[]> {
  return decoding(() => {
    const entries: CtEntry[] = [];
    let number = 0;
    for (const line of text.split('\n')) {
      number++;
      // The summary that conntrack writes to standard error, where somebody joined both outputs.
      if (line.trim() === '' || /^conntrack v\d/.test(line)) continue;
      entries.push(decodeEntry(line, `line ${number}`));
    }
    return entries;
  });
}

/** A word `key=value`; ports and the like repeat, first for the original tuple, then for the reply. */
type Pair = readonly [key: string, value: string];

function decodeEntry(line: string, path: string): CtEntry {
  const words = line.trim().split(/\s+/);
  const family: IpFamily = words[0] === 'ipv4' ? 'ip' : words[0] === 'ipv6' ? 'ip6' : fail(path, notAnEntry(line));
  // ipv4 2 tcp 6 [timeout] [STATE] src=… ; an offloaded entry has no timeout.
  const protocol = integer(words[3], path, 'protocol');
  const pairs: Pair[] = [];
  const marks = new Set<string>();
  let timeout: number | undefined;
  let state: string | undefined;
  for (const word of words.slice(4)) {
    const equals = word.indexOf('=');
    if (equals > 0) pairs.push([word.slice(0, equals), word.slice(equals + 1)]);
    else if (word.startsWith('[')) marks.add(word);
    else if (/^\d+$/.test(word)) timeout = Number(word);
    else state = word;
  }
  const second = pairs.findIndex(([key], index) => index > 0 && key === 'src');
  if (second === -1) fail(path, notAnEntry(line));
  const end = pairs.findIndex(([key], index) => index > second && !TUPLE.has(key));
  const tail = new Map(end === -1 ? [] : pairs.slice(end));
  const reply = decodeTuple(pairs.slice(second, end === -1 ? undefined : end), family, protocol, path);
  const original = decodeTuple(pairs.slice(0, second), family, protocol, path);
  const helper = tail.get('helper');
  const id = entryId(pairs, protocol);
  return {
    family,
    original,
    reply,
    status: statusOf(original, reply, marks),
    ...(state !== undefined && { tcpState: state }),
    mark: integer(tail.get('mark') ?? '0', path, 'mark'),
    // `zone-orig` and `zone-reply` stand for a zone of one direction.
    zone: integer(tail.get('zone') ?? tail.get('zone-orig') ?? '0', path, 'zone'),
    ...(helper !== undefined && { helper }),
    ...(timeout !== undefined && { timeout }),
    ...(id !== undefined && { id }),
  };
}

const notAnEntry = (line: string) =>
  `expected an entry of conntrack -o extended, got ${JSON.stringify(line.slice(0, 80))}`;

/** Keys that belong to a tuple; `packets` and `bytes` follow it where accounting is on. */
const TUPLE = new Set('src dst sport dport type code id srckey dstkey packets bytes'.split(' '));
const ICMP = new Set([1, 58]);

function decodeTuple(pairs: readonly Pair[], family: IpFamily, protocol: number, path: string): CtTuple {
  const members = new Map(pairs);
  const address = (key: 'src' | 'dst') => {
    const text = members.get(key) ?? '';
    const parsed = parseAddress(text);
    return parsed?.family === family
      ? parsed.value
      : fail(path, `${key}: not an address of ${family}: ${JSON.stringify(text)}`);
  };
  const optional = (key: string) => {
    const text = members.get(key);
    return text === undefined ? undefined : integer(text, path, key);
  };
  const sport = optional('sport');
  const dport = optional('dport');
  const icmp = ICMP.has(protocol);
  const icmpType = icmp ? optional('type') : undefined;
  const icmpCode = icmp ? optional('code') : undefined;
  const icmpId = icmp ? optional('id') : undefined;
  return {
    src: address('src'),
    dst: address('dst'),
    protocol,
    ...(sport !== undefined && { sport }),
    ...(dport !== undefined && { dport }),
    ...(icmpType !== undefined && { icmpType }),
    ...(icmpCode !== undefined && { icmpCode }),
    ...(icmpId !== undefined && { icmpId }),
  };
}

/** The entry's own id comes last; the ids before it are those of ICMP. */
function entryId(pairs: readonly Pair[], protocol: number): string | undefined {
  const ids = pairs.filter(([key]) => key === 'id');
  return ids.length > (ICMP.has(protocol) ? 2 : 0) ? ids.at(-1)?.[1] : undefined;
}

/** In the order of the kernel's bits (enum ip_conntrack_status). */
function statusOf(original: CtTuple, reply: CtTuple, marks: ReadonlySet<string>): readonly string[] {
  const snat = reply.dst !== original.src || reply.dport !== original.sport || reply.icmpId !== original.icmpId;
  const dnat = reply.src !== original.dst || reply.sport !== original.dport;
  const status: string[] = [];
  if (!marks.has('[UNREPLIED]')) status.push('seen-reply');
  // An offloaded entry is printed without its other marks; only assured connections are offloaded.
  const offloaded = marks.has('[OFFLOAD]') || marks.has('[HW_OFFLOAD]');
  if (marks.has('[ASSURED]') || offloaded) status.push('assured');
  status.push('confirmed');
  if (snat) status.push('snat');
  if (dnat) status.push('dnat');
  if (offloaded) status.push('offload');
  return status;
}

function integer(text: string | undefined, path: string, what: string): number {
  if (text !== undefined && /^(\d+|0x[0-9a-f]+)$/i.test(text)) return Number(text);
  return fail(path, `${what}: expected a number, got ${JSON.stringify(text ?? '')}`);
}
