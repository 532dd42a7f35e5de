import type { NodeWayState } from '@/lib/api/service-types';
import type { PartState } from '@/lib/graph/compare-service-graphs';
import { STATE_WORDS } from '@/lib/graph/service-graph-layout';
import { cx } from '../ui/cx';
import { CheckIcon, OctagonIcon, TriangleIcon } from '../ui/icons';

export const NODE_WORDS: { readonly [S in NodeWayState | 'unread']: string } = {
  expected: 'as expected',
  differs: 'differs',
  missing: 'missing',
  unknown: 'not known',
  unread: 'not read yet',
};

/** How something stands: a tick, a triangle or a dashed question mark. The word is there for everybody, or for screen readers. */
export function StateMark({
  state,
  quiet = false,
}: {
  readonly state: NodeWayState | 'unread';
  readonly quiet?: boolean;
}) {
  const word = NODE_WORDS[state];
  const said = <span className={quiet && state === 'expected' ? 'sr-only' : undefined}>{word}</span>;
  switch (state) {
    case 'expected':
      return (
        <span className="inline-flex items-center gap-1.5 text-delivered">
          <CheckIcon />
          {said}
        </span>
      );
    case 'differs':
    case 'missing':
      return (
        <span className="inline-flex items-center gap-1.5 rounded-mark font-[600] text-depends">
          <TriangleIcon />
          {said}
        </span>
      );
    case 'unknown':
    case 'unread':
      return (
        <span className="inline-flex items-center gap-1 whitespace-nowrap rounded-mark border border-line-strong border-dashed px-1 text-undecided">
          <span aria-hidden="true">?</span>
          {said}
        </span>
      );
  }
}

/** What becomes of the traffic although the rules are as expected. */
export const TroubleMark = ({ word }: { readonly word: string }) => (
  <span className="inline-flex items-center gap-1 whitespace-nowrap font-[600] text-lost">
    <OctagonIcon size={12} />
    {word}
  </span>
);

/** The same for a part of the graph, whose note says which other Service it is of; nothing for what is as it should be and is drawn as such. */
export function PartMark({
  state,
  trouble,
  className,
}: {
  readonly state: PartState;
  readonly trouble?: string | undefined;
  readonly className?: string;
}) {
  const isOdd = state !== 'same' && state !== 'unknown';
  if (!isOdd && trouble === undefined) return null;
  return (
    <span
      className={cx('inline-flex shrink-0 items-center gap-1 font-[600] text-[11px] text-depends leading-4', className)}
    >
      {isOdd ? <TriangleIcon size={11} /> : null}
      {isOdd && state !== 'other' ? STATE_WORDS[state] : null}
      {trouble === undefined ? null : <TroubleMark word={trouble} />}
    </span>
  );
}
