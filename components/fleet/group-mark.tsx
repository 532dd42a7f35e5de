import { cx } from '../ui/cx';

/** The letter of a group: outlined for the largest, filled for the others. */
export function GroupMark({ label }: { readonly label: string }) {
  return (
    <span
      className={cx(
        'inline-flex h-5 min-w-5 items-center justify-center rounded-chip border px-1 font-[650] text-[11px] leading-none',
        label === 'A' ? 'border-line-strong text-ink-2' : 'border-ink bg-ink text-surface',
      )}
    >
      {label}
    </span>
  );
}
