'use client';

import { Combobox as Base } from '@base-ui/react/combobox';
import { useMemo, useState } from 'react';
import { cx } from '../ui/cx';
import { ChevronDown } from '../ui/icons';
import { itemLook, popupLook } from '../ui/select';
import { type PlaceOption, refOption, typedPlace } from './places';

interface PlaceFieldProps {
  /** `From` or `To`. */
  readonly label: string;
  readonly end: 'from' | 'to';
  readonly value: string | null;
  readonly onChange: (ref: string) => void;
  readonly options: readonly PlaceOption[];
  /** What is shown while nothing is named: the end of a packet given field by field. */
  readonly shown?: PlaceOption | undefined;
  /** The address the name stood for in the last trace. */
  readonly address: string | undefined;
  /** Under the list: what it cannot offer, and why. */
  readonly lacks?: string | undefined;
  readonly className?: string;
}

/** One end of the question: a name of the capture, or an address that is typed. */
export function PlaceField({
  label,
  end,
  value,
  onChange,
  options,
  shown,
  address,
  lacks,
  className,
}: PlaceFieldProps) {
  // The same object as long as the same place is asked: a new one would put its label over what is being typed.
  const chosen = useMemo(() => (value === null ? (shown ?? null) : refOption(value)), [value, shown]);
  const note = address ?? chosen?.note ?? '';
  const known = options.find((option) => option.ref === value)?.note ?? '';
  const [typed, setTyped] = useState('');
  const items = useMemo(() => {
    const own = typedPlace(typed, end);
    return own === undefined ? options : [own, ...options.filter((option) => option.ref !== own.ref)];
  }, [typed, end, options]);
  return (
    <Base.Root<PlaceOption>
      items={items}
      value={chosen}
      itemToStringLabel={(option) => option.label}
      isItemEqualToValue={(a, b) => a.ref === b.ref}
      filter={(option, query) => matchesPlace(option, query)}
      limit={200}
      onInputValueChange={setTyped}
      onValueChange={(next) => {
        if (next !== null) onChange(next.ref);
      }}
    >
      <div className={cx('flex min-w-0 items-center gap-2', className)}>
        <span aria-hidden="true" className="w-9 shrink-0 text-ink-2 text-label md:w-auto">
          {label}
        </span>
        <div className="flex h-8 min-w-0 flex-1 items-center gap-2 rounded-control bg-surface focus-within:outline-2 focus-within:outline-focus focus-within:outline-offset-2 md:h-7 md:border md:border-line-strong md:px-2.5">
          {chosen === null ? null : <span className="text-ink-2 text-label max-md:hidden">{chosen.kind}</span>}
          <Base.Input
            aria-label={label}
            placeholder={end === 'from' ? 'pod, node or address' : 'Service, pod or address:port'}
            className="min-w-0 flex-1 text-ellipsis bg-transparent font-[620] outline-none placeholder:font-normal placeholder:text-ink-3"
          />
          <span className="shrink-0 font-mono text-[11.5px] text-ink-2 md:text-[12px]">
            {note === '' ? known : note}
          </span>
          <Base.Trigger aria-label={`Open ${label}`} className="text-ink-2 max-md:hidden" tabIndex={-1}>
            <ChevronDown />
          </Base.Trigger>
        </div>
      </div>
      <Base.Portal>
        <Base.Positioner sideOffset={6} align="start" className="z-40">
          <Base.Popup className={popupLook}>
            <Base.Empty className="px-3 py-1 text-ink-2 empty:hidden">
              {end === 'from'
                ? 'No pod or node has this name. An address stands for a client outside the cluster.'
                : 'No Service, pod or node has this name. An address needs its port: 10.0.0.1:80, or 10.0.0.1:53/udp.'}
            </Base.Empty>
            <Base.List>
              {(option: PlaceOption) => (
                <Base.Item key={option.ref} value={option} className={itemLook}>
                  <span className="w-12 shrink-0 text-ink-2 text-label">{option.kind}</span>
                  <span className="whitespace-nowrap">{option.label}</span>
                  <span className="ml-auto pl-4 font-mono text-[11px] text-ink-2">{option.note}</span>
                </Base.Item>
              )}
            </Base.List>
            {lacks === undefined ? null : (
              <p className="border-line border-t px-3 pt-1.5 pb-0.5 text-ink-2 text-prose">{lacks}</p>
            )}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}

/** Every word typed must occur in the kind, the label or the address. */
function matchesPlace(option: PlaceOption, query: string): boolean {
  const text = `${option.kind} ${option.label} ${option.note}`.toLowerCase();
  return query
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word) || (option.ref.startsWith('external:') && option.label === word));
}
