/** Addresses that kube-proxy keeps for Services: no host has them, allocated or not. */

import { type Effect, pathsOf } from '../conflicts/paths';
import type { Interval } from '../conflicts/wanted';
import type { Prepared } from '../sim';

const DROP: ReadonlySet<Effect> = new Set(['drop']);

/** What the chain cluster-ips-check of kube-proxy's tables refuses (pkg/proxy/nftables/proxier.go). */
export function virtualRanges(p: Prepared): { readonly [F in 'ip' | 'ip6']: readonly Interval[] } {
  const of = (family: 'ip' | 'ip6'): readonly Interval[] => {
    const table = p.program.tables.find((one) => one.family === family && one.name === 'kube-proxy');
    const chain = table?.chains.get('cluster-ips-check');
    if (chain === undefined) return [];
    const { paths } = pathsOf(p, chain, family, DROP, { pathsMax: 10, elementsMax: 10 });
    return paths.flatMap(({ wanted }) => wanted.fields.daddr ?? []);
  };
  return { ip: of('ip'), ip6: of('ip6') };
}
