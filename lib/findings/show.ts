/** Rules, packets and connections as evidence, and the commands that show them. */
import type { PacketSpec } from '../net/packet-spec';
import type { RuleRef } from '../nft/model';
import type { Question } from '../reach/walk';
import { renderContext } from '../render/context';
import { renderRule } from '../render/render-rule';
import type { Prepared } from '../sim';
import type { Culprit } from '../sim/trace';
import { type Evidence, sortedNames } from './finding';
import { type Probe, serviceNames } from './probes';
import { chainOf } from './rules';

/** A rule by its handle, as nft writes it. */
export function ruleEvidence(p: Prepared, node: string, at: Omit<RuleRef, 'index'>): Evidence {
  const { family, table, chain, handle } = at;
  return { kind: 'rule', node, family, table, chain, handle, text: ruleText(p, at) };
}

export function ruleText(p: Prepared, at: Omit<RuleRef, 'index'>): string {
  const chain = chainOf(p, at);
  const found = chain?.rules.find(({ rule }) => rule.handle === at.handle)?.rule;
  if (chain === undefined || found === undefined) return `handle ${at.handle}`;
  return renderRule(found, renderContext(chain.table.table, p.program.ruleset.nftVersion));
}

/** What a rule says, whatever it has counted: the same rule on several nodes is one. */
export const ruleKey = (p: Prepared, at: Omit<RuleRef, 'index'>): string =>
  ruleText(p, at).replace(/ packets \d+ bytes \d+/g, '');

/** Who ended a packet: a rule, or the policy of a chain. */
export function culpritEvidence(p: Prepared, node: string, by: Culprit): Evidence {
  const { family, table, chain, handle } = by;
  if (by.type === 'rule' && handle !== undefined) return ruleEvidence(p, node, { family, table, chain, handle });
  const base = chainOf(p, by)?.base;
  const where = base === undefined ? '' : `type ${base.type} hook ${base.hook} priority ${base.prio}; `;
  return { kind: 'chain', node, family, table, chain, text: `${where}policy ${by.verdict}` };
}

/** `table ip filter, chain FORWARD`, for sentences. */
export const placeOf = ({
  family,
  table,
  chain,
}: {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
}): string => `table ${family} ${table}, chain ${chain}`;

/** The command that traces a packet on a node. */
export const traceCommand = (node: string, packet: PacketSpec): string =>
  `nftscope trace --source S --node ${node} --packet '${JSON.stringify(packet)}'`;

/** The command that follows a probe from node to node. */
export function probeCommand({ question: { packet }, node, from }: Pick<Probe, 'question' | 'node' | 'from'>): string {
  const address = packet.family === 'ip6' ? `[${packet.daddr}]` : packet.daddr;
  const to = `${address}:${packet.dport}/${packet.protocol}`;
  return `nftscope trace --source S --whole-path --node ${node} --from ${from} --to ${to}`;
}

/** The command that asks a question of reachability again. */
export function askCommand({ client, packet: { daddr, dport, protocol, saddr } }: Question): string {
  const end = { srcIP: saddr, dst: daddr, dport, protocol };
  const query =
    client.kind === 'outside'
      ? { id: 1, from: 'external', via: client.via, ...end }
      : { id: 1, from: { node: client.node }, ...end };
  return `echo '${JSON.stringify(query)}' | nftscope reach --source S --queries -`;
}

/** Names of the Services of probes, each once. */
export const servicesOf = (probes: readonly Probe[]): readonly string[] => [
  ...new Set(probes.flatMap(({ ports }) => serviceNames(ports))),
];

/** Nodes of a group, each once: node-2 before node-10. */
export const nodesOf = (group: readonly { readonly node: string }[]): readonly string[] =>
  sortedNames(group.map(({ node }) => node));

/** `a`, `a and b`, `a, b and 3 more`: of long lists the first. */
export function listed(names: readonly string[], most = 3): string {
  const shown = names.slice(0, most);
  const more = names.length - shown.length;
  if (more > 0) return `${shown.join(', ')} and ${more} more`;
  return shown.length < 2 ? shown.join() : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`;
}

/** Members in the groups of a key, in the order of their first. */
export function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): readonly (readonly [T, ...T[]])[] {
  const groups = new Map<string, [T, ...T[]]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return [...groups.values()];
}
