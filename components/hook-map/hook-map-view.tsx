'use client';

import Link from 'next/link';
import { parseAsString, parseAsStringLiteral, useQueryStates } from 'nuqs';
import { useMemo } from 'react';
import type { NodeOverview, NodeSummary, SourceView } from '@/lib/api/types';
import { buildHookMap, isOnMap, MAP_FAMILIES, type MapFamily } from '@/lib/graph/hook-map';
import { useIsNarrow } from '../hooks/use-media';
import { CopyLink } from '../shell/copy';
import { useKeys } from '../shell/keys';
import { NodeGate } from '../shell/node-gate';
import { NodePicker } from '../shell/node-picker';
import { PlaceGate } from '../shell/place-gate';
import { ViewBar } from '../shell/shell';
import { viewHref } from '../shell/views';
import { STRINGS } from '../strings';
import { OwnerTag } from '../ui/owner-tag';
import { SegmentedControl, TextTwin } from '../ui/segmented-control';
import { Empty } from '../ui/states';
import { HookMapFigure } from './figure';
import { chainId, FAMILY_NAMES, firstFamily, mapChains, type OverviewChain } from './map-chains';
import { Notes } from './notes';
import { TableTwin } from './table-twin';

const PARSERS = {
  family: parseAsStringLiteral(MAP_FAMILIES),
  /** `ip kube-proxy nat-prerouting` */
  chain: parseAsString,
  as: parseAsStringLiteral(['figure', 'text']),
};

export function HookMapView() {
  return (
    <>
      <h1 className="sr-only">Hook map</h1>
      <PlaceGate>
        {({ source, node }) => <Opened key={`${source.id} ${node.name}`} source={source} node={node} />}
      </PlaceGate>
    </>
  );
}

function Opened({ source, node }: { readonly source: SourceView; readonly node: NodeSummary }) {
  return (
    <NodeGate
      source={source}
      node={node}
      bar={
        <ViewBar>
          <NodePicker />
        </ViewBar>
      }
    >
      {(overview) => <HookMapOf source={source} overview={overview} />}
    </NodeGate>
  );
}

function HookMapOf({ source, overview }: { readonly source: SourceView; readonly overview: NodeOverview }) {
  const [state, setState] = useQueryStates(PARSERS, { history: 'replace', scroll: false });
  const narrow = useIsNarrow();
  const chains = useMemo(() => mapChains(overview), [overview]);
  const family = state.family ?? firstFamily(chains);
  const map = useMemo(() => buildHookMap(chains, family), [chains, family]);
  // Where there is no room for the figure, its list comes first.
  const as = state.as ?? (narrow ? 'text' : 'figure');
  const selected = chains.find((c) => chainId(c) === state.chain && isOnMap(c, family));
  const shown = map.columns.flatMap((c) => c.cells).length;

  const setAs = (next: 'figure' | 'text'): void => void setState({ as: next });
  const select = (id: string): void => void setState({ chain: id === state.chain ? null : id }, { history: 'push' });
  useKeys('This view', [{ keys: 't', say: 'Figure or table', run: () => setAs(as === 'figure' ? 'text' : 'figure') }]);

  return (
    <>
      <ViewBar>
        <NodePicker />
        <div className="order-2 max-w-full overflow-x-auto md:order-none">
          <SegmentedControl<MapFamily>
            label={STRINGS.mapFamily}
            value={family}
            onChange={(next) => void setState({ family: next, chain: null })}
            segments={MAP_FAMILIES.map((f) => ({
              value: f,
              label: FAMILY_NAMES[f],
              quiet: !chains.some((c) => isOnMap(c, f)),
            }))}
          />
        </div>
        <Owners chains={chains.filter((c) => isOnMap(c, family))} />
        <span className="order-1 ml-auto flex items-center gap-2 md:order-none">
          <Link href={viewHref('/conflicts', { source: source.id, node: overview.node })} className="link">
            Conflicts
          </Link>
          <span className="hidden text-ink-2 2xl:inline">Left to right along the way, top to bottom by priority</span>
          <TextTwin figure="Figure" text="Table" value={as} onChange={setAs} />
          <span className="hidden md:inline-flex">
            <CopyLink />
          </span>
        </span>
      </ViewBar>
      {shown === 0 ? (
        <Empty>
          No base chain of {FAMILY_NAMES[family]}: nftables does not touch{' '}
          {family === 'arp' ? 'ARP' : family === 'bridge' ? 'bridged frames' : 'these packets'} on {overview.node}.
        </Empty>
      ) : (
        <>
          {as === 'figure' ? (
            <HookMapFigure map={map} selected={state.chain} onSelect={select} />
          ) : (
            <TableTwin map={map} selected={state.chain} onSelect={select} />
          )}
          <Notes
            map={map}
            selected={selected}
            onClose={() => void setState({ chain: null })}
            place={{ source: source.id, node: overview.node }}
          />
        </>
      )}
    </>
  );
}

/** Who is on this map, in the order of the listing. */
function Owners({ chains }: { readonly chains: readonly OverviewChain[] }) {
  const owners = new Map(chains.toSorted((a, b) => a.order - b.order).map((c) => [c.owner.name, c.owner]));
  return (
    <ul aria-label="Owners" className="order-3 flex flex-wrap items-center gap-x-3 gap-y-1 md:order-none md:px-1">
      {[...owners.values()].map((owner) => (
        <li key={owner.name} className="flex items-center gap-1.5" title={owner.how}>
          <OwnerTag owner={owner.key} />
          {owner.name}
        </li>
      ))}
    </ul>
  );
}
