import { cx } from '../ui/cx';

export type DiscState = 'done' | 'current' | 'ahead' | 'lost' | 'unknown';

interface DiscProps {
  readonly number: number;
  readonly state: DiscState;
  readonly current: boolean;
  readonly label: string;
  readonly onSelect: () => void;
}

/** A step's numbered disc on the ink line: the button that chooses the step. Its hit area is the whole row. */
export function Disc({ number, state, current, label, onSelect }: DiscProps) {
  return (
    <button
      type="button"
      data-step={number}
      aria-label={label}
      aria-current={current ? 'step' : undefined}
      onClick={onSelect}
      className="flex size-6 items-center justify-center after:absolute after:inset-0 after:content-[''] focus-visible:outline-none focus-visible:[&>span]:outline-2 focus-visible:[&>span]:outline-focus focus-visible:[&>span]:outline-offset-2"
    >
      <span
        className={cx(
          'relative flex items-center justify-center font-[680] text-[11px] leading-none transition-[background-color] duration-[120ms] ease-out',
          state === 'unknown' ? 'rounded-[5px]' : 'rounded-full',
          current ? 'size-[22px]' : 'size-[20px]',
          state === 'done' && 'bg-ink text-surface forced-colors:border-2',
          state === 'current' && 'border-2 border-ink bg-marker-hit text-ink',
          state === 'ahead' && 'border-2 border-line-strong bg-surface text-ink-2',
          state === 'lost' && 'bg-lost text-surface forced-colors:border-2',
          state === 'unknown' && 'border-2 border-ink bg-surface text-ink',
          current && (state === 'lost' || state === 'unknown') && 'outline-2 outline-ink outline-offset-1',
        )}
      >
        {state === 'unknown' ? '?' : number}
      </span>
    </button>
  );
}
