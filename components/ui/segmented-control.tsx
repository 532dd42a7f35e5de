'use client';

import { Radio } from '@base-ui/react/radio';
import { RadioGroup } from '@base-ui/react/radio-group';
import type { ReactNode } from 'react';
import { cx } from './cx';
import { Kbd } from './kbd';

export interface Segment<V extends string> {
  readonly value: V;
  readonly label: ReactNode;
  /** Shown beside the label; the view registers the key itself. */
  readonly shortcut?: string;
  /** A choice with nothing behind it stays visible and can be taken; it is only quieter. */
  readonly quiet?: boolean;
}

interface SegmentedControlProps<V extends string> {
  readonly label: string;
  readonly value: V;
  readonly onChange: (value: V) => void;
  readonly segments: readonly Segment<V>[];
}

/** One choice of a few, all in sight. Arrow keys move, as in any radio group. */
export function SegmentedControl<V extends string>({ label, value, onChange, segments }: SegmentedControlProps<V>) {
  return (
    <RadioGroup
      aria-label={label}
      value={value}
      onValueChange={(next) => {
        const found = segments.find((s) => s.value === next);
        if (found !== undefined) onChange(found.value);
      }}
      className="inline-flex h-7 shrink-0 rounded-control border border-line-strong bg-surface"
    >
      {segments.map((s, i) => (
        <Radio.Root
          key={s.value}
          value={s.value}
          nativeButton
          render={<button type="button" />}
          className={(state) =>
            cx(
              'inline-flex items-center gap-2 whitespace-nowrap px-2.5 font-[560]',
              i === 0 ? 'rounded-l-[5px]' : 'border-line-strong border-l',
              i === segments.length - 1 && 'rounded-r-[5px]',
              state.checked ? 'bg-ink text-surface' : s.quiet === true ? 'text-ink-3' : 'text-ink-2 hover:bg-sunken',
            )
          }
        >
          {s.label}
          {s.shortcut === undefined ? null : <Kbd onInk={value === s.value}>{s.shortcut}</Kbd>}
        </Radio.Root>
      ))}
    </RadioGroup>
  );
}

/** Every figure has a list or table one key away: `t` switches between the two. */
export function TextTwin({
  figure,
  text,
  value,
  onChange,
}: {
  /** The word for the figure, `Figure`, and for its twin, `Table` or `Text`. */
  readonly figure: string;
  readonly text: string;
  readonly value: 'figure' | 'text';
  readonly onChange: (value: 'figure' | 'text') => void;
}) {
  return (
    <SegmentedControl
      label={`Show as ${figure.toLowerCase()} or ${text.toLowerCase()}`}
      value={value}
      onChange={onChange}
      segments={[
        { value: 'figure', label: figure, ...(value === 'text' ? { shortcut: 't' } : {}) },
        { value: 'text', label: text, ...(value === 'figure' ? { shortcut: 't' } : {}) },
      ]}
    />
  );
}
