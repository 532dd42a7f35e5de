import type { KeyboardEvent, RefObject } from 'react';
import { cx } from './cx';
import { Kbd } from './kbd';

interface FilterProps {
  readonly ref: RefObject<HTMLInputElement | null>;
  readonly label: string;
  readonly placeholder: string;
  readonly value: string | null;
  readonly onChange: (value: string | null) => void;
  /** Its width. */
  readonly className: string;
}

/** A filter of a list, found with `/`. Escape empties it, and leaves it when it is empty. */
export function FilterField({ ref, label, placeholder, value, onChange, className }: FilterProps) {
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape') return;
    event.preventDefault();
    if (value === null) ref.current?.blur();
    else onChange(null);
  };
  return (
    <span
      className={cx(
        'flex h-7 max-w-full items-center gap-2 rounded-control border border-line-strong bg-surface pr-2 pl-2.5',
        'focus-within:outline-2 focus-within:outline-focus focus-within:outline-offset-2',
        className,
      )}
    >
      <input
        ref={ref}
        type="search"
        aria-label={label}
        aria-keyshortcuts="/"
        placeholder={placeholder}
        value={value ?? ''}
        onChange={(event) => onChange(event.target.value === '' ? null : event.target.value)}
        onKeyDown={onKeyDown}
        className="min-w-0 flex-1 bg-transparent outline-none"
      />
      {value === null ? (
        <span className="max-md:hidden">
          <Kbd>/</Kbd>
        </span>
      ) : null}
    </span>
  );
}
