import type { BaseChainOverview, NodeOverview } from '@/lib/api/types';
import { isOnMap, MAP_FAMILIES, type MapCell, type MapChain, type MapFamily } from '@/lib/graph/hook-map';

/** A base chain of the overview with its place in the listing, which decides ties. */
export type OverviewChain = BaseChainOverview & MapChain;

/** `ip kube-proxy nat-prerouting`: how a chain is named in the URL and read aloud. */
export const chainId = (chain: { readonly family: string; readonly table: string; readonly chain: string }): string =>
  `${chain.family} ${chain.table} ${chain.chain}`;

export function mapChains(overview: Pick<NodeOverview, 'tables' | 'baseChains'>): readonly OverviewChain[] {
  const order = new Map<string, number>();
  for (const table of overview.tables) {
    for (const { name } of table.chains) {
      order.set(chainId({ family: table.family, table: table.name, chain: name }), order.size);
    }
  }
  return overview.baseChains.map((chain) => ({ ...chain, order: order.get(chainId(chain)) ?? 0 }));
}

/** The words at the right of a cell: only what ends packets there, or that it does nothing. */
export function cellWord({ chain }: MapCell<MapChain>): string {
  if (chain.policy === 'drop') return 'drop';
  if (chain.ends.length > 0) return chain.ends.join(', ');
  return chain.empty ? 'empty' : '';
}

export const FAMILY_NAMES: Readonly<Record<MapFamily, string>> = {
  ip: 'ip + inet',
  ip6: 'ip6 + inet',
  bridge: 'bridge',
  arp: 'arp',
  netdev: 'netdev',
};

/** The first family that has a chain; ip where none has. */
export const firstFamily = (chains: readonly MapChain[]): MapFamily =>
  MAP_FAMILIES.find((family) => chains.some((chain) => isOnMap(chain, family))) ?? 'ip';
