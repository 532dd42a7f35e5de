/** A conflict in words. */

import { hostPort } from '../explain/verdict-sentence';
import { fraction } from '../explain/words';
import { unreachable } from '../nft/model';
import type { ChainAt, Conflict, End } from './conflict';

/** `kube-proxy's nat-prerouting (ip kube-proxy, prerouting -100)`. */
export const chainText = ({ owner, chain, family, table, hook, prio }: ChainAt): string =>
  owner === `table ${family} ${table}`
    ? `${chain} of ${owner} (${hook} ${prio})`
    : `${owner}'s ${chain} (${family} ${table}, ${hook} ${prio})`;

/** One or two sentences: what the two chains do to each other for the witness. */
export function conflictSentence(conflict: Conflict): string {
  const order = conflict.tie
    ? ' They have the same priority: the one loaded last runs first, so a reload can change the result.'
    : '';
  return `${what(conflict)}${order}`;
}

function what({ kind, first, second, differs, bits }: Conflict): string {
  const [a, b] = [chainText(first), chainText(second)];
  switch (kind) {
    case 'nat-binds-first':
      return `Both translate this packet, and only the first to do so counts: ${a} does, ${b} never gets it.`;
    case 'nat-skips':
      return `${a} translates this packet, and ${b}, which does not translate it, never gets it; the other way round, ${DIFFERS[differs]}.`;
    case 'before-nat':
      return `${a} sees this packet before ${b} translates it; after it, ${DIFFERS[differs]}.`;
    case 'after-nat':
      return `${b} sees this packet as ${a} has translated it; before it, ${DIFFERS[differs]}.`;
    case 'written':
      return `One reads what the other writes: ${a} runs before ${b}; the other way round, ${DIFFERS[differs]}.`;
    case 'mark-bits':
      return `Both write bits 0x${(bits?.mask ?? 0).toString(16)} of the ${bits?.of ?? 'mark'}: ${b} takes what ${a} wrote for its own; without that, ${DIFFERS[differs]}.`;
    case 'accept-overruled':
      return `${a} lets this packet in, and ${b} drops it all the same: accept ends a chain, not the hook.`;
    default:
      return unreachable(kind);
  }
}

const DIFFERS: { readonly [D in Conflict['differs']]: string } = {
  delivered: 'whether it arrives is different',
  destination: 'it goes elsewhere',
  source: 'it seems to come from another address',
};

/** What the other ends are the ends of. */
export function otherwiseText({ kind }: Conflict): string {
  switch (kind) {
    case 'nat-binds-first':
    case 'nat-skips':
    case 'before-nat':
    case 'after-nat':
    case 'written':
      return 'swapped';
    case 'mark-bits':
      return 'bits kept apart';
    case 'accept-overruled':
      return 'without the second';
    default:
      return unreachable(kind);
  }
}

/** `1/3 10.244.1.4:8080 from 10.240.0.11, …` or `not delivered`. */
export function endsText(ends: readonly End[]): string {
  return ends
    .map(({ probability, result, daddr, dport, saddr }) => {
      const share = ends.length === 1 ? '' : `${fraction(probability)} `;
      if (result === 'not-delivered') return `${share}not delivered`;
      // ARP that the node takes in.
      if (daddr === null) return `${share}taken in`;
      return `${share}delivered to ${hostPort(daddr ?? undefined, dport ?? undefined)} from ${saddr ?? '?'}`;
    })
    .join(', ');
}
