/** What the laboratory tries: a ruleset in pieces, so that pieces can be taken away, and packets. */
import type { PacketSpec } from '../../lib/net/packet-spec';

export interface LabChain {
  readonly name: string;
  /** `type filter hook forward priority 0; policy accept;`; undefined for a regular chain. */
  readonly base: string | undefined;
  /** Each rule in its parts: matches and statements. */
  readonly rules: readonly (readonly string[])[];
}

export interface LabTable {
  readonly family: string;
  readonly name: string;
  /** Sets, maps and named objects, as nft text. */
  readonly items: readonly string[];
  readonly chains: readonly LabChain[];
}

/** A packet, or one that answers what left the router in an earlier step. */
export type LabStep =
  | { readonly kind: 'packet'; readonly packet: PacketSpec }
  | { readonly kind: 'reply'; readonly to: number; readonly packet: Partial<PacketSpec> }
  | { readonly kind: 'error'; readonly to: number; readonly type: number; readonly code: number };

export interface LabCase {
  readonly seed: number;
  readonly environment: string;
  readonly profile: string;
  readonly tables: readonly LabTable[];
  readonly steps: readonly LabStep[];
}

/** The ruleset as nft text, and the place of each rule by line (from 1); rule -1 is the chain itself. */
export function rulesetText(tables: readonly LabTable[]): {
  readonly text: string;
  readonly places: ReadonlyMap<number, readonly [table: number, chain: number | undefined, rule: number]>;
} {
  const lines: string[] = [];
  const places = new Map<number, readonly [number, number | undefined, number]>();
  for (const [t, table] of tables.entries()) {
    lines.push(`table ${table.family} ${table.name} {`);
    for (const [i, item] of table.items.entries()) {
      lines.push(` ${item}`);
      places.set(lines.length, [t, undefined, i]);
    }
    for (const [c, chain] of table.chains.entries()) {
      lines.push(` chain ${chain.name} {`);
      places.set(lines.length, [t, c, -1]);
      if (chain.base !== undefined) lines.push(`  ${chain.base}`);
      for (const [r, rule] of chain.rules.entries()) {
        lines.push(`  ${rule.join(' ')}`);
        places.set(lines.length, [t, c, r]);
      }
      lines.push(' }');
    }
    lines.push('}');
  }
  return { text: `${lines.join('\n')}\n`, places };
}
