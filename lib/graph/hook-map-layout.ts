/** Coordinates for a hook map, in CSS pixels. Pure arithmetic, O(chains × rows): the view only draws. */
import type { HookMap, KernelPlace, LaterDrop, MapCell, MapChain, MapRow, Tie } from './hook-map';

export interface Point {
  readonly x: number;
  readonly y: number;
}
export interface Box extends Point {
  readonly width: number;
  readonly height: number;
}

export interface WayNode extends Point {
  readonly hook: string;
  /** True where no base chain is registered. */
  readonly bare: boolean;
}

export interface HookMapLayout<C extends MapChain> {
  readonly width: number;
  readonly height: number;
  /** Right edge of the column with priorities. */
  readonly gutter: number;
  readonly way: {
    /** The straight way, and the one through this node where it leaves the straight one; polylines. */
    readonly main: readonly Point[];
    readonly branch: readonly Point[];
    readonly nodes: readonly WayNode[];
    /** Where the way divides. */
    readonly decision: (Point & { readonly say: string }) | null;
    /** What receives and sends on this node. */
    readonly process: (Point & { readonly say: string }) | null;
  };
  readonly columns: readonly (Box & { readonly hook: string })[];
  readonly rows: readonly (MapRow & { readonly y: number; readonly height: number })[];
  readonly cells: readonly (Box & { readonly cell: MapCell<C>; readonly hook: string })[];
  readonly places: readonly (Box & { readonly place: KernelPlace; readonly hook: string })[];
  readonly brackets: readonly {
    readonly hook: string;
    readonly x: number;
    readonly y1: number;
    readonly y2: number;
    readonly natAt: number;
  }[];
  readonly ties: readonly { readonly tie: Tie<C>; readonly x: number; readonly y1: number; readonly y2: number }[];
  readonly laterDrops: readonly { readonly drop: LaterDrop<C>; readonly from: Point; readonly to: Point }[];
}

export interface LayoutOptions<C extends MapChain> {
  /** Room there is; the figure is wider where names need it. */
  readonly width: number;
  /** Rows spread into what is left of it. */
  readonly height?: number;
  /** The words at the right of a cell. */
  readonly wordOf: (cell: MapCell<C>) => string;
}

const GUTTER = 120;
/** Advance of a character in mono 12 px and in sans 11 px. */
const MONO = 7.25;
const SANS = 5.7;
const CELL = { height: 29, pitch: 32, before: 37, after: 9, wordGap: 10 } as const;
const NAT_INDENT = 14;
const COLUMN_PAD = 7;
const COLUMN_MIN = 176;
const GAP = { min: 27, max: 64 } as const;
/** Right of the last column: room for a tie, and for the end of the way. */
const EDGE = 36;
/** `bracket`: low enough for one chain, high enough for the words beside its bracket. `stretch`: at most this much more. */
const ROW = { bare: 21, pad: 3, bracket: 64, stretch: 16 } as const;
const WAY = { main: 42, branch: 92, end: 122 } as const;

export function layoutHookMap<C extends MapChain>(map: HookMap<C>, options: LayoutOptions<C>): HookMapLayout<C> {
  const columns = placeColumns(map, options);
  const rows = placeRows(map, options.height ?? 0);
  const bottom = rows.reduce<number>((y, row) => Math.max(y, row.y + row.height), WAY.end);
  const boxes = columns.map((c) => ({ ...c, y: WAY.end, height: bottom - WAY.end + 4 }));
  const cells = placeCells(map, boxes, rows);
  const last = boxes.at(-1);
  const width = Math.max(options.width, (last === undefined ? GUTTER : last.x + last.width) + EDGE);
  return {
    width,
    height: bottom + 12,
    gutter: GUTTER,
    way: placeWay(map, boxes, width),
    columns: boxes,
    rows,
    cells,
    places: placePlaces(map, boxes, rows),
    brackets: placeBrackets(map, boxes, cells),
    ...placeMarks(map, boxes, cells),
  };
}

type Column = Box & { readonly hook: string };
type Row = MapRow & { readonly y: number; readonly height: number };

function placeColumns<C extends MapChain>(map: HookMap<C>, { width, wordOf }: LayoutOptions<C>): Column[] {
  const needs = map.columns.map((column) => {
    const widest = column.cells.map((cell) => {
      const word = wordOf(cell);
      const text = cell.chain.chain.length * MONO + (word === '' ? 0 : CELL.wordGap + word.length * SANS);
      return CELL.before + text + CELL.after + (cell.nat ? NAT_INDENT : 0);
    });
    return Math.max(COLUMN_MIN, ...widest.map((w) => Math.ceil(w) + 2 * COLUMN_PAD));
  });
  const gaps = Math.max(1, needs.length - 1);
  const spare = width - GUTTER - 8 - EDGE - needs.reduce((a, b) => a + b, 0);
  const gap = Math.min(GAP.max, Math.max(GAP.min, spare / gaps));
  // What the gaps leave goes to the columns alike, so that the figure fills its room without growing wild.
  const more = Math.min(60, Math.max(0, (spare - gap * gaps) / Math.max(1, needs.length)));
  let x = GUTTER + 8;
  return map.columns.map((column, i) => {
    const w = (needs[i] ?? COLUMN_MIN) + more;
    const box = { hook: column.hook, x, y: 0, width: w, height: 0 };
    x += w + gap;
    return box;
  });
}

const at = (cell: { readonly chain: MapChain }, row: MapRow): boolean => cell.chain.prio === row.prio;

function placeRows<C extends MapChain>(map: HookMap<C>, room: number): Row[] {
  const heights = map.rows.map((row) => Math.max(ROW.bare, ...map.columns.map((column) => heightIn(column, row))));
  const used = WAY.end + heights.reduce((a, b) => a + b, 16);
  const more = Math.min(ROW.stretch, Math.max(0, (room - used) / Math.max(1, heights.length)));
  let y: number = WAY.end + 4;
  return map.rows.map((row, i) => {
    const height = (heights[i] ?? ROW.bare) + more;
    const placed = { ...row, y, height };
    y += height;
    return placed;
  });
}

function heightIn<C extends MapChain>(column: HookMap<C>['columns'][number], row: MapRow): number {
  const cells = column.cells.filter((cell) => at(cell, row));
  const places = column.places.filter((place) => place.prio === row.prio).length * ROW.bare;
  const stack = cells.length === 0 ? 0 : cells.length * CELL.pitch + 2 * ROW.pad - 2;
  const lone = column.cells.filter((cell) => cell.nat).length === 1 && cells.some((cell) => cell.nat);
  return Math.max(stack, lone ? ROW.bracket : 0) + places;
}

function placeCells<C extends MapChain>(
  map: HookMap<C>,
  columns: readonly Column[],
  rows: readonly Row[],
): HookMapLayout<C>['cells'] {
  return map.columns.flatMap((column, i) => {
    const box = columns[i];
    if (box === undefined) return [];
    return rows.flatMap((row) => {
      const here = column.cells.filter((cell) => at(cell, row));
      const places = column.places.filter((place) => place.prio === row.prio).length * ROW.bare;
      const stack = here.length * CELL.pitch - (CELL.pitch - CELL.height);
      const top = row.y + places + (row.height - places - stack) / 2;
      return here.map((cell, slot) => {
        const indent = cell.nat ? NAT_INDENT : 0;
        return {
          cell,
          hook: column.hook,
          x: box.x + COLUMN_PAD + indent,
          y: top + slot * CELL.pitch,
          width: box.width - 2 * COLUMN_PAD - indent,
          height: CELL.height,
        };
      });
    });
  });
}

function placePlaces<C extends MapChain>(
  map: HookMap<C>,
  columns: readonly Column[],
  rows: readonly Row[],
): HookMapLayout<C>['places'] {
  return map.columns.flatMap((column, i) => {
    const box = columns[i];
    if (box === undefined) return [];
    return column.places.flatMap((place) => {
      const row = rows.find((r) => r.prio === place.prio);
      if (row === undefined) return [];
      // Alone in its row it stands in the middle, else above the chains.
      const alone = !column.cells.some((cell) => at(cell, row));
      const y = alone ? row.y + (row.height - ROW.bare) / 2 : row.y;
      return [{ place, hook: column.hook, x: box.x + 12, y, width: box.width - 24, height: ROW.bare }];
    });
  });
}

function placeBrackets<C extends MapChain>(
  map: HookMap<C>,
  columns: readonly Column[],
  cells: HookMapLayout<C>['cells'],
): HookMapLayout<C>['brackets'] {
  return map.columns.flatMap((column, i) => {
    const box = columns[i];
    const nat = cells.filter((c) => c.hook === column.hook && c.cell.nat);
    if (box === undefined || column.natAt === null || nat.length === 0) return [];
    const y1 = Math.min(...nat.map((c) => c.y));
    const y2 = Math.max(...nat.map((c) => c.y + c.height));
    // One cell alone is too low for the words beside it.
    const grow = Math.max(0, (60 - (y2 - y1)) / 2);
    return [{ hook: column.hook, x: box.x + COLUMN_PAD + 5, y1: y1 - grow, y2: y2 + grow, natAt: column.natAt }];
  });
}

function placeMarks<C extends MapChain>(
  map: HookMap<C>,
  columns: readonly Column[],
  cells: HookMapLayout<C>['cells'],
): Pick<HookMapLayout<C>, 'ties' | 'laterDrops'> {
  const placed = new Map(cells.map((c) => [c.cell, c]));
  const edge = (hook: string): number => {
    const box = columns.find((c) => c.hook === hook);
    return box === undefined ? 0 : box.x + box.width - COLUMN_PAD;
  };
  const mid = (cell: MapCell<C>): Point => {
    const box = placed.get(cell);
    return { x: edge(cell.chain.hook), y: box === undefined ? 0 : box.y + box.height / 2 };
  };
  const laterDrops = map.laterDrops.map((drop) => ({ drop, from: mid(drop.first), to: mid(drop.then) }));
  const ties = map.ties.map((tie) => {
    const ys = tie.cells.map((cell) => mid(cell).y);
    return { tie, x: edge(tie.hook) + 2, y1: Math.min(...ys) - 10, y2: Math.max(...ys) + 10 };
  });
  return { ties, laterDrops };
}

/** Through a router the way divides after prerouting; on other maps it is a straight line through this node. */
function placeWay<C extends MapChain>(
  map: HookMap<C>,
  columns: readonly Column[],
  width: number,
): HookMapLayout<C>['way'] {
  const centre = (hook: string): number | undefined => {
    const box = columns.find((c) => c.hook === hook);
    return box === undefined ? undefined : box.x + box.width / 2;
  };
  const bare = (hook: string): boolean => map.columns.find((c) => c.hook === hook)?.cells.length === 0;
  const end: Point = { x: width - 6, y: WAY.main };
  const start: Point = { x: 4, y: WAY.main };
  const input = centre('input');
  const output = centre('output');
  const forward = columns.find((c) => c.hook === 'forward');
  const prerouting = columns.find((c) => c.hook === 'prerouting');
  const postrouting = columns.find((c) => c.hook === 'postrouting');
  const lastInner = columns.find((c) => c.hook === 'output');

  if (
    forward === undefined ||
    prerouting === undefined ||
    postrouting === undefined ||
    lastInner === undefined ||
    input === undefined ||
    output === undefined
  ) {
    const nodes = columns.map((c) => ({ hook: c.hook, x: c.x + c.width / 2, y: WAY.main, bare: bare(c.hook) }));
    const [a, b] = nodes;
    const process =
      a === undefined || b === undefined ? null : { x: (a.x + b.x) / 2, y: WAY.main, say: MIDDLE[map.family] };
    return { main: [start, end], branch: [], nodes, decision: null, process };
  }

  const split = (prerouting.x + prerouting.width + forward.x) / 2;
  const join = (lastInner.x + lastInner.width + postrouting.x) / 2;
  const node = (hook: string, y: number, x: number | undefined): readonly WayNode[] =>
    x === undefined ? [] : [{ hook, x, y, bare: bare(hook) }];
  // Chains on devices are rare: without any, their hooks are marked at the ends of the way.
  const ends = map.family === 'ip' || map.family === 'ip6';
  const stub = (hook: string, x: number): readonly WayNode[] =>
    ends && centre(hook) === undefined ? [{ hook, x, y: WAY.main, bare: true }] : [];
  return {
    main: [start, end],
    branch: [
      { x: split, y: WAY.main },
      { x: split, y: WAY.branch },
      { x: join, y: WAY.branch },
      { x: join, y: WAY.main },
    ],
    nodes: [
      ...stub('ingress', 62),
      ...node('ingress', WAY.main, centre('ingress')),
      ...node('prerouting', WAY.main, centre('prerouting')),
      ...node('forward', WAY.main, centre('forward')),
      ...node('input', WAY.branch, input),
      ...node('output', WAY.branch, output),
      ...node('postrouting', WAY.main, centre('postrouting')),
      ...node('egress', WAY.main, centre('egress')),
      ...stub('egress', width - 38),
    ],
    decision: { x: split, y: WAY.main, say: map.family === 'bridge' ? 'bridge' : 'route' },
    process: { x: (input + output) / 2, y: WAY.branch, say: MIDDLE[map.family] },
  };
}

const MIDDLE = { ip: 'process', ip6: 'process', bridge: 'IP', arp: 'ARP', netdev: 'the stack' } as const;
