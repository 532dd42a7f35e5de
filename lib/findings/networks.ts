/** The networks of pods and of Services, as far as objects and rules tell them. */
import { formatAddress, inPrefix } from '../net/address';
import { type Prefix, parsePrefix } from '../net/prefix';
import type { Expression } from '../nft/model';
import type { Context } from './context';

/** Those that the Nodes have been given. */
export const podNetworks = ({ cluster }: Context): readonly Prefix[] =>
  (cluster.nodes.known ? cluster.nodes.value : []).flatMap(({ podCIDRs }) =>
    podCIDRs.flatMap((text) => parsePrefix(text) ?? []),
  );

/** Those of ServiceCIDR objects, and what kube-proxy's rules drop because no Service has it; each ClusterIP for itself. */
export function serviceNetworks(context: Context): readonly Prefix[] {
  const { cluster } = context;
  const given = cluster.serviceCIDRs.known ? cluster.serviceCIDRs.value : [];
  const addresses = cluster.services.known ? cluster.services.value.flatMap(({ clusterIPs }) => clusterIPs) : [];
  return [...networksInRules(context), ...[...given, ...addresses].flatMap((text) => parsePrefix(text) ?? [])];
}

/**
 * The smallest network of the family that holds all ClusterIPs: the Service network holds it, as far as there is only one. Undefined
 * where fewer than three addresses tell it.
 */
export function commonServiceNetwork({ cluster }: Context, family: 'ip' | 'ip6'): Prefix | undefined {
  const all = (cluster.services.known ? cluster.services.value : []).flatMap(({ clusterIPs }) =>
    clusterIPs.flatMap((text) => parsePrefix(text) ?? []),
  );
  const [first, ...others] = all.filter((one) => one.family === family);
  if (first === undefined || others.length < 2) return undefined;
  let { len } = first;
  while (len > 0 && !others.every((one) => inPrefix(one.addr, first.addr, len))) len--;
  return parsePrefix(`${formatAddress(first.addr)}/${len}`);
}

function networksInRules({ nodes }: Context): readonly Prefix[] {
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
  return [...found.values()];
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
