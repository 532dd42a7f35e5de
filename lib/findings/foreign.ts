/** What of a ruleset is kube-proxy's own, and where the rest stands beside it. */
import { chainOwner, ownerOf } from '../explain/owners';
import type { Hook, Ruleset, Table } from '../nft/model';
import type { Prepared } from '../sim';
import type { HookEntry, ProgramChain } from '../sim/program';
import { reachedChains } from './reached';

/** The table of kube-proxy's nftables mode. */
export const isProxyTable = ({ family, name }: { readonly family: string; readonly name: string }): boolean =>
  (family === 'ip' || family === 'ip6') && name === 'kube-proxy';

/** Whether a chain is kube-proxy's, of whichever mode; base chains of iptables are nobody's. */
export function isProxyChain(ruleset: Ruleset, family: string, table: string, chain: string): boolean {
  if (isProxyTable({ family, name: table })) return true;
  const found = ruleset.tables.find((one) => one.family === family && one.name === table);
  return found !== undefined && ownerName(found, chain) === 'kube-proxy';
}

/** Who wrote a chain: a name where it is known, else the table. */
export function ownerName(table: Table, chain: string): string {
  const { name } = chainOwner(table, chain, ownerOf(table));
  return name === 'not recognised' ? `table ${table.family} ${table.name}` : name;
}

/** Where kube-proxy translates destinations: its nat chains at prerouting and output. */
const DNAT_PRIORITY = -100;

/** Whether a base chain runs before the destination is translated on this node. */
export function runsBeforeProxy(
  p: Prepared,
  family: 'ip' | 'ip6',
  hook: Hook,
  chain: ProgramChain | undefined,
): boolean {
  if (hook === 'ingress') return true;
  if (hook !== 'prerouting' && hook !== 'output') return false;
  if (chain?.table.family === 'bridge') return hook === 'prerouting';
  const prio = chain?.base?.prio ?? DNAT_PRIORITY;
  if (chain === undefined || prio !== DNAT_PRIORITY) return prio < DNAT_PRIORITY;
  const entries = p.program.hook(family, hook);
  const nat = entries.findIndex((entry) => entry.kind === 'nat');
  if (chain.base?.type !== 'nat') return entries.findIndex((one) => one.kind === 'chain' && one.chain === chain) < nat;
  const chains = natChains(entries);
  const own = chains.findIndex(({ table }) => isProxyTable(table));
  return own < 0 || chains.indexOf(chain) < own;
}

/** The nat chains of a hook in the order in which they run. */
export const natChains = (entries: readonly HookEntry[]): readonly ProgramChain[] =>
  entries.flatMap((entry) => (entry.kind === 'nat' ? entry.chains : []));

/** A nat chain that leads to nothing of kube-proxy. */
export function isForeignNat(p: Prepared, base: ProgramChain): boolean {
  const { ruleset } = p.program;
  return reachedChains(base).every(({ table, chain }) => !isProxyChain(ruleset, table.family, table.name, chain.name));
}
