/** What turns Services into addresses on a node, told by what is there. */
import type { Ruleset } from '../nft/model';
import type { World } from '../world/world';

export type ProxyKind = 'nftables' | 'iptables' | 'ipvs' | 'none' | 'unknown';

export interface ServiceProxy {
  readonly kind: ProxyKind;
  /** How it was told, a sentence. */
  readonly how: string;
  /** Chains of another mode beside it, a sentence; they may still see packets. */
  readonly beside: string | null;
}

/** The dummy interface that kube-proxy in IPVS mode makes (pkg/proxy/ipvs: defaultDummyDevice). */
const IPVS_LINK = 'kube-ipvs0';
const CHAIN = /^KUBE-(SERVICES|NODEPORTS|PROXY-CANARY)$/;

/**
 * Rules decide, not names alone: an empty KUBE-SERVICES chain is what a changed mode leaves behind. `unreadable` is why the
 * ruleset is not known.
 */
export function serviceProxy(
  ruleset: Ruleset | undefined,
  world: Pick<World, 'links' | 'legacyTables' | 'legacySave'>,
  unreadable: string,
): ServiceProxy {
  if (ruleset === undefined) return { kind: 'unknown', how: unreadable, beside: null };
  const tables = ruleset.tables.filter(
    ({ family, name }) => (family === 'ip' || family === 'ip6') && name === 'kube-proxy',
  );
  // With its chain services emptied by somebody it is nftables mode all the same.
  const served = tables.filter((table) => table.chains.some((chain) => chain.rules.length > 0));
  const chains = ruleset.tables.flatMap((table) =>
    table.family === 'ip' || table.family === 'ip6'
      ? table.chains
          .filter((chain) => CHAIN.test(chain.name) && chain.rules.length > 0)
          .map((chain) => ({ table, chain }))
      : [],
  );
  const [iptables] = chains.filter(({ table, chain }) => table.name === 'nat' && chain.name === 'KUBE-SERVICES');
  const legacy = world.legacySave.known
    ? world.legacySave.value.find(({ chain, rules }) => chain === 'KUBE-SERVICES' && rules > 0)
    : undefined;
  const ipvs = world.links.known && world.links.value.some((link) => link.name === IPVS_LINK);
  const iptablesSaid =
    iptables !== undefined
      ? `the chain ${iptables.chain.name} of the table ${iptables.table.family} ${iptables.table.name} has rules`
      : legacy !== undefined
        ? `the chain ${legacy.chain} of the table ${legacy.table} of legacy iptables has rules`
        : undefined;
  if (served.length > 0) {
    const [names, has] = [served.map(({ family, name }) => `${family} ${name}`), served.length > 1 ? 'have' : 'has'];
    const how = `the ${served.length > 1 ? 'tables' : 'table'} ${names.join(' and ')} ${has} rules`;
    return {
      kind: 'nftables',
      how,
      beside: ipvs ? `the interface ${IPVS_LINK} of its IPVS mode is there as well` : (iptablesSaid ?? null),
    };
  }
  if (ipvs) return { kind: 'ipvs', how: `there is the interface ${IPVS_LINK}`, beside: null };
  if (iptablesSaid !== undefined) return { kind: 'iptables', how: iptablesSaid, beside: null };
  if (world.legacyTables.length > 0 && !world.legacySave.known) {
    const how = `legacy iptables has tables here (${world.legacyTables.join(', ')}) that nft does not show`;
    return { kind: 'unknown', how, beside: null };
  }
  if (!world.links.known)
    return { kind: 'unknown', how: 'its rules are not there, and interfaces were not read (IPVS)', beside: null };
  return { kind: 'none', how: 'no table kube-proxy with rules, no KUBE-SERVICES rules, no kube-ipvs0', beside: null };
}
