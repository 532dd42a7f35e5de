'use client';

import { usePathname } from 'next/navigation';
import { Age } from '../shell/age';
import { usePlace } from '../shell/use-place';

/** Views of one node. */
const OF_NODE = ['/ruleset', '/trace', '/hook-map', '/conflicts'];

/** While what reads the nodes of a source does not answer: said once, and of which time the node is that is shown. */
export function LiveNotice() {
  const place = usePlace();
  const pathname = usePathname();
  if (place.state !== 'ready') return null;
  const { source, node } = place;
  const why = source.nodes.find(({ notAnew }) => notAnew !== undefined)?.notAnew;
  if (why === undefined) return null;
  const isOfNode = node.notAnew !== undefined && node.capturedAt !== null && OF_NODE.includes(pathname);
  return (
    <p
      role="status"
      className="m-0 shrink-0 border-line-strong border-b border-dashed bg-surface px-3 py-1.5 text-undecided [overflow-wrap:anywhere] md:px-4"
    >
      {why.slice(0, 1).toUpperCase()}
      {why.slice(1).replace(/\.+$/, '')}. All stays as it was read
      {isOfNode ? (
        <>
          : {node.name} as of <Age capturedAt={node.capturedAt} short />, it cannot be read now
        </>
      ) : null}
      .
    </p>
  );
}
