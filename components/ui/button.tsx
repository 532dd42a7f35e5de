import type { ComponentPropsWithRef, ReactNode } from 'react';
import { cx } from './cx';
import { Kbd } from './kbd';

interface ButtonProps extends ComponentPropsWithRef<'button'> {
  /** Ink for the one thing to do next; plain for the rest; quiet inside panels and rows. */
  readonly look?: 'plain' | 'ink' | 'quiet';
  readonly icon?: ReactNode;
  /** The key that does the same; shown, and told to assistive technology. */
  readonly shortcut?: string | undefined;
}

export const buttonLook = (look: 'plain' | 'ink' | 'quiet' = 'plain', className?: string): string =>
  cx(
    'inline-flex h-7 shrink-0 items-center justify-center gap-2 whitespace-nowrap rounded-control px-3 font-[560] disabled:cursor-default disabled:border-line disabled:text-ink-3',
    look === 'plain' && 'border border-line-strong bg-surface text-ink enabled:hover:bg-sunken',
    look === 'ink' && 'border border-ink bg-ink text-surface disabled:bg-sunken',
    look === 'quiet' && 'px-2 text-ink-2 enabled:hover:bg-sunken enabled:hover:text-ink',
    className,
  );

export function Button({ look = 'plain', icon, shortcut, className, children, ...rest }: ButtonProps) {
  return (
    <button type="button" aria-keyshortcuts={shortcut} {...rest} className={buttonLook(look, className)}>
      {icon}
      {children}
      {shortcut === undefined ? null : <Kbd onInk={look === 'ink'}>{shortcut}</Kbd>}
    </button>
  );
}
