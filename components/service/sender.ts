/** Where the way of a packet begins: the node of its sender translates it first, and another node sees what came of that. */
import type { NamesView } from '@/lib/api/types';
import { viewHref } from '../shell/views';

/** The node that sends for `from`, or runs it; `looked`, where packets from outside come in, or where nothing tells. */
export function beginsOn(names: Pick<NamesView, 'pods' | 'nodes'> | undefined, from: string, looked: string): string {
  const pod = names?.pods.find(({ namespace, name }) => `${namespace}/${name}` === from);
  if (pod !== undefined) return pod.node ?? looked;
  return names?.nodes.some(({ name }) => name === from) === true ? from : looked;
}

export interface Asked {
  readonly source: string;
  /** The node that is looked at. */
  readonly node: string;
  readonly begins: string;
  readonly from: string;
  readonly to: string;
}

/** The trace on the node that is looked at where the way begins there; else the whole path, from where it begins. */
export const askedHref = ({ source, node, begins, from, to }: Asked): string =>
  viewHref('/trace', { source, node: begins, from, to, scope: begins === node ? null : 'path' });
