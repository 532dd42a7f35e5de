import { describe, expect, test } from 'vitest';
import type { ComparedGraph, ComparedLink, ComparedPart, PartState } from './compare-service-graphs';
import type { GraphRole } from './service-graph';
import { foldEndpoints, layoutServiceGraph } from './service-graph-layout';

const part = (id: string, role: GraphRole, state: PartState = 'same'): ComparedPart => ({
  id,
  role,
  name: id,
  note: '',
  place: undefined,
  text: '',
  state,
  expected: undefined,
});
const link = (from: string, to: string, probability?: number, state: PartState = 'same'): ComparedLink => ({
  from,
  to,
  when: [],
  probability,
  sticky: false,
  state,
  expected: undefined,
});

/** A Service with a ClusterIP, a NodePort and these endpoints. */
function graph(endpoints: readonly (readonly [string, PartState])[]): ComparedGraph {
  return {
    parts: [
      part('nat-output', 'base'),
      part('nat-prerouting', 'base'),
      part('services', 'chain'),
      part('cluster', 'element'),
      part('nodeport', 'element'),
      part('external', 'external'),
      part('service', 'service'),
      ...endpoints.map(([id, state]) => part(id, 'endpoint', state)),
    ],
    links: [
      link('nat-output', 'services'),
      link('nat-prerouting', 'services'),
      link('services', 'cluster'),
      link('services', 'nodeport'),
      link('cluster', 'service'),
      link('nodeport', 'external'),
      link('external', 'service'),
      ...endpoints.map(([id, state]) => link('service', id, 1 / endpoints.length, state)),
    ],
  };
}
const same = (count: number) => Array.from({ length: count }, (_, at) => [`e${at}`, 'same'] as const);
const places = (of: ComparedGraph) =>
  new Map(layoutServiceGraph(of, 1100).boxes.map(({ part: { id }, x, y }) => [id, `${x} ${y}`]));

describe('places', () => {
  test('nothing but endpoints moves when endpoints come and go', () => {
    const [few, many] = [places(graph(same(2))), places(graph(same(20)))];
    for (const id of [
      'nat-output',
      'nat-prerouting',
      'services',
      'cluster',
      'nodeport',
      'external',
      'service',
      'e0',
      'e1',
    ])
      expect([id, many.get(id)]).toEqual([id, few.get(id)]);
  });
  test('a line to a verdict passes below the chains that stand between', () => {
    const { parts, links } = graph(same(2));
    const dropped = layoutServiceGraph(
      { parts: [...parts, part('drop', 'end')], links: [...links, link('nodeport', 'drop'), link('cluster', 'drop')] },
      1100,
    );
    const between = dropped.boxes.filter(({ part: { id } }) => id === 'external' || id === 'service');
    const bottom = Math.max(...between.map(({ y, height }) => y + height));
    const ends = dropped.lines.filter(({ link: { to } }) => to === 'drop');
    expect(ends).toHaveLength(2);
    for (const { from, to, below } of ends) {
      expect(below?.y).toBeGreaterThan(bottom);
      expect(below?.y).toBeLessThan(dropped.height);
      // It is below before the first of them and until after the last, between its ends.
      expect(below?.fromX).toBeGreaterThan(from.x);
      expect(below?.toX).toBeLessThan(to.x);
      for (const box of between) {
        expect(below?.fromX).toBeLessThanOrEqual(box.x);
        expect(below?.toX).toBeGreaterThanOrEqual(box.x + box.width);
      }
    }
    for (const line of dropped.lines.filter(({ link: { to } }) => to !== 'drop')) expect(line.below).toBeUndefined();
  });

  test.each([
    ['an IPv4 key', '255.255.255.255 . tcp . 65535', 232],
    ['an IPv6 key is not cut, and the graph is wider', '2001:db8:ffff:1234:5678:9abc:def0:7777 . tcp . 65535', 398],
  ])('%s fits', (_, key, least) => {
    const { parts, links } = graph(same(1));
    const named = parts.map((one) => (one.id === 'cluster' ? { ...one, name: key } : one));
    const { columns, boxes, width } = layoutServiceGraph({ parts: named, links }, 1100);
    expect(columns.find(({ role }) => role === 'element')?.width).toBe(least);
    // 12 px JetBrains Mono: 7.2 px for a character.
    expect(boxes.find(({ part: { id } }) => id === 'cluster')?.width).toBeGreaterThan(key.length * 7.2 + 22);
    expect(width).toBe(Math.max(...boxes.map((box) => box.x + box.width)));
  });
  test('room that is left goes to the columns and between them', () => {
    const [narrow, wide] = [1100, 1700].map((width) => layoutServiceGraph(graph(same(3)), width));
    const endpoint = (layout: typeof wide) => layout?.columns.at(-1)?.width ?? 0;
    expect(endpoint(wide)).toBeGreaterThan(endpoint(narrow) + 80);
    expect(wide?.width).toBeCloseTo(1700);
    expect(layoutServiceGraph(graph(same(3)), 1119).width).toBeCloseTo(1119);
  });
  test('two chains with different shares of an endpoint: both are told, alike ones once', () => {
    const { parts, links } = graph(same(2));
    const local = [link('local', 'e0', 1), link('local', 'e1', 1 / 2)];
    const both = { parts: [...parts, part('local', 'service')], links: [...links, ...local] };
    const shares = layoutServiceGraph(both, 1100).lines.flatMap(({ link: { from, to }, share }) =>
      share === undefined ? [] : [`${from} ${to}: ${share.index} of ${share.of}`],
    );
    expect(shares).toEqual(['service e0: 0 of 2', 'service e1: 0 of 1', 'local e0: 1 of 2']);
  });
  test('no box lies on another', () => {
    const { boxes } = layoutServiceGraph(graph(same(5)), 1100);
    const meet = boxes.flatMap((a) =>
      boxes
        .filter((b) => a.part.id < b.part.id)
        .filter((b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height)
        .map((b) => `${a.part.id} ${b.part.id}`),
    );
    expect(meet).toEqual([]);
  });
  test('columns keep their order, and stand apart where there is little room', () => {
    const { columns, width } = layoutServiceGraph(graph(same(1)), 300);
    expect(columns.map(({ role }) => role)).toEqual(['base', 'chain', 'element', 'external', 'service', 'endpoint']);
    expect(
      columns.every(({ x }, at) => at === 0 || x > (columns[at - 1]?.x ?? 0) + (columns[at - 1]?.width ?? 0)),
    ).toBe(true);
    expect(width).toBeGreaterThan(300);
  });
});

describe('many endpoints', () => {
  test('few stay as they are', () => {
    const few = graph(same(24));
    expect(foldEndpoints(few)).toEqual(few);
  });
  test('those that are as expected are one box with all their shares; one that is missing stays', () => {
    const folded = foldEndpoints(graph([...same(99), ['gone', 'missing']]));
    const ends = folded.parts.filter(({ role }) => role === 'endpoint').map(({ id, name }) => [id, name]);
    expect(ends).toEqual([
      ['endpoints:same', '99 endpoints'],
      ['gone', 'gone'],
    ]);
    const shares = folded.links
      .filter(({ from }) => from === 'service')
      .map(({ to, probability }) => [to, probability?.toFixed(2)]);
    expect(foldEndpoints(graph(same(30))).links.at(-1)).toMatchObject({ to: 'endpoints:same', probability: 1 });
    expect(shares).toEqual([
      ['endpoints:same', '0.99'],
      ['gone', '0.01'],
    ]);
  });
});
