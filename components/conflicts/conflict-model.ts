/** Conflicts by hook, and what a hook's order means. */
import type { ConflictsView } from '@/lib/api/conflicts-view';
import type { ChainAt, ConflictKind, End, HookChain, HookFamily, Meeting } from '@/lib/conflicts/conflict';
import { hostPort } from '@/lib/explain/verdict-sentence';
import { fraction } from '@/lib/explain/words';
import { unreachable } from '@/lib/nft/model';

export type ShownConflict = ConflictsView['conflicts'][number];
/** `link`: everything below: bridges, ARP, devices. */
export type Family = 'ip' | 'ip6' | 'link';

/** The choice that a hook belongs to. */
export const familyOf = (family: HookFamily): Family => (family === 'ip' || family === 'ip6' ? family : 'link');

const LINK_HOOKS: ReadonlySet<string> = new Set(['ingress', 'egress']);
const isOnLink = ({ first, second }: ShownConflict): boolean =>
  [first, second].some(({ family, hook }) => family === 'bridge' || family === 'arp' || LINK_HOOKS.has(hook));

/** Whose packets a hook sees. */
export const FAMILY_WORDS: { readonly [F in HookFamily]: string } = {
  ip: 'IPv4',
  ip6: 'IPv6',
  bridge: 'bridged',
  arp: 'ARP',
  netdev: 'device',
};

/** `IPv4`, `device eth0`. */
export const meetingWords = ({ family, device }: Pick<Meeting, 'family' | 'device'>): string =>
  device === undefined ? FAMILY_WORDS[family] : `${FAMILY_WORDS[family]} ${device}`;

/** In the order of a packet's way. */
const HOOKS: readonly string[] = ['ingress', 'prerouting', 'input', 'forward', 'output', 'postrouting', 'egress'];

const place = (hook: string): number => {
  const at = HOOKS.indexOf(hook);
  return at === -1 ? HOOKS.length : at;
};

export interface HookSection {
  readonly hook: string;
  readonly conflicts: readonly ShownConflict[];
  readonly meetings: ConflictsView['meetings'];
}

/** Everything of the answer by hook; a conflict of chains at two hooks stands at the one where the second runs. */
export function hookSections(
  view: Pick<ConflictsView, 'conflicts' | 'meetings'>,
  family: Family | null,
): readonly HookSection[] {
  const conflicts = view.conflicts.filter(
    (one) => family === null || (family === 'link' ? isOnLink(one) : one.families.includes(family)),
  );
  const meetings = view.meetings.filter((meeting) => family === null || familyOf(meeting.family) === family);
  const hooks = [...new Set([...conflicts.map(({ second }) => second.hook), ...meetings.map(({ hook }) => hook)])];
  return hooks
    .sort((a, b) => place(a) - place(b))
    .map((hook) => ({
      hook,
      conflicts: conflicts.filter(({ second }) => second.hook === hook),
      meetings: meetings.filter((meeting) => meeting.hook === hook),
    }));
}

export const chainKey = ({ family, table, chain }: Pick<ChainAt, 'family' | 'table' | 'chain'>): string =>
  `${family} ${table} ${chain}`;

/** The name of a chain's table as nft gives it. */
export const tableKey = ({ family, table }: Pick<ChainAt, 'family' | 'table'>): string => `${family} ${table}`;

/**
 * The chain that has the last word: the last that can drop. An accept ends only its own chain, so no chain before it can keep a
 * packet from being dropped there (nf_hook_slow()). Undefined where none of them drops.
 */
export const lastWord = (chains: readonly HookChain[]): HookChain | undefined =>
  chains.findLast(({ does }) => does.includes('drop'));

/** The conflict in a few words. */
export const KIND_WORDS: { readonly [K in ConflictKind]: string } = {
  'nat-binds-first': 'only the first translates',
  'nat-skips': 'translated, and the other never gets it',
  'before-nat': 'filters before the translation',
  'after-nat': 'filters after the translation',
  written: 'reads what the other writes',
  'mark-bits': 'the same bits of a mark',
  'accept-overruled': 'accepted, then dropped',
};

/** What a chain does to the packets of others. */
export function doesWords(does: HookChain['does']): string {
  if (does.length === 0) return 'only looks on';
  return does.map((one) => ({ drop: 'drops', write: 'writes', nat: 'translates' })[one]).join(', ');
}

/** One end of a packet for people: its share where there are several, whether it arrives, and where. */
export interface EndLine {
  readonly share: string | null;
  readonly arrives: boolean;
  readonly say: string;
}

export const endLines = (ends: readonly End[]): readonly EndLine[] =>
  ends.map(({ probability, result, daddr, dport, saddr }) => ({
    share: ends.length === 1 ? null : fraction(probability),
    arrives: result === 'delivered',
    say:
      result === 'not-delivered'
        ? 'not delivered'
        : daddr === null
          ? 'taken in'
          : `delivered to ${hostPort(daddr, dport ?? undefined)}, from ${saddr ?? 'an unknown address'}`,
  }));

/** What runs when, in each of the two: names of chains; of the second, what was changed where it is not the order. */
export function ordersOf({ kind, first, second }: ShownConflict): { readonly now: string; readonly otherwise: string } {
  const [a, b] = [first, second].map(({ table, chain }) => `${table} ${chain}`);
  const now = `${a}, then ${b}`;
  switch (kind) {
    case 'nat-binds-first':
    case 'nat-skips':
    case 'before-nat':
    case 'after-nat':
    case 'written':
      return { now, otherwise: `${b}, then ${a}` };
    case 'mark-bits':
      return { now, otherwise: 'if each had bits of its own' };
    case 'accept-overruled':
      return { now, otherwise: `${a} alone` };
    default:
      return unreachable(kind);
  }
}
