/** Why a ruleset cannot be followed by events at all; undefined where it can. */
import type { HeldListing } from './held-listing';

/**
 * Of these nft says too little in its JSON, in that of an event as in that of a listing: they are known from the text or from
 * iptables-save, and both must be as new as the JSON.
 */
export function unfollowable({ tables }: HeldListing): string | undefined {
  for (const [name, table] of tables) {
    if (name.startsWith('netdev ')) return `${name} is of netdev, and the devices of its chains are told in no event`;
    if (/"flags": *\[/.test(table.text)) return `the table ${name} has flags`;
    for (const [chain, { text, rules }] of table.chains) {
      if (/"hook": *"(in|e)gress"/.test(text)) return `the devices of chain ${chain} are told in no event`;
      for (const rule of rules)
        if (/"(xt|meter)":|"expr": *\[\]/.test(rule.text))
          return `nft has no words for rule ${rule.handle} of ${name} ${chain}`;
    }
    for (const [set, { unsure, elements }] of table.sets)
      if (elements.size > 0 && unsure !== undefined && /statements|typeof/.test(unsure))
        return `set ${set} of ${name}: ${unsure}`;
  }
  return undefined;
}
