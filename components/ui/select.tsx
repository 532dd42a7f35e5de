'use client';

import { Select as Base } from '@base-ui/react/select';
import type { ReactNode } from 'react';
import { cx } from './cx';
import { CheckIcon, ChevronDown } from './icons';

export interface SelectOption<V extends string> {
  readonly value: V;
  readonly label: string;
  /** A second, quieter piece of the row: an address, a state. */
  readonly note?: ReactNode;
  readonly disabled?: boolean;
}

interface SelectProps<V extends string> {
  /** Stands before the value, and is the accessible name. */
  readonly label: string;
  readonly value: V | null;
  readonly onChange: (value: V) => void;
  readonly options: readonly SelectOption<V>[];
  readonly placeholder?: string;
  /** Shown after the value, inside the trigger. */
  readonly note?: ReactNode;
  readonly className?: string;
}

export const triggerLook =
  'inline-flex h-7 min-w-0 items-center gap-2 rounded-control border border-line-strong bg-surface px-2.5 hover:bg-sunken disabled:text-ink-3';
export const popupLook =
  'max-h-[min(26rem,var(--available-height))] min-w-[var(--anchor-width)] max-w-[min(32rem,var(--available-width))] overflow-y-auto rounded-card border border-line-strong bg-surface py-1 shadow-[0_8px_28px_rgb(0_0_0/0.18)]';
export const itemLook =
  'flex min-h-7 items-center gap-2 px-2.5 py-1 text-ink outline-none data-[disabled]:text-ink-3 data-[highlighted]:bg-sunken forced-colors:data-[highlighted]:bg-[Highlight] forced-colors:data-[highlighted]:text-[HighlightText]';

export function Select<V extends string>({
  label,
  value,
  onChange,
  options,
  placeholder = 'choose',
  note,
  className,
}: SelectProps<V>) {
  const chosen = options.find((o) => o.value === value);
  return (
    <Base.Root<V>
      value={value}
      items={options.map(({ value, label }) => ({ value, label }))}
      onValueChange={(next) => {
        if (next !== null) onChange(next);
      }}
    >
      <Base.Trigger aria-label={`${label}: ${chosen?.label ?? placeholder}`} className={cx(triggerLook, className)}>
        <span className="text-ink-2 text-label">{label}</span>
        <span className={cx('overflow-hidden text-ellipsis whitespace-nowrap', chosen ? 'font-[620]' : 'text-ink-3')}>
          {chosen?.label ?? placeholder}
        </span>
        {note}
        <Base.Icon className="ml-auto text-ink-2">
          <ChevronDown />
        </Base.Icon>
      </Base.Trigger>
      <Base.Portal>
        <Base.Positioner sideOffset={4} align="start" alignItemWithTrigger={false} className="z-40">
          <Base.Popup className={popupLook}>
            <Base.List>
              {options.map((o) => (
                <Base.Item key={o.value} value={o.value} disabled={o.disabled ?? false} className={itemLook}>
                  <span className="w-3.5 shrink-0">
                    <Base.ItemIndicator>
                      <CheckIcon />
                    </Base.ItemIndicator>
                  </span>
                  <Base.ItemText className="whitespace-nowrap">{o.label}</Base.ItemText>
                  {o.note === undefined ? null : <span className="ml-auto pl-4 text-ink-3 text-label">{o.note}</span>}
                </Base.Item>
              ))}
            </Base.List>
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}
