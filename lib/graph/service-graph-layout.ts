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
  /** Which of the different shares at its end this is, and of how many: chains for all and for this node may have their own. */
  readonly share: { readonly index: number; readonly of: number } | undefined;
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

/** What a column is wide at least; a verdict stands in the column of endpoints. Keys of IPv4 fit, of IPv6 see {@link keyWidth}. */
const WIDTH: { readonly [R in GraphRole]: number } = {
  base: 144,
  chain: 124,
  element: 232,
  external: 160,
  service: 142,
  endpoint: 172,
  end: 172,
};
/** What it takes where there is room. */
const WIDE: { readonly [R in GraphRole]: number } = {
  base: 160,
  chain: 196,
  element: 232,
  external: 190,
  service: 190,
  endpoint: 290,
  end: 290,
};
/** A character of a key, and what is beside it in its box: a key is never cut within an address. */
const CHARACTER = 7.2;
const BESIDE = 23;
const MOST_KEY = 400;
/** `[fd00:10:244:1::100]:8080`; the family alone tells, so that nothing moves when endpoints come and go. */
const ENDPOINT_IP6 = 212;
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
const LEAST_GAP = 24;
/** Columns get wider only where this is between them. */
const GOOD_GAP = 44;
/** Room for the probability before an endpoint. */
const PILL = 22;

const columnOf = (role: GraphRole): GraphRole => (role === 'end' ? 'endpoint' : role);
const COLUMNS: readonly GraphRole[] = ['base', 'chain', 'element', 'external', 'service', 'endpoint'];

/** @param width room there is; the graph is wider where its columns need it */
export function layoutServiceGraph({ parts, links }: ComparedGraph, width: number): ServiceGraphLayout {
  const roles = COLUMNS.filter((role) => parts.some((part) => columnOf(part.role) === role));
  const widths = columnWidths(roles, parts, width);
  const needed = roles.reduce((sum, role) => sum + widths[role], 0) + PILL;
  const gap = roles.length < 2 ? 0 : Math.max((width - needed) / (roles.length - 1), LEAST_GAP);
  let x = 0;
  const columns = roles.map((role) => {
    if (role === 'endpoint' && roles.length > 1) x += PILL;
    const column = { role, x, width: widths[role] };
    x += widths[role] + gap;
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
        share: shareAt(link, links),
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

/** The least, and of what room is left a part for each, up to what it takes. Endpoints do not count. */
function columnWidths(
  roles: readonly GraphRole[],
  parts: readonly ComparedPart[],
  width: number,
): { readonly [R in GraphRole]: number } {
  const isIp6 = parts.some(({ role, name }) => role === 'endpoint' && name.startsWith('['));
  const least = { ...WIDTH, element: keyWidth(parts), ...(isIp6 && { endpoint: ENDPOINT_IP6 }) };
  const room = width - roles.reduce((total, role) => total + least[role], 0) - PILL - (roles.length - 1) * GOOD_GAP;
  const wanted = roles.reduce((total, role) => total + Math.max(WIDE[role] - least[role], 0), 0);
  const part = wanted === 0 ? 0 : Math.min(Math.max(room / wanted, 0), 1);
  const of = (role: GraphRole): number => least[role] + Math.max(WIDE[role] - least[role], 0) * part;
  return {
    base: of('base'),
    chain: of('chain'),
    element: of('element'),
    external: of('external'),
    service: of('service'),
    endpoint: of('endpoint'),
    end: of('end'),
  };
}

function keyWidth(parts: readonly ComparedPart[]): number {
  const longest = Math.max(0, ...parts.map(({ role, name }) => (role === 'element' ? name.length : 0)));
  return Math.min(Math.max(Math.ceil(longest * CHARACTER) + BESIDE, WIDTH.element), MOST_KEY);
}

/** Undefined for one that says what another line to the same end has said. */
function shareAt(link: ComparedLink, links: readonly ComparedLink[]): GraphLine['share'] {
  if (link.probability === undefined) return undefined;
  const shares = links.filter(({ to, probability }) => to === link.to && probability !== undefined);
  const key = ({ probability, state }: ComparedLink): string => `${probability} ${state}`;
  const different = [...new Map(shares.map((one) => [key(one), one] as const)).keys()];
  const isFirst = shares.find((one) => key(one) === key(link)) === link;
  return isFirst ? { index: different.indexOf(key(link)), of: different.length } : undefined;
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

/** Of a hundred hundredths the sum is one, whatever is lost of them on the way. */
function sum(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return undefined;
  return Math.abs(a + b - 1) < 1e-9 ? 1 : a + b;
}

/** How a part stands, in words. */
export const STATE_WORDS: { readonly [S in PartState]: string } = {
  same: 'as expected',
  altered: 'altered',
  missing: 'missing',
  stale: 'stale',
  other: 'of another Service',
  unknown: 'not compared',
};
