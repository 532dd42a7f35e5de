/** The answer of the Fleet view in words: which node is the odd one out? */
import type { FleetRow, FleetView } from '@/lib/api/fleet-view';

export interface FleetWords {
  readonly tone: 'neutral' | 'depends' | 'unknown';
  /** Undefined where there is nothing to point at. */
  readonly badge: string | undefined;
  readonly title: string;
  /** Parts of the line below. */
  readonly more: readonly string[];
}

/** Names in a sentence, in order: at most three, then how many. */
export function namesInWords(unordered: readonly string[], most = 3): string {
  const names = unordered.toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  if (names.length > most) return `${names.slice(0, most - 1).join(', ')} and ${names.length - most + 1} more`;
  return names.length < 2 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

const count = (n: number, one: string): string => `${n.toLocaleString('en')} ${one}${n === 1 ? '' : 's'}`;

export function fleetWords(view: FleetView): FleetWords {
  const more = [
    count(view.of, 'node'),
    ...(view.services === null ? [] : [count(view.services, 'Service')]),
    ...(view.pods === null ? [] : [count(view.pods, 'pod')]),
  ];
  if (view.state !== 'done') {
    const title = view.state === 'reading' ? 'The nodes are being read.' : 'Reading was stopped.';
    return { tone: 'neutral', badge: undefined, title, more: [...more, `${view.done} of ${view.of} read`] };
  }
  const unknown = view.rows.filter((row) => row.group === null);
  const doubts = [...more, ...unknownInWords(unknown)];
  const known = view.of - unknown.length;
  const [largest, ...others] = view.groups;
  if (largest === undefined)
    return { tone: 'unknown', badge: 'not known', title: 'The ruleset of no node is known.', more: doubts };
  if (others.length === 0) {
    const title =
      known === 1
        ? `${view.of === 1 ? 'There is one node' : 'One node is known'}: ${largest.nodes[0]}.`
        : unknown.length === 0
          ? `All ${known} nodes have equal rulesets.`
          : `The ${known} nodes that are known have equal rulesets.`;
    return { tone: 'neutral', badge: undefined, title, more: doubts };
  }
  const odd = others.flatMap(({ nodes }) => nodes);
  if (largest.nodes.length <= odd.length && known > 2) {
    const title = `The nodes have ${view.groups.length} different rulesets.`;
    return { tone: 'depends', badge: `${view.groups.length} groups`, title, more: doubts };
  }
  const rest = largest.nodes.length === 1 ? largest.nodes[0] : `the ${largest.nodes.length} others`;
  return {
    tone: 'depends',
    badge: `${count(odd.length, 'node')} ${odd.length === 1 ? 'differs' : 'differ'}`,
    title: `${namesInWords(odd)} ${odd.length === 1 ? 'differs' : 'differ'} from ${rest}.`,
    more: doubts,
  };
}

function unknownInWords(rows: readonly FleetRow[]): readonly string[] {
  const named = (state: FleetRow['state'], say: (names: string, one: boolean) => string) => {
    const names = rows.filter((row) => row.state === state).map(({ name }) => name);
    return names.length === 0 ? [] : [say(namesInWords(names), names.length === 1)];
  };
  return [
    ...named('unreadable', (names) => `${names} cannot be read: what happens there is not known`),
    ...named('incomplete', (names, one) => `${names} ${one ? 'was' : 'were'} read without the ruleset`),
    ...named('absent', (names, one) => `${names} ${one ? 'is' : 'are'} not in the capture`),
  ];
}

/** `nftables v1.36.2`; the mode that was found, never one that was not. */
export const PROXY_WORDS = {
  nftables: 'nftables',
  iptables: 'iptables',
  ipvs: 'IPVS',
  none: 'none',
  unknown: 'not known',
} as const;

export const STATE_WORDS = {
  ready: 'read',
  unreadable: 'unreadable',
  incomplete: 'no ruleset',
  absent: 'not captured',
  unread: 'not read yet',
} as const;

/** What went wrong, without who asked what: the row says already that the node is unreadable, and its detail says all. */
export function causeInShort(say: string): string {
  const rest = say.replace(/^The node is unreadable: /, '');
  const cause = /^GET \S+ of the agent \([^)]*\) failed: (.+)$/s.exec(rest)?.[1];
  // What is left otherwise begins with a command.
  return cause === undefined ? rest : `${cause.charAt(0).toUpperCase()}${cause.slice(1)}`;
}
