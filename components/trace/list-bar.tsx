'use client';

import { Tabs } from '@base-ui/react/tabs';
import { packetTitle } from '@/lib/explain/generated-packet';
import type { Leg } from '@/lib/explain/trace-steps';
import { count } from '@/lib/explain/words';
import { cx } from '../ui/cx';
import { Kbd } from '../ui/kbd';
import type { TraceModel } from './trace-model';

interface ListBarProps {
  readonly model: TraceModel;
  readonly onLeg: (skb: number) => void;
  readonly whyOpen: boolean;
  readonly onWhy: () => void;
  readonly text: boolean;
  readonly onText: () => void;
}

/** Above the steps: the packet and what the kernel made of it, the rules passed over, the text twin. */
export function ListBar({ model, onLeg, whyOpen, onWhy, text, onText }: ListBarProps) {
  const { legs, leg, answer } = model;
  return (
    <div className="flex min-h-9 shrink-0 flex-wrap items-center gap-x-2 gap-y-1 border-line border-b bg-surface px-3 py-1 md:px-4">
      <Tabs.Root value={leg.skb} onValueChange={(skb: number) => onLeg(skb)}>
        <Tabs.List aria-label="Packets" activateOnFocus className="flex flex-wrap gap-1">
          {legs.map((one, i) => (
            <Tabs.Tab
              key={one.skb}
              value={one.skb}
              aria-controls="trace-steps"
              className={(state) =>
                cx(
                  'whitespace-nowrap rounded-control px-2 py-0.5',
                  state.active ? 'bg-sunken' : 'text-ink-2 hover:bg-bg',
                )
              }
            >
              <span className={leg.skb === one.skb ? 'font-[640]' : undefined}>
                {i + 1} {legName(one, answer.node)}
              </span>{' '}
              {/* What no rule was asked about has none. */}
              {one.steps.length === 0 ? null : <span className="text-ink-2">{count(one.steps.length, 'step')}</span>}
            </Tabs.Tab>
          ))}
        </Tabs.List>
      </Tabs.Root>
      <span className="ml-auto flex items-center gap-1">
        <button
          type="button"
          aria-pressed={whyOpen}
          aria-keyshortcuts="w"
          disabled={leg.passed === 0}
          onClick={onWhy}
          className={cx(
            'inline-flex items-center gap-2 whitespace-nowrap rounded-control px-2 py-0.5 font-[560] disabled:text-ink-3',
            whyOpen ? 'bg-sunken' : 'enabled:hover:bg-bg',
          )}
        >
          {leg.passed} passed over
          <span className="max-md:hidden">
            <Kbd>w</Kbd>
          </span>
        </button>
        <button
          type="button"
          aria-pressed={text}
          aria-keyshortcuts="t"
          onClick={onText}
          className={cx(
            'inline-flex items-center gap-2 rounded-control px-2 py-0.5 font-[560]',
            text ? 'bg-sunken' : 'hover:bg-bg',
          )}
        >
          Text
          <span className="max-md:hidden">
            <Kbd>t</Kbd>
          </span>
        </button>
      </span>
    </div>
  );
}

const legName = (leg: Leg, node: string): string =>
  leg.generated === undefined
    ? leg.skb === 0
      ? node
      : `packet ${leg.skb}`
    : packetTitle(leg.generated.packet, leg.generated.what);
