import { cx } from './cx';

/** A key as shown on buttons and in the help. It names the key; the button's own name comes from its words. */
export function Kbd({ children, onInk = false }: { readonly children: string; readonly onInk?: boolean }) {
  return (
    <span
      aria-hidden="true"
      className={cx(
        'inline-flex h-[18px] min-w-[18px] items-center justify-center rounded-[4px] border px-1 font-mono text-[10.5px] leading-none',
        onInk ? 'border-surface/50 text-surface' : 'border-line-strong bg-surface text-ink-2',
      )}
    >
      {children}
    </span>
  );
}
