'use client';

import { type KeyboardEvent, type ReactNode, type RefObject, useEffect, useRef, useState } from 'react';
import { STRINGS } from '../strings';
import { cx } from './cx';
import { CloseIcon, SearchIcon } from './icons';

interface TermFieldProps {
  readonly label: string;
  /** Terms separated by spaces; `key:value` or words. */
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly placeholder?: string;
  /** At the right: how many were found. */
  readonly note?: ReactNode;
  readonly inputRef?: RefObject<HTMLInputElement | null>;
  readonly onEscape?: () => void;
  readonly className?: string;
}

/** Splits at spaces outside of quotes. */
export const termsOf = (value: string): readonly string[] => value.match(/(?:[^\s"]|"[^"]*"?)+/g) ?? [];

/**
 * A field whose finished terms become chips. What is being typed counts too; a space or Enter finishes it, Backspace in the
 * empty field takes the last chip back for editing.
 */
export function TermField({
  label,
  value,
  onChange,
  placeholder,
  note,
  inputRef,
  onEscape,
  className,
}: TermFieldProps) {
  const own = useRef<HTMLInputElement>(null);
  const input = inputRef ?? own;
  const all = termsOf(value);
  // The last term is in the field while it is typed; after a space all are chips.
  const [typing, setTyping] = useState(false);
  const draft = typing ? (all.at(-1) ?? '') : '';
  const chips = typing && all.length > 0 ? all.slice(0, -1) : all;

  // A value from outside, a link or the back button, holds finished terms only.
  const sent = useRef(value);
  useEffect(() => {
    if (sent.current !== value) {
      sent.current = value;
      setTyping(false);
    }
  }, [value]);

  const send = (terms: readonly string[], isTyping: boolean): void => {
    const next = terms.filter((t) => t !== '').join(' ');
    sent.current = next;
    setTyping(isTyping);
    onChange(next);
  };
  const onInput = (text: string): void => {
    const openQuote = (text.match(/"/g) ?? []).length % 2 === 1;
    const finished = /\s$/.test(text) && !openQuote;
    const typed = termsOf(text.trim());
    if (text.trim() === '') send(chips, false);
    else send([...chips, ...(openQuote ? [text.trimStart()] : typed)], !finished);
  };
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>): void => {
    if (event.key === 'Enter' && draft !== '') {
      event.preventDefault();
      send(all, false);
    } else if (event.key === 'Backspace' && draft === '' && chips.length > 0) {
      event.preventDefault();
      send(chips, true);
    } else if (event.key === 'Escape') {
      if (value !== '') send([], false);
      else event.currentTarget.blur();
      onEscape?.();
    }
  };

  return (
    <div
      className={cx(
        'flex min-h-7 min-w-0 items-center gap-2 rounded-control border border-line-strong bg-surface px-2.5 focus-within:outline-2 focus-within:outline-focus focus-within:outline-offset-2',
        className,
      )}
    >
      <SearchIcon className="text-ink-2" />
      <div className="flex min-w-0 flex-1 flex-wrap items-center gap-1 py-0.5">
        {chips.map((term, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the same term may be typed twice
          <span key={`${term} ${i}`} className="inline-flex items-center rounded-chip bg-sunken font-mono text-[12px]">
            <TermText term={term} />
            <button
              type="button"
              aria-label={STRINGS.removeFilter(term)}
              onClick={() => {
                send(all.toSpliced(i, 1), typing && i < all.length - 1);
                input.current?.focus();
              }}
              className="px-1 py-1 text-ink-3 hover:text-ink"
            >
              <CloseIcon size={9} />
            </button>
          </span>
        ))}
        <input
          ref={input}
          type="search"
          aria-label={label}
          value={draft}
          onChange={(event) => onInput(event.target.value)}
          onKeyDown={onKeyDown}
          placeholder={chips.length === 0 ? placeholder : undefined}
          spellCheck={false}
          autoComplete="off"
          autoCapitalize="off"
          className="h-6 min-w-[6rem] flex-1 [&::-webkit-search-cancel-button]:hidden bg-transparent font-mono text-[12px] outline-none placeholder:font-sans placeholder:text-[13px] placeholder:text-ink-3"
        />
      </div>
      {note === undefined ? null : (
        <span role="status" className="shrink-0 text-[11.5px] text-ink-2">
          {note}
        </span>
      )}
    </div>
  );
}

function TermText({ term }: { readonly term: string }) {
  const found = /^([a-z0-9]+:)(.+)$/i.exec(term);
  return (
    <span className="pl-1.5">
      {found === null ? (
        term
      ) : (
        <>
          <span className="text-ink-3">{found[1]}</span>
          <span className="font-[600]">{found[2]}</span>
        </>
      )}
    </span>
  );
}
