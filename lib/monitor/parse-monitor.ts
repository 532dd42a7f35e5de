/**
 * The output of `nft monitor trace`, with or without handles. Forms: nftables src/netlink.c (netlink_events_trace_cb), versions
 * 1.0.6 to 1.1.x; recorded output in testing/.
 */
import type { KernelEvent, KernelPacket } from './kernel-event';

export interface MonitorProblem {
  /** From 1. */
  readonly line: number;
  readonly say: string;
}

export interface MonitorOutput {
  readonly events: readonly KernelEvent[];
  readonly problems: readonly MonitorProblem[];
  /** Lines of `nft monitor` that are no trace: `add rule …`, `# new generation …`. */
  readonly otherLines: number;
}

const HEAD = /^trace id ([0-9a-f]{1,16}) (ip6?|inet|arp|bridge|netdev) (\S+) (\S+) (.*)$/;
/** Greedy: words like it may stand in a log prefix or comment before. */
const RULE = /^rule (.*) \(verdict ([^()]*)\)$/;
const UNKNOWN_RULE = /^unknown rule handle (\d+) \(verdict ([^()]*)\)$/;
const HANDLE = / # handle (\d+)$/;
const VERDICTS = new Set([
  'accept',
  'drop',
  'continue',
  'return',
  'jump',
  'goto',
  'stolen',
  'queue',
  'break',
  'repeat',
  'stop',
]);
const OTHER = /^(add|delete|insert|replace|create|destroy|flush|reset) |^# new generation /;

/** Parses pasted text. Lines that make no sense are problems, never left out silently. */
export function parseMonitor(text: string): MonitorOutput {
  const events: KernelEvent[] = [];
  const problems: MonitorProblem[] = [];
  let otherLines = 0;
  /** The headers printed last for an id: they belong to its next event. */
  const packets = new Map<string, KernelPacket>();
  for (const [index, raw] of text.split('\n').entries()) {
    const content = strip(raw);
    const line = index + 1;
    if (content === '') continue;
    if (OTHER.test(content)) {
      otherLines++;
      continue;
    }
    const head = HEAD.exec(content);
    if (head === null) {
      problems.push({
        line,
        say: content.startsWith('trace id')
          ? `The line is cut short: ${excerpt(content)}.`
          : `This is no line of nft monitor trace: ${excerpt(content)}.`,
      });
      continue;
    }
    const [, id = '', family = '', table = '', chain = '', rest = ''] = head;
    const base = { id, family, table, chain, line };
    if (rest.startsWith('packet: ')) {
      packets.set(id, { ...packets.get(id), ...readPacket(rest.slice('packet: '.length)) });
      continue;
    }
    // Since 1.1.4: what conntrack knows, between the headers and the first rule.
    if (rest.startsWith('conntrack: ')) continue;
    const event = readEvent(rest);
    if (event === undefined) {
      problems.push({ line, say: `Neither a packet, a rule nor a policy: ${excerpt(rest)}.` });
      continue;
    }
    const packet = packets.get(id);
    packets.delete(id);
    events.push({ ...base, ...event, ...(packet !== undefined && { packet }) });
  }
  return { events, problems, otherLines };
}

/** Prompts and colours of a terminal do not belong to the line. */
const strip = (raw: string): string => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences of terminals begin with one
  const plain = raw.replace(/\x1b\[[0-9;]*[A-Za-z]/g, '').trim();
  const at = plain.indexOf('trace id ');
  // A log collector's time stamp or name in front.
  return at > 0 && !OTHER.test(plain) ? plain.slice(at) : plain;
};

const excerpt = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 59)}…` : text);

type Said = Pick<KernelEvent, 'kind' | 'verdict' | 'jumpTarget' | 'handle' | 'text' | 'mark'>;

function readEvent(rest: string): Said | undefined {
  const unknown = UNKNOWN_RULE.exec(rest);
  if (unknown !== null) {
    const verdict = readVerdict(unknown[2] ?? '');
    return verdict === undefined ? undefined : { kind: 'rule', handle: Number(unknown[1]), ...verdict };
  }
  const rule = RULE.exec(rest);
  if (rule !== null) {
    const verdict = readVerdict(rule[2] ?? '');
    const text = rule[1] ?? '';
    const handle = HANDLE.exec(text);
    if (verdict === undefined) return undefined;
    return handle === null
      ? { kind: 'rule', text, ...verdict }
      : { kind: 'rule', text: text.slice(0, handle.index), handle: Number(handle[1]), ...verdict };
  }
  const policy = /^policy (accept|drop)(.*)$/.exec(rest);
  if (policy !== null) return { kind: 'policy', verdict: policy[1] ?? '', ...readMark(policy[2] ?? '') };
  const verdict = /^verdict (\S+(?: (?!meta )\S+)?)(.*)$/.exec(rest);
  if (verdict === null) return undefined;
  const read = readVerdict(verdict[1] ?? '');
  return read === undefined ? undefined : { kind: 'end', ...read, ...readMark(verdict[2] ?? '') };
}

function readVerdict(words: string): Pick<KernelEvent, 'verdict' | 'jumpTarget'> | undefined {
  const [verdict = '', target] = words.split(' ');
  if (!VERDICTS.has(verdict)) return undefined;
  return verdict === 'jump' || verdict === 'goto'
    ? target === undefined
      ? undefined
      : { verdict, jumpTarget: target }
    : { verdict };
}

function readMark(rest: string): { readonly mark?: number } {
  const mark = /\bmeta mark (0x[0-9a-f]+|\d+)/.exec(rest);
  return mark === null ? {} : { mark: Number(mark[1]) };
}

/** Not every field of the line: those that tell packets apart. */
function readPacket(text: string): KernelPacket {
  const word = (pattern: RegExp): string | undefined => pattern.exec(text)?.[1];
  const port = (name: string): number | undefined => {
    const value = word(new RegExp(`\\b(?:tcp|udp|sctp|dccp|udplite|th) ${name} (\\d+)\\b`));
    return value === undefined ? undefined : Number(value);
  };
  const found = {
    iif: word(/\biif "([^"]*)"/),
    oif: word(/\boif "([^"]*)"/),
    saddr: word(/\bip6? saddr (\S+)/),
    daddr: word(/\bip6? daddr (\S+)/),
    protocol: word(/\bip protocol (\S+)/) ?? word(/\bip6 nexthdr (\S+)/),
    sport: port('sport'),
    dport: port('dport'),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}
