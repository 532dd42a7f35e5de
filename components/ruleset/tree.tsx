'use client';

import { defaultRangeExtractor, type Range, useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { STRINGS } from '../strings';
import { ChainName } from '../ui/chain-name';
import { cx } from '../ui/cx';
import { ChevronDown, ChevronRight } from '../ui/icons';
import { OwnerTag } from '../ui/owner-tag';
import { ancestorsOf, type TreeNode, type TreeRow, type TreeTarget, visibleRows } from './tree-model';

const ROW = 24;
const WIDTH = 267;

interface TreeProps {
  readonly nodes: readonly TreeNode[];
  /** Id of the entry whose content is shown. */
  readonly selected: string | undefined;
  readonly onSelect: (target: TreeTarget) => void;
}

/**
 * The ARIA tree pattern: one entry is in the tab order, arrows move and open, Home and End jump, Enter and Space choose. Only
 * what is in sight is in the document; the entry with the focus stays in it.
 */
export function Tree({ nodes, selected, onSelect }: TreeProps) {
  const scroll = useRef<HTMLDivElement>(null);
  const [toggled, setToggled] = useState<ReadonlyMap<string, boolean>>(new Map());
  const [focusId, setFocusId] = useState<string | undefined>(undefined);
  const moved = useRef(false);

  const rows = useMemo(() => visibleRows(nodes, (node) => toggled.get(node.id) ?? node.openAtFirst), [nodes, toggled]);
  const active = Math.max(
    0,
    rows.findIndex((r) => r.node.id === (focusId ?? selected)),
  );

  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW,
    overscan: 12,
    rangeExtractor: useCallback(
      (range: Range) => [...new Set([...defaultRangeExtractor(range), active])].sort((a, b) => a - b),
      [active],
    ),
  });

  // What is chosen elsewhere, by a link or in the text, is opened and brought into sight here.
  useEffect(() => {
    if (selected === undefined) return;
    const ancestors = ancestorsOf(nodes, selected);
    setToggled((last) => (ancestors.every((id) => last.get(id) === true) ? last : withOpen(last, ancestors)));
    setFocusId(undefined);
  }, [nodes, selected]);
  const selectedIndex = rows.findIndex((r) => r.node.id === selected);
  useEffect(() => {
    if (selectedIndex >= 0) virtual.scrollToIndex(selectedIndex, { align: 'auto' });
  }, [selectedIndex, virtual]);

  // The focus follows the arrows, not the mouse or the first paint.
  useEffect(() => {
    if (!moved.current) return;
    moved.current = false;
    virtual.scrollToIndex(active);
    scroll.current?.querySelector<HTMLElement>('[role="treeitem"][tabindex="0"]')?.focus({ preventScroll: true });
  }, [active, virtual]);

  const go = (index: number): void => {
    const row = rows[Math.min(rows.length - 1, Math.max(0, index))];
    if (row === undefined) return;
    moved.current = true;
    setFocusId(row.node.id);
  };
  const toggle = (row: TreeRow, open: boolean): void => setToggled((last) => new Map(last).set(row.node.id, open));
  const choose = (row: TreeRow): void => {
    setFocusId(row.node.id);
    if (row.node.target === undefined) toggle(row, !row.open);
    else onSelect(row.node.target);
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    const row = rows[active];
    if (row === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    const isParent = row.node.children.length > 0;
    switch (event.key) {
      case 'ArrowDown':
        go(active + 1);
        break;
      case 'ArrowUp':
        go(active - 1);
        break;
      case 'Home':
        go(0);
        break;
      case 'End':
        go(rows.length - 1);
        break;
      case 'ArrowRight':
        if (isParent && !row.open) toggle(row, true);
        else if (row.open) go(active + 1);
        break;
      case 'ArrowLeft':
        if (row.open) toggle(row, false);
        else if (row.parent !== undefined) go(rows.findIndex((r) => r.node.id === row.parent));
        break;
      case 'Enter':
      case ' ':
        choose(row);
        break;
      default:
        return;
    }
    event.preventDefault();
  };

  return (
    <div ref={scroll} className="min-h-0 flex-1 overflow-y-auto py-2">
      <div
        role="tree"
        aria-label={STRINGS.tree}
        className="relative"
        style={{ height: virtual.getTotalSize() }}
        onKeyDown={onKeyDown}
      >
        {virtual.getVirtualItems().map((item) => {
          const row = rows[item.index];
          if (row === undefined) return null;
          return (
            <Row
              key={row.node.id}
              row={row}
              top={item.start}
              selected={row.node.id === selected}
              active={item.index === active}
              onChoose={() => choose(row)}
              onToggle={() => toggle(row, !row.open)}
            />
          );
        })}
      </div>
    </div>
  );
}

const withOpen = (last: ReadonlyMap<string, boolean>, ids: readonly string[]): ReadonlyMap<string, boolean> => {
  const next = new Map(last);
  for (const id of ids) next.set(id, true);
  return next;
};

/** Characters of a name that fit into its row: the column less indent, sign and tag, and the note. */
const nameRoom = (level: number, isParent: boolean, note: string): number =>
  Math.floor((WIDTH - 12 - (level - 1) * 14 - (isParent ? 42 : 0) - 18 - note.length * 6.4) / 6.92);

interface RowProps {
  readonly row: TreeRow;
  readonly top: number;
  readonly selected: boolean;
  readonly active: boolean;
  readonly onChoose: () => void;
  readonly onToggle: () => void;
}

function Row({ row, top, selected, active, onChoose, onToggle }: RowProps) {
  const { node, level } = row;
  const isParent = node.children.length > 0;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the tree handles the keys for all its entries
    <div
      role="treeitem"
      aria-level={level}
      aria-posinset={row.position}
      aria-setsize={row.siblings}
      aria-expanded={isParent ? row.open : undefined}
      aria-selected={selected}
      aria-label={`${node.label}, ${node.noteWords}`}
      tabIndex={active ? 0 : -1}
      onClick={onChoose}
      className={cx(
        'absolute inset-x-0 flex h-6 items-center gap-1.5 pr-2.5 outline-offset-[-2px]',
        selected ? 'bg-marker-row font-[600] shadow-[inset_3px_0_0_var(--marker-edge)]' : 'hover:bg-sunken',
      )}
      style={{ top, paddingLeft: 12 + (level - 1) * 14 }}
    >
      {isParent ? (
        // A mouse may open a table without choosing it; keys have their arrows.
        <span
          aria-hidden="true"
          className="-m-1 inline-flex p-1 text-ink-2"
          onClick={(event) => {
            event.stopPropagation();
            onToggle();
          }}
        >
          {row.open ? <ChevronDown size={11} /> : <ChevronRight size={11} />}
        </span>
      ) : null}
      {node.owner === undefined ? null : <OwnerTag owner={node.owner.key} />}
      {node.name ? (
        <ChainName
          name={node.label}
          max={nameRoom(level, isParent, node.note)}
          tone="ink"
          className="min-w-0 overflow-hidden whitespace-nowrap text-[11.5px]"
        />
      ) : (
        <span className="min-w-0 overflow-hidden text-ellipsis whitespace-nowrap text-ink">{node.label}</span>
      )}
      <span className="ml-auto shrink-0 text-[11.5px] text-ink-2">{node.note}</span>
    </div>
  );
}
