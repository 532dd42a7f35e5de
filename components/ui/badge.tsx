import type { ReactNode } from 'react';
import { cx } from './cx';
import { CheckIcon, OctagonIcon, ReturnIcon, TriangleIcon } from './icons';

/** A short word on a quiet ground: a type, a state, a code. */
export function Badge({
  children,
  tone = 'neutral',
  mono = false,
}: {
  readonly children: ReactNode;
  readonly tone?: 'neutral' | 'delivered' | 'lost' | 'depends' | 'unknown';
  readonly mono?: boolean;
}) {
  return (
    <span
      className={cx(
        'inline-flex items-center gap-1 whitespace-nowrap rounded-chip px-1.5 py-px text-label',
        mono && 'font-mono font-[450]',
        tone === 'neutral' && 'bg-sunken text-ink-2',
        tone === 'delivered' && 'bg-delivered-ground text-delivered',
        tone === 'lost' && 'bg-lost-ground text-lost',
        tone === 'depends' && 'bg-depends-ground text-depends',
        tone === 'unknown' && 'border border-line-strong border-dashed text-undecided',
      )}
    >
      {children}
    </span>
  );
}

export type Disposition = 'delivered' | 'dropped' | 'rejected' | 'undecided' | 'depends';

const VERDICT: {
  readonly [D in Disposition]: { readonly word: string; readonly look: string; readonly icon: ReactNode };
} = {
  delivered: { word: 'delivered', look: 'border-transparent bg-delivered-ground text-delivered', icon: <CheckIcon /> },
  dropped: { word: 'dropped', look: 'border-transparent bg-lost-ground text-lost', icon: <OctagonIcon /> },
  rejected: { word: 'rejected', look: 'border-lost bg-lost-ground text-lost', icon: <ReturnIcon /> },
  undecided: {
    word: 'undecided',
    look: 'border-line-strong border-dashed text-undecided',
    icon: <span aria-hidden="true">?</span>,
  },
  depends: { word: 'depends', look: 'border-transparent bg-depends-ground text-depends', icon: <TriangleIcon /> },
};

/** The verdict: word always, shape and border beside colour; capitals only in the headline. */
export function VerdictBadge({
  verdict,
  headline = false,
}: {
  readonly verdict: Disposition;
  readonly headline?: boolean;
}) {
  const { word, look, icon } = VERDICT[verdict];
  return (
    <span
      className={cx(
        'inline-flex items-center gap-1.5 whitespace-nowrap rounded-chip border-[1.5px] font-[650]',
        headline ? 'h-[26px] px-2.5 text-[13px] uppercase tracking-[0.02em]' : 'h-5 px-1.5 text-label font-[600]',
        look,
      )}
    >
      {icon}
      {word}
    </span>
  );
}
