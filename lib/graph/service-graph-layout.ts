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
  base: 158,
  chain: 116,
  element: 208,
  external: 146,
  service: 146,
  endpoint: 186,
  end: 186,
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
const LEAST_GAP = 34;
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
  const boxes = columns.flatMap(({ role, x, width }) => {
    const own = parts.filter((part) => columnOf(part.role) === role);
    const top =
      role === 'endpoint' || role === 'element' ? HEAD : Math.max(middle - stackHeight(parts, role) / 2, HEAD);
    return own.map((part, index): GraphBox => ({ part, x, y: top + index * PITCH[role], width, height: HEIGHT }));
  });
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
      },
    ];
  });
  const last = columns.at(-1);
  return {
    width: last === undefined ? 0 : last.x + last.width,
    height: Math.max(HEAD, ...boxes.map(({ y, part }) => y + PITCH[part.role])),
    columns,
    boxes,
    lines,
  };
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
  unknown: 'not compared',
};
