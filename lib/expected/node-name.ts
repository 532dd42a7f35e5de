/** Under which name kube-proxy takes endpoints for local: `hostnameOverride` may differ from the name in the capture. */
import type { EndpointSlice } from '../cluster/cluster';
import type { Table } from '../nft/model';

/**
 * The name in the capture where some endpoint is there. Otherwise that of the node whose endpoints the tables treat as local
 * (hairpin-connections, from 1.36); undefined where nothing tells.
 */
export function proxyNodeName(
  captured: string,
  slices: readonly EndpointSlice[],
  tables: readonly Table[],
): string | undefined {
  const nodes = new Map<string, string>();
  for (const { endpoints } of slices) {
    for (const { node, addresses } of endpoints) {
      if (node === captured) return captured;
      if (node !== undefined) for (const address of addresses) nodes.set(address, node);
    }
  }
  const named = new Set<string>();
  for (const { sets } of tables) {
    for (const { key } of sets.find(({ name }) => name === 'hairpin-connections')?.elements ?? []) {
      const first = typeof key === 'object' && key.kind === 'concat' ? key.parts[0] : undefined;
      const node = typeof first === 'string' ? nodes.get(first) : undefined;
      if (node !== undefined) named.add(node);
    }
  }
  const [only, ...more] = named;
  return more.length === 0 ? only : undefined;
}
