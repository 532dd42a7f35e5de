'use client';

import { Combobox as Base } from '@base-ui/react/combobox';
import type { ReactNode } from 'react';
import { cx } from './cx';
import { ChevronDown } from './icons';
import { itemLook, popupLook } from './select';

export interface ComboboxOption {
  readonly value: string;
  /** What is typed and searched. */
  readonly label: string;
  /** `pod`, `Service`, `node`, … shown before the label. */
  readonly kind?: string;
  /** An address or state, shown at the right and searched too. */
  readonly note?: string;
}

interface ComboboxProps {
  /** Stands before the field, and is its accessible name. */
  readonly label: string;
  readonly value: string | null;
  readonly onChange: (value: string | null) => void;
  readonly options: readonly ComboboxOption[];
  readonly placeholder?: string;
  /** Said where nothing matches what was typed. */
  readonly empty: string;
  /** Shown inside the field at the right: the address behind the name. */
  readonly aside?: ReactNode;
  readonly className?: string;
}

/** A field that takes one of many named things and filters them while typing. */
export function Combobox({ label, value, onChange, options, placeholder, empty, aside, className }: ComboboxProps) {
  const chosen = options.find((o) => o.value === value) ?? null;
  return (
    <Base.Root<ComboboxOption>
      items={options}
      value={chosen}
      itemToStringLabel={(o) => o.label}
      isItemEqualToValue={(a, b) => a.value === b.value}
      filter={(o, query) => matchesOption(o, query)}
      limit={200}
      onValueChange={(next) => onChange(next?.value ?? null)}
    >
      <div
        className={cx(
          'flex h-7 min-w-0 items-center gap-2 rounded-control border border-line-strong bg-surface px-2.5 focus-within:outline-2 focus-within:outline-focus focus-within:outline-offset-2',
          className,
        )}
      >
        {chosen?.kind === undefined ? null : <span className="text-ink-3 text-label">{chosen.kind}</span>}
        <Base.Input
          aria-label={label}
          placeholder={placeholder}
          className="min-w-0 flex-1 bg-transparent font-[560] outline-none placeholder:font-normal placeholder:text-ink-3"
        />
        {aside}
        <Base.Trigger aria-label={`Open ${label}`} className="text-ink-2" tabIndex={-1}>
          <ChevronDown />
        </Base.Trigger>
      </div>
      <Base.Portal>
        <Base.Positioner sideOffset={6} align="start" className="z-40">
          <Base.Popup className={popupLook}>
            <Base.Empty className="px-3 text-ink-2 empty:hidden">{empty}</Base.Empty>
            <Base.List>
              {(o: ComboboxOption) => (
                <Base.Item key={o.value} value={o} className={itemLook}>
                  {o.kind === undefined ? null : <span className="w-12 shrink-0 text-ink-3 text-label">{o.kind}</span>}
                  <span className="whitespace-nowrap">{o.label}</span>
                  {o.note === undefined ? null : (
                    <span className="ml-auto pl-4 font-mono text-[11px] text-ink-3">{o.note}</span>
                  )}
                </Base.Item>
              )}
            </Base.List>
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}

/** Every word typed must occur in the kind, the label or the note. */
export function matchesOption(option: ComboboxOption, query: string): boolean {
  const text = `${option.kind ?? ''} ${option.label} ${option.note ?? ''}`.toLowerCase();
  return query
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
