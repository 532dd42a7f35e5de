import type { MeasuredAgreement } from '@/lib/reach/measured';
import { cx } from '../ui/cx';
import { CheckIcon, TriangleIcon } from '../ui/icons';

/** How many connections that were measured beside the capture ended as predicted: `20 of 20 measured connections agree`. */
export function MeasuredLine({ measured, short }: { readonly measured: MeasuredAgreement; readonly short: boolean }) {
  const { of, agree, isUndecided, results } = measured;
  const seen = results.map(({ word, count }) => `${word} ${count} times`).join(', ');
  if (isUndecided)
    return (
      <span className="text-ink-2">
        {of} measured: {seen}
      </span>
    );
  const agrees = agree === of;
  return (
    <span
      title={`measured: ${seen}`}
      className={cx('inline-flex items-center gap-1', agrees ? 'text-delivered' : 'font-[600] text-depends')}
    >
      {agrees ? <CheckIcon /> : <TriangleIcon />}
      {agree} of {of} measured {short ? 'agree' : 'connections agree'}
    </span>
  );
}
