/** What differs between releases of kube-proxy in the nftables it writes. */
import type { Table } from '../nft/model';

/** Layouts of the table, told apart by names in it: B 1.31 to early 1.33, C to 1.35, D 1.36, E from 1.37. */
export type Generation = 'B' | 'C' | 'D' | 'E';

export interface Release {
  readonly generation: Generation;
  /** The ClusterIP's masquerade rule names protocol and port, too (gone from 1.34). */
  readonly portInMasquerade: boolean;
  /** Local traffic by interface is matched by `iif`, later by `iifname` (1.35 and patch releases of 1.33 and 1.34). */
  readonly interfaceKey: 'iif' | 'iifname';
  /** A source range of length 0 means that all may come (from 1.34); before it is written as any other. */
  readonly openRange: boolean;
  /** Hints name nodes, too (gate PreferSameTrafficDistribution, on by default from 1.34). */
  readonly nodeHints: boolean;
  /** Of two endpoints of one address and port a terminating one never replaces the other (from 1.36); before, a local one does. */
  readonly keepsServing: boolean;
  /** Bytes of a comment; undefined: as long as it is (kube-proxy then fails beyond 128). */
  readonly commentBytes: number | undefined;
}

/** First patch release of 1.33 with layout C: 1.33.5 still has B, 1.33.13 has C; between them it is assumed. */
const FIRST_C_OF_1_33 = 6;

/** Undefined for releases without nftables mode as known here (before 1.31), and for what is no version. */
export function releaseOf(version: string): Release | undefined {
  const found = /^v?1\.(\d+)(?:\.(\d+))?/.exec(version);
  if (found === null) return undefined;
  const minor = Number(found[1]);
  const patch = Number(found[2] ?? 0);
  if (minor < 31) return undefined;
  const generation = minor >= 37 ? 'E' : minor === 36 ? 'D' : minor >= 34 ? 'C' : lateC(minor, patch) ? 'C' : 'B';
  return {
    generation,
    portInMasquerade: minor <= 33,
    interfaceKey: minor >= 35 || (minor === 34 && patch >= 2) || lateC(minor, patch) ? 'iifname' : 'iif',
    openRange: minor >= 34,
    nodeHints: minor >= 34,
    keepsServing: minor >= 36,
    commentBytes: minor >= 37 ? 128 : undefined,
  };
}

const lateC = (minor: number, patch: number): boolean => minor === 33 && patch >= FIRST_C_OF_1_33;

/** A release of each layout, where only the table tells: the last one that has it. */
export const LAST_OF: Readonly<Record<Generation, string>> = { B: '1.32', C: '1.35', D: '1.36', E: '1.37' };

/** By names of sets and chains; undefined where none tells (an empty table, or the layout of 1.29). D and E differ in rules. */
export function generationOf(table: Table): Generation | undefined {
  const chains = new Map(table.chains.map((chain) => [chain.name, chain]));
  if (table.sets.some(({ name }) => name === 'hairpin-connections')) return hasPlainDnat(table) ? 'E' : 'D';
  if (chains.has('filter-prerouting-pre-dnat') || chains.has('filter-output-pre-dnat')) return 'C';
  return chains.has('filter-output-post-dnat') && chains.has('service-endpoints-check') ? 'B' : undefined;
}

/** E writes a Service port with one endpoint and no affinity as a plain dnat in its `service-` or `local-` chain. */
function hasPlainDnat(table: Table): boolean {
  return table.chains.some(
    ({ name, rules }) =>
      /^(service|local)-.*\//.test(name) &&
      rules.some(({ statements }) => statements.some((one) => one.kind === 'dnat' && typeof one.addr === 'string')),
  );
}
