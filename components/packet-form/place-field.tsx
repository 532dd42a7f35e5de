'use client';

import { Combobox as Base } from '@base-ui/react/combobox';
import { useEffect, useId, useMemo, useState } from 'react';
import type { NamesView } from '@/lib/api/types';
import { cx } from '../ui/cx';
import { ChevronDown } from '../ui/icons';
import { itemLook, popupLook } from '../ui/select';
import { matchesPlace, type PlaceOption, refOption, takenPlace, typedPlace } from './places';

interface PlaceFieldProps {
  /** `From` or `To`. */
  readonly label: string;
  readonly end: 'from' | 'to';
  readonly value: string | null;
  readonly onChange: (ref: string) => void;
  readonly options: readonly PlaceOption[];
  /** What may be named: those offered, and others that the command knows as well. */
  readonly names: NamesView;
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
  names,
  shown,
  address,
  lacks,
  className,
}: PlaceFieldProps) {
  // The same object as long as the same place is asked: a new one would put its label over what is being typed.
  const chosen = useMemo(() => (value === null ? (shown ?? null) : refOption(value)), [value, shown]);
  const note = address ?? chosen?.note ?? '';
  const known = options.find((option) => option.ref === value)?.note ?? '';
  // What is typed and not yet taken; null while the field shows what is chosen.
  const [typed, setTyped] = useState<string | null>(null);
  const [wrong, setWrong] = useState<string | null>(null);
  const problemId = useId();
  // Another value from outside, such as the back button's, is shown; what was typed belonged to the old one.
  const [shownValue, setShownValue] = useState(value);
  if (shownValue !== value) {
    setShownValue(value);
    setTyped(null);
    setWrong(null);
  }
  const own = useMemo(() => {
    const found = typed === null || typed.trim() === '' ? undefined : typedPlace(typed, end, names);
    return found?.ok === true ? found.place : undefined;
  }, [typed, end, names]);
  const items = useMemo(() => {
    if (own === undefined || options.some(({ ref }) => ref === own.ref)) return options;
    return [own, ...options];
  }, [own, options]);
  const choose = (ref: string): void => {
    drop();
    if (ref !== value) onChange(ref);
  };
  const drop = (): void => {
    setTyped(null);
    setWrong(null);
  };
  /** Takes what was typed, or says what is wrong with it; it is never thrown away. */
  const take = (): void => {
    if (typed === null) return;
    const same = typed.trim() === '' || typed === chosen?.label;
    const taken = takenPlace(typed, end, names, options);
    if (same) drop();
    else if (taken.ok) choose(taken.place.ref);
    else setWrong(`${taken.say} ${taken.remedy}`);
  };
  // What was typed before the names were read is looked for once they are.
  // biome-ignore lint/correctness/useExhaustiveDependencies: only other names begin it anew
  useEffect(() => {
    if (wrong !== null) take();
  }, [names]);
  return (
    <Base.Root<PlaceOption>
      items={items}
      value={chosen}
      itemToStringLabel={(option) => option.label}
      isItemEqualToValue={(a, b) => a.ref === b.ref}
      filter={(option, query) => option.ref === own?.ref || matchesPlace(option, query)}
      limit={200}
      inputValue={typed ?? chosen?.label ?? ''}
      onInputValueChange={(next, { reason }) => {
        // The list sets the text back when it closes: what is typed stays until it is taken.
        if (reason === 'escape-key') drop();
        if (reason !== 'input-change') return;
        setTyped(next);
        setWrong(null);
      }}
      onOpenChange={(_, { reason }) => {
        if (reason === 'escape-key') drop();
      }}
      onValueChange={(next) => {
        if (next !== null) choose(next.ref);
      }}
    >
      <div className={cx('relative flex min-w-0 items-center gap-x-2 gap-y-1 max-md:flex-wrap', className)}>
        <span aria-hidden="true" className="w-9 shrink-0 text-ink-2 text-label md:w-auto">
          {label}
        </span>
        <div className="flex h-8 min-w-0 flex-1 items-center gap-2 rounded-control bg-surface focus-within:outline-2 focus-within:outline-focus focus-within:outline-offset-2 md:h-7 md:border md:border-line-strong md:px-2.5">
          {chosen === null || wrong !== null ? null : (
            <span className="text-ink-2 text-label max-md:hidden">{chosen.kind}</span>
          )}
          <Base.Input
            aria-label={label}
            aria-invalid={wrong === null ? undefined : true}
            aria-describedby={wrong === null ? undefined : problemId}
            onBlur={take}
            onKeyDown={(event) => {
              // Enter on an item of the list takes that; what is in the field is taken before the form is sent.
              if (event.key !== 'Enter' || typed === null) return;
              if (event.currentTarget.getAttribute('aria-activedescendant') !== null) return;
              event.preventDefault();
              take();
            }}
            placeholder={end === 'from' ? 'pod, node or address' : 'Service, pod or address:port'}
            className="min-w-0 flex-1 text-ellipsis bg-transparent font-[620] outline-none placeholder:font-normal placeholder:text-ink-3"
          />
          <span className="shrink-0 font-mono text-[11.5px] text-ink-2 md:text-[12px]">
            {typed !== null ? '' : note === '' ? known : note}
          </span>
          <Base.Trigger aria-label={`Open ${label}`} className="text-ink-2 max-md:hidden" tabIndex={-1}>
            <ChevronDown />
          </Base.Trigger>
        </div>
        {wrong === null ? null : (
          <p
            id={problemId}
            role="alert"
            className="rounded-control border border-lost bg-lost-ground px-2.5 py-1 text-prose max-md:w-full md:absolute md:top-full md:right-0 md:left-0 md:z-30 md:mt-1 [overflow-wrap:anywhere]"
          >
            {wrong}
          </p>
        )}
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
