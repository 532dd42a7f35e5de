/** The networks of pods and of Services, as far as objects and rules tell them. */
import { type Prefix, parsePrefix } from '../net/prefix';
import type { Expression } from '../nft/model';
import type { Context } from './context';

/** Those that the Nodes have been given. */
export const podNetworks = ({ cluster }: Context): readonly Prefix[] =>
  (cluster.nodes.known ? cluster.nodes.value : []).flatMap(({ podCIDRs }) =>
    podCIDRs.flatMap((text) => parsePrefix(text) ?? []),
  );

/** Read back from the rule of kube-proxy that drops addresses which no Service has; each ClusterIP for itself where there is none. */
export function serviceNetworks({ cluster, nodes }: Context): readonly Prefix[] {
  const found = new Map<string, Prefix>();
  for (const { ruleset } of nodes) {
    for (const table of ruleset?.tables ?? []) {
      if (table.name !== 'kube-proxy') continue;
      for (const { statements } of table.chains.find(({ name }) => name === 'cluster-ips-check')?.rules ?? []) {
        const [match, then] = statements;
        if (match?.kind !== 'match' || then?.kind !== 'drop') continue;
        for (const prefix of prefixesIn(match.right)) found.set(`${prefix.addr}/${prefix.len}`, prefix);
      }
    }
  }
  const addresses = cluster.services.known ? cluster.services.value.flatMap(({ clusterIPs }) => clusterIPs) : [];
  return [...found.values(), ...addresses.flatMap((text) => parsePrefix(text) ?? [])];
}

/** A prefix, or a set of them. */
function prefixesIn(expression: Expression): readonly Prefix[] {
  if (typeof expression !== 'object') return [];
  if (expression.kind === 'prefix') {
    const prefix = parsePrefix(`${String(expression.addr)}/${expression.len}`);
    return prefix === undefined ? [] : [prefix];
  }
  if (expression.kind === 'set') return expression.elements.flatMap(({ key }) => prefixesIn(key));
  return [];
}
