import type { ReactNode } from 'react';
import { cx } from './cx';

/** A column beside the centre that scrolls by itself. */
export function Panel({
  label,
  children,
  className,
  tone = 'bg',
}: {
  readonly label: string;
  readonly children: ReactNode;
  readonly className?: string;
  readonly tone?: 'bg' | 'surface';
}) {
  return (
    <section
      aria-label={label}
      className={cx('min-w-0 overflow-y-auto', tone === 'bg' ? 'bg-bg' : 'bg-surface', className)}
    >
      {children}
    </section>
  );
}

/** One part of a panel, set off by a hairline; its title is a real heading. */
export function PanelSection({
  title,
  children,
  className,
}: {
  readonly title?: ReactNode;
  readonly children: ReactNode;
  readonly className?: string;
}) {
  return (
    <section className={cx('border-line border-t px-4 py-3 first:border-t-0', className)}>
      {title === undefined ? null : <h3 className="pb-1.5 text-label text-ink-2">{title}</h3>}
      {children}
    </section>
  );
}
