/** By which node the packets of a client outside the cluster come in. */
import type { NamesView } from '@/lib/api/types';

/** A client outside: somebody has to say where its packets come in. */
export const isOutside = (from: string | null): boolean =>
  from === 'external' || from?.startsWith('external:') === true;

/** The node that has the address asked for; else the one that is looked at. */
export function entryNode({ nodes }: Pick<NamesView, 'nodes'>, to: string | null, looked: string): string {
  const address = /^(?:\[([^\]]+)\]|([^:/]+))/.exec(to ?? '');
  const host = address?.[1] ?? address?.[2];
  return nodes.find(({ name, addresses }) => name === to || addresses.some((one) => one === host))?.name ?? looked;
}
