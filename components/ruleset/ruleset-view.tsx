'use client';

import { Dialog } from '@base-ui/react/dialog';
import { useEffect, useMemo, useRef, useState } from 'react';
import type { NodeOverview, NodeSummary, SourceView, TableOverview } from '@/lib/api/types';
import type { VersionRef } from '../hooks/node-path';
import { useDebounced } from '../hooks/use-debounced';
import { fetchListing } from '../hooks/use-ruleset';
import { useSearch } from '../hooks/use-search';
import { CopyButton, CopyLink } from '../shell/copy';
import { useKeys } from '../shell/keys';
import { NodeGate } from '../shell/node-gate';
import { NodePicker } from '../shell/node-picker';
import { PlaceGate } from '../shell/place-gate';
import { ViewBar } from '../shell/shell';
import { STRINGS } from '../strings';
import { Button } from '../ui/button';
import { TreeIcon } from '../ui/icons';
import { Empty, Note } from '../ui/states';
import { TermField } from '../ui/term-field';
import { Elements } from './elements';
import { Explanation } from './explanation-panel';
import { Places } from './places';
import { rulesetLinks } from './ruleset-links';
import { selection, useRulesetState } from './ruleset-state';
import { RulesetText } from './text';
import { Tree } from './tree';
import { buildTree, type TreeTarget, tableId } from './tree-model';
import { useChosenRule } from './use-chosen-rule';

export function RulesetView() {
  return (
    <>
      <h1 className="sr-only">Ruleset</h1>
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
      {(overview) => <Ruleset source={source} overview={overview} />}
    </NodeGate>
  );
}

function Ruleset({ source, overview }: { readonly source: SourceView; readonly overview: NodeOverview }) {
  const [state, setState] = useRulesetState();
  const place: VersionRef = useMemo(
    () => ({ source: source.id, node: overview.node, version: overview.version }),
    [source.id, overview.node, overview.version],
  );
  const links = useMemo(() => rulesetLinks(place, state.q), [place, state.q]);
  const nodes = useMemo(() => buildTree(overview), [overview]);
  const table = state.table === null ? overview.tables[0] : overview.tables.find((t) => tableId(t) === state.table);

  const [typed, setTyped] = useState(state.q);
  const rested = useDebounced(typed, 200);
  useEffect(() => {
    void setState({ q: rested === '' ? null : rested });
  }, [rested, setState]);
  // Another search came by the URL: a link, the bar, the back button.
  const seen = useRef(state.q);
  useEffect(() => {
    if (seen.current !== state.q && state.q !== rested) setTyped(state.q);
    seen.current = state.q;
  }, [state.q, rested]);
  const search = useSearch(place, state.q);
  const found = state.q === '' ? undefined : search.data;

  const searchInput = useRef<HTMLInputElement>(null);
  const [treeOpen, setTreeOpen] = useState(false);
  useKeys(
    'This view',
    state.set === null ? [{ keys: '/', say: 'Search the ruleset', run: () => searchInput.current?.focus() }] : [],
  );

  const choose = (target: TreeTarget): void => {
    setTreeOpen(false);
    switch (target.kind) {
      case 'table':
        void setState(selection({ table: target.table }), { history: 'push' });
        break;
      case 'chain':
        void setState(selection({ table: target.table, chain: target.chain }), { history: 'push' });
        break;
      case 'set':
        void setState(selection({ table: target.table, set: target.set }), { history: 'push' });
        break;
      case 'stateful':
        void setState(selection({ table: target.table, chain: target.name }), { history: 'push' });
        break;
    }
  };

  const left = (
    <>
      {found === undefined ? null : (
        <Places
          search={found}
          links={links}
          isCurrent={(m) =>
            `${m.family} ${m.table}` === state.table &&
            (m.kind === 'rule'
              ? m.handle === state.rule
              : m.kind === 'chain'
                ? m.name === state.chain && state.rule === null
                : m.name === state.set && m.kind === 'set')
          }
        />
      )}
      <Tree nodes={nodes} selected={selectedId(table, state)} onSelect={choose} />
    </>
  );

  return (
    // The list has to know its own height, so below 720 px too it fills the window and scrolls.
    <div className="flex min-h-0 flex-1 flex-col">
      <ViewBar>
        <NodePicker />
        <span className="lg:hidden">
          <Button icon={<TreeIcon />} onClick={() => setTreeOpen(true)}>
            {STRINGS.openTree}
          </Button>
        </span>
        {state.set === null ? (
          <TermField
            label={STRINGS.search}
            value={typed}
            onChange={setTyped}
            inputRef={searchInput}
            placeholder="ip: port: chain: set: service: verdict: owner: or words"
            note={state.q === '' ? undefined : found === undefined ? 'searching…' : placesWords(found.total)}
            className="order-last basis-full md:order-none md:max-w-[28rem] md:basis-[16rem] md:flex-1"
          />
        ) : null}
        <p className="ml-auto hidden text-[11.5px] text-ink-2 xl:block">{countsWords(overview)}</p>
        <span className="ml-auto hidden gap-2 md:flex xl:ml-0">
          <CopyButton
            what={table === undefined ? 'listing' : `table ${tableId(table)}`}
            text={() => fetchListing(place, table === undefined ? undefined : tableId(table))}
          >
            Copy nft
          </CopyButton>
          <CopyLink />
        </span>
      </ViewBar>
      {overview.tables.length === 0 ? (
        <Empty>This ruleset has no table: nftables lets every packet on this node through.</Empty>
      ) : (
        <div className="flex min-h-0 flex-1">
          <nav
            aria-label={STRINGS.tree}
            className="hidden w-[268px] shrink-0 flex-col border-line border-r bg-bg lg:flex"
          >
            {left}
          </nav>
          <TreeDrawer open={treeOpen} onOpenChange={setTreeOpen}>
            {left}
          </TreeDrawer>
          {table === undefined ? (
            <Note className="h-max flex-1">
              {overview.node} has no table {state.table}. Choose another one at the left.
            </Note>
          ) : state.set === null ? (
            <TextAndExplanation place={place} overview={overview} table={table} links={links} found={found} />
          ) : (
            <Elements
              key={`${tableId(table)} ${state.set}`}
              place={place}
              table={tableId(table)}
              name={state.set}
              links={links}
            />
          )}
        </div>
      )}
    </div>
  );
}

const placesWords = (n: number): string => (n === 1 ? '1 place' : `${n.toLocaleString('en')} places`);

function countsWords({ counts }: NodeOverview): string {
  const words = (n: number, one: string): string => `${n.toLocaleString('en')} ${n === 1 ? one : `${one}s`}`;
  return [
    words(counts.rules, 'rule'),
    words(counts.chains, 'chain'),
    words(counts.sets, 'set'),
    words(counts.maps, 'map'),
    words(counts.elements, 'element'),
  ].join(', ');
}

function selectedId(
  table: TableOverview | undefined,
  state: { readonly table: string | null; readonly chain: string | null; readonly set: string | null },
): string | undefined {
  if (table === undefined) return undefined;
  const id = tableId(table);
  if (state.set !== null) return `${id}/set/${state.set}`;
  if (state.chain !== null) {
    const object = table.objects.find((o) => o.name === state.chain);
    const isFlowtable = table.flowtables.some((f) => f.name === state.chain);
    if (table.chains.some((c) => c.name === state.chain)) return `${id}/chain/${state.chain}`;
    return isFlowtable ? `${id}/flowtable/${state.chain}` : `${id}/${object?.kind}/${state.chain}`;
  }
  return state.table === null ? undefined : id;
}

/** A rule that the chain does not have: the chain itself is shown. */
const NOT_THERE = -1;

type TextProps = {
  readonly place: VersionRef;
  readonly overview: NodeOverview;
  readonly table: TableOverview;
  readonly links: ReturnType<typeof rulesetLinks>;
  readonly found: Parameters<typeof RulesetText>[0]['search'];
};

function TextAndExplanation({ place, overview, table, links, found }: TextProps) {
  const [state, setState] = useRulesetState();
  const rule = useChosenRule(place, table, state.chain, state.rule);
  const isChain = table.chains.some((c) => c.name === state.chain);
  return (
    <>
      <RulesetText
        key={tableId(table)}
        place={place}
        overview={overview}
        table={table}
        chosen={
          isChain
            ? { chain: state.chain, rule: state.rule }
            : { chain: null, rule: null, name: state.chain ?? undefined }
        }
        chosenIndex={rule.error === null ? rule.detail?.at.index : NOT_THERE}
        onChoose={(chain, handle) =>
          void setState(selection({ table: tableId(table), chain, rule: handle }), { history: 'push' })
        }
        links={links}
        search={found}
      />
      <Explanation
        place={place}
        overview={overview}
        table={table}
        chainName={state.chain}
        handle={state.rule}
        rule={rule}
        links={links}
        onClose={() => void setState({ rule: null })}
      />
    </>
  );
}

function TreeDrawer({
  open,
  onOpenChange,
  children,
}: {
  readonly open: boolean;
  readonly onOpenChange: (open: boolean) => void;
  readonly children: React.ReactNode;
}) {
  return (
    <Dialog.Root open={open} onOpenChange={onOpenChange}>
      <Dialog.Portal>
        <Dialog.Backdrop className="fixed inset-0 z-40 bg-black/30 lg:hidden" />
        <Dialog.Viewport className="fixed inset-0 z-50 flex lg:hidden">
          <Dialog.Popup className="flex h-full w-[min(20rem,90vw)] flex-col border-line-strong border-r bg-bg shadow-[0_8px_28px_rgb(0_0_0/0.25)]">
            <div className="flex items-center border-line border-b bg-surface px-4 py-2">
              <Dialog.Title className="text-heading">{STRINGS.openTree}</Dialog.Title>
              <Dialog.Close render={<Button look="quiet" className="ml-auto" />}>Close</Dialog.Close>
            </div>
            {children}
          </Dialog.Popup>
        </Dialog.Viewport>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
