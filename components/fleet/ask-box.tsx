'use client';

import { useRouter } from 'next/navigation';
import { useMemo, useState } from 'react';
import type { NamesView } from '@/lib/api/types';
import { useNames } from '../hooks/use-trace';
import { PlaceField } from '../packet-form/place-field';
import { fromOptions, NO_NAMES, toOptions } from '../packet-form/places';
import { viewHref } from '../shell/views';
import { Button } from '../ui/button';

/** On a phone the field draws no border of its own; here nothing else does. */
const FIELD = 'md:flex-1 max-md:[&>div]:border max-md:[&>div]:border-line-strong max-md:[&>div]:px-2.5';

/** What happens to a packet from here to there: opens the trace on the node where it starts. */
export function AskBox({
  source,
  node,
  nodes,
}: {
  readonly source: string;
  readonly node: string;
  readonly nodes: readonly string[];
}) {
  const router = useRouter();
  const names = useNames(source, node).data ?? NO_NAMES;
  const [from, setFrom] = useState<string | null>(null);
  const [to, setTo] = useState<string | null>(null);
  const fromPlaces = useMemo(() => fromOptions(names, node), [names, node]);
  const toPlaces = useMemo(() => toOptions(names), [names]);
  const ready = from !== null && to !== null;
  const home = from === null ? undefined : homeOf(from, names, nodes);
  return (
    <form
      aria-label="Ask"
      className="flex flex-col gap-2 rounded-card border border-line bg-surface px-3 py-2.5 md:flex-row md:items-center md:gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        if (ready) router.push(viewHref('/trace', { source, node: home ?? node, from, to }));
      }}
    >
      <strong className="shrink-0 font-[640]">What happens to a packet</strong>
      <PlaceField
        label="from"
        end="from"
        value={from}
        onChange={setFrom}
        options={fromPlaces}
        names={names}
        address={undefined}
        className={FIELD}
      />
      <PlaceField
        label="to"
        end="to"
        value={to}
        onChange={setTo}
        options={toPlaces}
        names={names}
        address={undefined}
        className={FIELD}
      />
      <Button look="ink" type="submit" disabled={!ready}>
        Trace
      </Button>
    </form>
  );
}

/** The node whose ruleset sees the packet first: that of the pod, or the node itself. */
function homeOf(ref: string, names: NamesView, nodes: readonly string[]): string | undefined {
  const pod = names.pods.find((one) => `${one.namespace}/${one.name}` === ref);
  const home = pod?.node ?? ref;
  return nodes.includes(home) ? home : undefined;
}
