import type { AlignedRow, Alignment, RowOutcome } from '@/lib/monitor/align-sequence';
import type { KernelEvent } from '@/lib/monitor/kernel-event';
import type { OurEvent } from '@/lib/monitor/our-events';
import { Badge } from '../ui/badge';
import { cx } from '../ui/cx';
import { CheckIcon, TriangleIcon } from '../ui/icons';

/** The kernel's events and ours, row by row; the first that differs is marked. */
export function AlignmentTable({ alignment, caption }: { readonly alignment: Alignment; readonly caption: string }) {
  const { rows, divergence } = alignment;
  return (
    <table className="w-full border-collapse text-left font-mono text-code">
      <caption className="sr-only">{caption}</caption>
      <thead className="sticky top-0 bg-surface font-sans text-ink-2 text-label">
        <tr>
          <th scope="col" className="py-1.5 pr-3 font-[550]">
            Step
          </th>
          <th scope="col" className="py-1.5 pr-3 font-[550]">
            Kernel
          </th>
          <th scope="col" className="py-1.5 pr-3 font-[550]">
            Trace
          </th>
          <th scope="col" className="py-1.5 font-[550]">
            Compared
          </th>
        </tr>
      </thead>
      <tbody className="align-top">
        {numbered(rows).map(({ row, number, key }, index) => (
          <tr
            key={key}
            aria-current={index === divergence ? 'true' : undefined}
            className={cx('border-line border-t', index === divergence && 'bg-depends-ground')}
          >
            <td className="py-1 pr-3 text-ink-2 tabular-nums">{number}</td>
            <td className="py-1 pr-3 [overflow-wrap:anywhere]">
              {row.kernel === undefined ? '' : <Event {...row.kernel} handle={row.kernel.handle} />}
            </td>
            <td className="py-1 pr-3 [overflow-wrap:anywhere]">
              {row.ours === undefined ? '' : <Event {...row.ours} handle={row.ours.at?.handle} />}
            </td>
            <td className="py-1 font-sans">
              <Outcome row={row} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

interface Numbered {
  readonly row: AlignedRow;
  /** Empty for rows that are not compared. */
  readonly number: string;
  readonly key: string;
}

function numbered(rows: readonly AlignedRow[]): readonly Numbered[] {
  let number = 0;
  return rows.map((row, index) => {
    const isCompared = row.outcome !== 'not-shown' && row.outcome !== 'foreign';
    if (isCompared) number++;
    return { row, number: isCompared ? String(number) : '', key: `${index} ${row.outcome}` };
  });
}

type EventProps = Pick<KernelEvent | OurEvent, 'kind' | 'table' | 'chain' | 'verdict' | 'jumpTarget'> & {
  readonly handle: number | undefined;
};

function Event({ kind, table, chain, verdict, jumpTarget, handle }: EventProps) {
  return (
    <>
      <span className="text-ink-2">
        {table} {chain}{' '}
        {kind === 'rule' ? (handle === undefined ? 'rule' : `#${handle}`) : kind === 'end' ? 'end of chain' : 'policy'}
      </span>{' '}
      {verdict}
      {jumpTarget === undefined ? null : <span className="text-name"> {jumpTarget}</span>}
    </>
  );
}

const WORDS: { readonly [O in RowOutcome]: string } = {
  agrees: 'agrees',
  differs: 'differs',
  'only-kernel': 'only the kernel',
  'only-ours': 'only the trace',
  'not-shown': 'not shown by nft',
  foreign: 'not in the capture',
};

function Outcome({ row: { outcome, by, differences } }: { readonly row: AlignedRow }) {
  if (outcome === 'not-shown' || outcome === 'foreign') return <span className="text-ink-2">{WORDS[outcome]}</span>;
  if (outcome === 'agrees') {
    return (
      <Badge tone="delivered">
        <CheckIcon />
        {by === 'place' ? 'agrees by place' : WORDS.agrees}
      </Badge>
    );
  }
  return (
    <>
      <Badge tone="depends">
        <TriangleIcon />
        {WORDS[outcome]}
      </Badge>
      {differences.map(({ what, kernel, ours }) => (
        <p key={what} className="mt-0.5 text-prose">
          {what}: kernel {kernel}, trace {ours}
        </p>
      ))}
    </>
  );
}
