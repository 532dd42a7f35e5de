/**
 * Coordinates for the chain graph of a Service, in CSS pixels. Columns are fixed by role and do not depend on endpoints, so that
 * nothing else moves when endpoints come and go.
 */
import type { ComparedGraph, ComparedLink, ComparedPart, PartState } from './compare-service-graphs';
import type { GraphRole } from './service-graph';

export interface GraphBox {
  readonly part: ComparedPart;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface GraphLine {
  readonly link: ComparedLink;
  readonly from: { readonly x: number; readonly y: number };
  readonly to: { readonly x: number; readonly y: number };
  /** Both ends are in one column: the line leaves and comes at the right. */
  readonly bent: boolean;
  /** It leads to a verdict past boxes of other columns: it goes along `y` below them from `fromX` to `toX`. */
  readonly below: { readonly y: number; readonly fromX: number; readonly toX: number } | undefined;
}

export interface ServiceGraphLayout {
  readonly width: number;
  readonly height: number;
  readonly columns: readonly { readonly role: GraphRole; readonly x: number; readonly width: number }[];
  /** In the order of the graph. */
  readonly boxes: readonly GraphBox[];
  readonly lines: readonly GraphLine[];
}

/** What a column is wide; a verdict stands in the column of endpoints. */
const WIDTH: { readonly [R in GraphRole]: number } = {
  base: 138,
  chain: 132,
  element: 204,
  external: 146,
  service: 142,
  endpoint: 180,
  end: 180,
};
const HEAD = 30;
const HEIGHT = 40;
/** From one box to the next below it; elements have a line of words under them. */
const PITCH: { readonly [R in GraphRole]: number } = {
  base: 50,
  chain: 50,
  element: 68,
  external: 62,
  service: 50,
  endpoint: 50,
  end: 50,
};
const LEAST_GAP = 26;
/** Room for the probability before an endpoint. */
const PILL = 22;

const columnOf = (role: GraphRole): GraphRole => (role === 'end' ? 'endpoint' : role);
const COLUMNS: readonly GraphRole[] = ['base', 'chain', 'element', 'external', 'service', 'endpoint'];

/** @param width room there is; the graph is wider where its columns need it */
export function layoutServiceGraph({ parts, links }: ComparedGraph, width: number): ServiceGraphLayout {
  const roles = COLUMNS.filter((role) => parts.some((part) => columnOf(part.role) === role));
  const needed = roles.reduce((sum, role) => sum + WIDTH[role], 0) + PILL;
  const gap = roles.length < 2 ? 0 : Math.max((width - needed) / (roles.length - 1), LEAST_GAP);
  let x = 0;
  const columns = roles.map((role) => {
    if (role === 'endpoint' && roles.length > 1) x += PILL;
    const column = { role, x, width: WIDTH[role] };
    x += WIDTH[role] + gap;
    return column;
  });
  // The middle of what does not change with endpoints.
  const middle = HEAD + Math.max(stackHeight(parts, 'element'), stackHeight(parts, 'base')) / 2;
  const boxes: GraphBox[] = [];
  for (const { role, x, width } of columns) {
    const own = parts.filter((part) => columnOf(part.role) === role);
    const isTop = role === 'endpoint' || role === 'element';
    let y = isTop ? HEAD : Math.max(middle - stackHeight(parts, role) / 2, HEAD);
    // Chains of the Service stand beside what leads to them.
    const beside =
      role === 'external' || role === 'service' ? own.map((part) => besideSources(part, links, boxes)) : [];
    for (const { part, at } of besideOrder(own, beside)) {
      y = Math.max(at ?? y, boxes.at(-1)?.x === x ? (boxes.at(-1)?.y ?? 0) + PITCH[role] : HEAD);
      boxes.push({ part, x, y, width, height: HEIGHT });
      y += PITCH[role];
    }
  }
  const byId = new Map(boxes.map((box) => [box.part.id, box]));
  const lines = links.flatMap((link): readonly GraphLine[] => {
    const [a, b] = [byId.get(link.from), byId.get(link.to)];
    if (a === undefined || b === undefined) return [];
    const bent = a.x === b.x;
    return [
      {
        link,
        from: { x: a.x + a.width, y: a.y + HEIGHT / 2 },
        to: { x: bent ? b.x + b.width : b.x, y: b.y + HEIGHT / 2 },
        bent,
        below: b.part.role === 'end' ? wayBelow(a, b, boxes, columns) : undefined,
      },
    ];
  });
  const last = columns.at(-1);
  return {
    width: last === undefined ? 0 : last.x + last.width,
    height: Math.max(
      HEAD,
      ...boxes.map(({ y, part }) => y + PITCH[part.role]),
      ...lines.map(({ below }) => (below === undefined ? 0 : below.y + BELOW)),
    ),
    columns,
    boxes,
    lines,
  };
}

/** Between a box and a line that passes below it. */
const BELOW = 10;

/** A line that runs behind boxes seems to be theirs. */
function wayBelow(
  a: GraphBox,
  b: GraphBox,
  boxes: readonly GraphBox[],
  columns: ServiceGraphLayout['columns'],
): GraphLine['below'] {
  const between = columns.filter(({ x }) => x > a.x && x < b.x);
  const [first, last] = [between[0], between.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  const own = boxes.filter(({ x }) => x > a.x && x < b.x);
  const [top, bottom] = [Math.min(a.y, b.y), Math.max(a.y, b.y) + HEIGHT];
  if (own.every((box) => box.y >= bottom || box.y + HEIGHT <= top)) return undefined;
  const y = Math.max(...own.map((box) => box.y + HEIGHT)) + BELOW;
  return { y, fromX: first.x, toX: last.x + last.width };
}

/** The mean height of what leads to a part. */
function besideSources(
  part: ComparedPart,
  links: readonly ComparedLink[],
  boxes: readonly GraphBox[],
): number | undefined {
  const sources = new Set(links.filter(({ to }) => to === part.id).map(({ from }) => from));
  const heights = boxes.filter((box) => sources.has(box.part.id)).map(({ y }) => y);
  return heights.length === 0 ? undefined : heights.reduce((total, y) => total + y, 0) / heights.length;
}

/** In the order of the heights wished for, where there are any; parts without one last. */
function besideOrder(
  parts: readonly ComparedPart[],
  wished: readonly (number | undefined)[],
): readonly { readonly part: ComparedPart; readonly at: number | undefined }[] {
  const all = parts.map((part, index) => ({ part, at: wished[index] }));
  const last = Number.POSITIVE_INFINITY;
  return wished.length === 0 ? all : all.toSorted((a, b) => (a.at ?? last) - (b.at ?? last) || 0);
}

function stackHeight(parts: readonly ComparedPart[], role: GraphRole): number {
  const count = parts.filter((part) => columnOf(part.role) === role).length;
  return count === 0 ? 0 : (count - 1) * PITCH[role] + HEIGHT;
}

/** Endpoints that are drawn one by one; beyond it those that stand alike are one box. */
const MOST_ENDPOINTS = 24;

/** Many endpoints as one box for each state; their facts stay in the list. */
export function foldEndpoints({ parts, links }: ComparedGraph, most = MOST_ENDPOINTS): ComparedGraph {
  const endpoints = parts.filter(({ role }) => role === 'endpoint');
  if (endpoints.length <= most) return { parts, links };
  const states = [...new Set(endpoints.map(({ state }) => state))];
  const folded = new Map<string, string>();
  const groups = states.flatMap((state) => {
    const own = endpoints.filter((part) => part.state === state);
    if (own.length <= MOST_ALONE && state !== 'same') return [];
    const id = `endpoints:${state}`;
    for (const part of own) folded.set(part.id, id);
    return [
      {
        id,
        role: 'endpoint',
        name: `${own.length} endpoints`,
        note: STATE_WORDS[state],
        place: undefined,
        text: '',
        state,
        expected: undefined,
      } satisfies ComparedPart,
    ];
  });
  const kept = parts.filter(({ id }) => !folded.has(id));
  const merged = new Map<string, ComparedLink>();
  for (const link of links) {
    const to = folded.get(link.to) ?? link.to;
    const key = `${link.from} ${to}`;
    const before = merged.get(key);
    if (before === undefined) merged.set(key, { ...link, to });
    else if (folded.has(link.to))
      merged.set(key, {
        ...before,
        probability: sum(before.probability, link.probability),
        state: before.state === link.state ? before.state : 'altered',
      });
  }
  const others = kept.filter(({ role }) => role !== 'endpoint' && role !== 'end');
  const alone = kept.filter(({ role }) => role === 'endpoint');
  return {
    parts: [...others, ...groups, ...alone, ...kept.filter(({ role }) => role === 'end')],
    links: [...merged.values()],
  };
}

/** Those that differ stand alone up to this many. */
const MOST_ALONE = 12;

const sum = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? undefined : a + b;

/** How a part stands, in words. */
export const STATE_WORDS: { readonly [S in PartState]: string } = {
  same: 'as expected',
  altered: 'altered',
  missing: 'missing',
  stale: 'stale',
  other: 'of another Service',
  unknown: 'not compared',
};
