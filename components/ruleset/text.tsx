'use client';

import { defaultRangeExtractor, type Range, useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { NodeOverview, SearchView, TableOverview } from '@/lib/api/types';
import type { VersionRef } from '../hooks/node-path';
import { useIsNarrow } from '../hooks/use-media';
import { RULES_PER_PAGE, useRulesetPages } from '../hooks/use-ruleset';
import { ErrorState } from '../shell/error-state';
import { STRINGS } from '../strings';
import { OwnerBar } from '../ui/owner-tag';
import { LineView } from './line-view';
import { arrivedOf, buildLines, type Line, pagesFor } from './lines-model';
import type { RulesetLinks } from './ruleset-links';
import { hitsOf } from './search-hits';
import { tableId } from './tree-model';

const LINE = 21;

export interface Chosen {
  readonly chain: string | null;
  readonly rule: number | null;
  readonly name?: string | undefined;
}

interface TextProps {
  readonly place: VersionRef;
  readonly overview: NodeOverview;
  readonly table: TableOverview;
  readonly chosen: Chosen;
  /** Index of the chosen rule in its chain, once it is known. */
  readonly chosenIndex: number | undefined;
  readonly onChoose: (chain: string, rule: number | null) => void;
  readonly links: RulesetLinks;
  readonly search: SearchView | undefined;
}

/** One table as nft lists it, from the first line to the last; only what is in sight is in the document. */
export function RulesetText({ place, overview, table, chosen, chosenIndex, onChoose, links, search }: TextProps) {
  const scroll = useRef<HTMLElement>(null);
  const id = tableId(table);
  const [needed, setNeeded] = useState<readonly number[]>([0]);
  const { pages, error, retry } = useRulesetPages(place, id, needed);
  const first = pages.get(0);
  const model = useMemo(() => buildLines(table, first), [table, first]);
  const arrived = useMemo(() => arrivedOf(pages.values()), [pages]);
  const hits = useMemo(() => hitsOf(search), [search]);
  const { lines } = model;

  const chosenLine = lineOf(model, chosen, chosenIndex);
  const [cursor, setCursor] = useState<number | undefined>(undefined);
  const active = cursor ?? stopAt(lines, chosenLine);
  const moved = useRef(false);
  const narrow = useIsNarrow();

  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => LINE,
    overscan: 16,
    paddingStart: 6,
    paddingEnd: 24,
    rangeExtractor: useCallback(
      (range: Range) => [...new Set([...defaultRangeExtractor(range), active])].sort((a, b) => a - b),
      [active],
    ),
  });
  const items = virtual.getVirtualItems();
  const start = virtual.range?.startIndex ?? 0;
  const end = virtual.range?.endIndex ?? 60;

  // Pages come into use as their rules come into sight, and stay.
  useEffect(() => {
    const wanted = pagesFor(lines, start - 40, end + 40, RULES_PER_PAGE);
    setNeeded((last) => (wanted.every((p) => last.includes(p)) ? last : [...new Set([...last, ...wanted])]));
  }, [lines, start, end]);

  // A choice from the tree, a link or the URL is brought into sight; one made by a click here already is.
  const clicked = useRef<number | undefined>(undefined);
  useEffect(() => {
    if (chosenLine === undefined || clicked.current === chosenLine) return;
    clicked.current = undefined;
    setCursor(undefined);
    // On a narrow screen the explanation covers the lower part.
    virtual.scrollToIndex(chosenLine, { align: chosen.rule === null || narrow ? 'start' : 'center' });
  }, [chosenLine, chosen.rule, narrow, virtual]);

  useEffect(() => {
    if (!moved.current) return;
    moved.current = false;
    virtual.scrollToIndex(active);
    scroll.current?.querySelector<HTMLElement>('[data-cursor] button')?.focus({ preventScroll: true });
  }, [active, virtual]);

  const move = (from: number, step: 1 | -1): void => {
    for (let i = from + step; i >= 0 && i < lines.length; i += step) {
      if (!isStop(lines[i])) continue;
      moved.current = true;
      setCursor(i);
      return;
    }
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'ArrowDown') move(active, 1);
    else if (event.key === 'ArrowUp') move(active, -1);
    else if (event.key === 'Home') move(-1, 1);
    else if (event.key === 'End') move(lines.length, -1);
    else return;
    event.preventDefault();
  };

  return (
    <section
      ref={scroll}
      aria-label={`${STRINGS.rulesetText} ${id}`}
      // What scrolls takes the focus, by one of its lines or else itself.
      {...(isStop(lines[active]) ? {} : { tabIndex: 0 })}
      className="relative min-h-0 min-w-0 flex-1 overflow-y-auto bg-surface"
      onKeyDown={onKeyDown}
    >
      {error === null ? null : <ErrorState error={error} what="The rules" onRetry={retry} />}
      <div className="relative" style={{ height: virtual.getTotalSize() }}>
        <OwnerBar owner={table.owner.key} className="absolute top-1.5 bottom-2 left-0" />
        {items.map((item) => {
          const line = lines[item.index];
          if (line === undefined) return null;
          return (
            <div
              key={item.key}
              ref={virtual.measureElement}
              data-index={item.index}
              data-cursor={item.index === active ? '' : undefined}
              className="absolute inset-x-0"
              style={{ transform: `translateY(${item.start}px)` }}
            >
              <LineView
                line={line}
                table={id}
                overview={overview}
                tableOverview={table}
                arrived={arrived}
                links={links}
                hits={hits}
                search={search}
                selected={item.index === chosenLine}
                active={item.index === active}
                onChoose={(chain, rule) => {
                  clicked.current = item.index;
                  setCursor(item.index);
                  onChoose(chain, rule);
                }}
              />
            </div>
          );
        })}
      </div>
    </section>
  );
}

/** Lines that arrows stop at. */
const isStop = (line: Line | undefined): boolean =>
  line?.kind === 'rule' || line?.kind === 'chain' || line?.kind === 'set';

/** Where Tab arrives: the chosen line, or the next at which arrows stop, else the first of them. */
function stopAt(lines: readonly Line[], chosen: number | undefined): number {
  const next = lines.findIndex((line, i) => i >= (chosen ?? 0) && isStop(line));
  return next >= 0 ? next : Math.max(0, lines.findIndex(isStop));
}

function lineOf(
  model: ReturnType<typeof buildLines>,
  chosen: Chosen,
  chosenIndex: number | undefined,
): number | undefined {
  if (chosen.name !== undefined) return model.stateful.get(chosen.name);
  if (chosen.chain === null) return undefined;
  const header = model.chains.get(chosen.chain);
  if (header === undefined || chosen.rule === null) return header;
  if (chosenIndex === undefined) return undefined;
  for (let i = header; i < model.lines.length; i++) {
    const line = model.lines[i];
    if (line?.kind === 'rule' && line.index === chosenIndex) return i;
    if (line?.kind === 'end') break;
  }
  return header;
}
