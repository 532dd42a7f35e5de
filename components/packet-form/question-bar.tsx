'use client';

import { type ReactNode, useMemo } from 'react';
import type { NamesView, TraceAnswer } from '@/lib/api/types';
import type { PacketSpec } from '@/lib/net/packet-spec';
import { CopyLink } from '../shell/copy';
import { NodePicker } from '../shell/node-picker';
import { ViewBar } from '../shell/shell';
import { Button } from '../ui/button';
import { ArrowRight } from './icons';
import { PlaceField } from './place-field';
import { fromOptions, NO_NAMES, type PlaceOption, toOptions } from './places';
import { NO_QUESTION, type Question } from './question';

interface QuestionBarProps {
  readonly node: string;
  readonly names: NamesView | undefined;
  readonly question: Question;
  readonly answer: TraceAnswer | undefined;
  readonly onAsk: (question: Question) => void;
  readonly fieldsOpen: boolean;
  readonly onFields: () => void;
  /** Beside the link: what else the answer can become. */
  readonly children?: ReactNode;
}

/** The question: who asks whom, by name, on which node's ruleset. */
export function QuestionBar({
  node,
  names = NO_NAMES,
  question,
  answer,
  onAsk,
  fieldsOpen,
  onFields,
  children,
}: QuestionBarProps) {
  const from = useMemo(() => fromOptions(names, node), [names, node]);
  const to = useMemo(() => toOptions(names), [names]);
  const raw = question.packet !== null && question.from === null;
  const ends = useMemo(() => (raw && answer !== undefined ? rawEnds(answer.packet) : undefined), [raw, answer]);
  // Another end begins anew: what was said beside the names, such as a family, belonged to the old pair.
  const ask = (change: Partial<Question>) => onAsk({ ...NO_QUESTION, from: question.from, to: question.to, ...change });
  return (
    <ViewBar>
      <search
        aria-label="Question"
        className="flex w-full min-w-0 flex-col gap-1 md:grid md:grid-cols-[1fr_auto_1fr] md:items-center md:gap-2 lg:flex lg:flex-row"
      >
        <PlaceField
          label="From"
          end="from"
          value={question.from}
          onChange={(ref) => ask({ from: ref })}
          options={from}
          names={names}
          shown={ends?.from}
          address={raw ? undefined : answer?.from?.address}
          lacks={lacking(names, 'pods')}
          className="lg:max-w-[460px] lg:shrink lg:grow-[5] lg:basis-[280px]"
        />
        <ArrowRight className="hidden text-ink-2 md:inline" />
        <PlaceField
          label="To"
          end="to"
          value={question.to}
          onChange={(ref) => ask({ to: ref })}
          options={to}
          names={names}
          shown={ends?.to}
          address={raw ? undefined : targetText(answer)}
          lacks={lacking(names, 'services')}
          className="lg:max-w-[460px] lg:shrink lg:grow-[5] lg:basis-[280px]"
        />
        <div className="flex items-center gap-2 max-md:flex-wrap md:col-span-full lg:grow">
          <NodePicker />
          <Button look="quiet" aria-expanded={fieldsOpen} onClick={onFields}>
            Packet fields…
          </Button>
          <span className="ml-auto flex items-center gap-2">
            <span className="hidden md:inline">
              <CopyLink />
            </span>
            {children}
          </span>
        </div>
      </search>
    </ViewBar>
  );
}

/** Said where it is missed, once the names are there. */
function lacking(names: NamesView, what: 'pods' | 'services'): string | undefined {
  if (names === NO_NAMES || names[what].length > 0) return undefined;
  return `This source names no ${what === 'pods' ? 'pods' : 'Services'}.`;
}

/** The address and port the name stood for. */
function targetText(answer: TraceAnswer | undefined): string | undefined {
  if (answer?.to === undefined || answer.to === null) return undefined;
  const { daddr, dport, protocol } = answer.packet;
  if (daddr === undefined) return answer.to.address;
  const host = daddr.includes(':') ? `[${daddr}]` : daddr;
  return dport === undefined ? daddr : `${host}:${dport}/${protocol}`;
}

/** The two ends of a packet given field by field, as the fields of the question show them. */
function rawEnds(packet: PacketSpec): { readonly from: PlaceOption; readonly to: PlaceOption } {
  const { saddr = '?', daddr = '?', dport, protocol, iif } = packet;
  const host = daddr.includes(':') ? `[${daddr}]` : daddr;
  const target = dport === undefined ? daddr : `${host}:${dport}`;
  return {
    from: {
      ref: 'packet',
      kind: 'address',
      label: saddr,
      note: packet.from === 'local' ? 'local process' : (iif ?? ''),
    },
    to: { ref: 'packet', kind: 'address', label: target, note: protocol === undefined ? '' : String(protocol) },
  };
}
