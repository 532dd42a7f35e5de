/** A view that is kept new by changes alone is the whole view, whatever changes. */
import { expect, test } from 'vitest';
import { type FleetAnswer, FleetLog, isChanges, withChanges } from './fleet-changes';
import { type FleetRow, type FleetView, membersOf } from './fleet-view';

const row = (name: string, more: Partial<FleetRow> = {}): FleetRow =>
  ({
    name,
    zone: 'zone-1',
    state: 'ready',
    problem: null,
    capturedAt: '2026-01-01T00:00:00Z',
    reader: 'agent',
    following: { kind: 'heard' },
    notAnew: null,
    cost: null,
    version: 'v1',
    kernel: '6.1.0-32-cloud-amd64',
    nft: '1.0.6',
    kubeProxy: 'v1.36.2',
    proxy: { kind: 'nftables', how: 'its tables', beside: null },
    owners: [{ key: 'kp', name: 'kube-proxy', tables: ['ip kube-proxy', 'ip6 kube-proxy'], rules: 4711 }],
    counts: { tables: 2, chains: 900, rules: 4711, sets: 12, elements: 9000 },
    group: 'A',
    ...more,
  }) as FleetRow;

/** As the server makes it: group A is the largest, and differences are against it. */
function viewOf(rows: readonly FleetRow[], differences: Readonly<Record<string, string>> = {}): FleetView {
  const groups = [...membersOf(rows)].map(([label, nodes]) => ({
    label,
    hash: `hash of ${label}`,
    nodes,
    differences:
      label === 'A'
        ? []
        : [
            {
              kind: 'chain',
              sign: 'more',
              table: 't',
              name: 'c',
              say: differences[label] ?? 'a rule',
              lines: [],
              count: 0,
            } as const,
          ],
  }));
  const done = rows.filter(({ state }) => state !== 'unread').length;
  return { source: 's', at: '', state: 'done', done, of: rows.length, rows, groups, services: 3, pods: null };
}
const sizeOf = (answer: FleetAnswer): number => JSON.stringify(answer).length;
/** Over the wire. */
const sent = <T>(answer: T): T => JSON.parse(JSON.stringify(answer)) as T;

function followed(log: FleetLog, before: FleetView, now: FleetView) {
  const whole = log.note(now);
  const answer = sent(log.since(whole, before.at));
  if (!isChanges(answer)) throw new Error('the whole view was sent');
  return { answer, shown: withChanges(before, answer), whole: sent(whole) };
}

const MANY = Array.from({ length: 5000 }, (_, at) => row(`node-${at + 1}`));
const changedAt = (at: number, more: Partial<FleetRow>): readonly FleetRow[] =>
  MANY.map((one, index) => (index === at ? { ...one, ...more } : one));

test.each([
  { name: 'a node that was read anew', now: viewOf(changedAt(2500, { version: 'v2' })), rows: ['node-2501'] },
  {
    name: 'how a node is heard',
    now: viewOf(changedAt(7, { following: { kind: 'lost', why: 'gone' } })),
    rows: ['node-8'],
  },
  { name: 'a node that differs now', now: viewOf(changedAt(0, { group: 'B', version: 'v2' })), rows: ['node-1'] },
  { name: 'a node that left', now: viewOf(MANY.slice(1)), rows: [], most: 100_000 },
  { name: 'a node that came first', now: viewOf([row('node-0'), ...MANY]), rows: ['node-0'], most: 100_000 },
  { name: 'nothing', now: viewOf(MANY.map((one) => ({ ...one }))), rows: [] },
])('5,000 nodes, $name: only that is sent, and the view is whole', ({ now, rows, most = 2000 }) => {
  const log = new FleetLog('log');
  const before = sent(log.note(viewOf(MANY)));
  expect(sizeOf(before)).toBeGreaterThan(2e6);
  const { answer, shown, whole } = followed(log, before, now);
  expect(answer.rows.map(({ name }) => name)).toEqual(rows);
  expect(sizeOf(answer)).toBeLessThan(most);
  expect(shown).toEqual(whole);
});

test('one who asks seldom gets all that happened meanwhile', () => {
  const log = new FleetLog('log');
  const rows = MANY.slice(0, 5);
  const before = sent(log.note(viewOf(rows)));
  log.note(viewOf(rows.map((one) => (one.name === 'node-1' ? { ...one, group: 'B' } : one))));
  log.note(viewOf(rows.slice(1)));
  const now = [row('node-9', { group: 'B' }), ...rows.slice(1)];
  const { answer, shown, whole } = followed(log, before, viewOf(now, { B: 'another rule' }));
  expect(answer.rows.map(({ name }) => name)).toEqual(['node-9']);
  expect(shown).toEqual(whole);
});

test('a node that left and came back is sent again', () => {
  const log = new FleetLog('log');
  const rows = MANY.slice(0, 3);
  log.note(viewOf(rows));
  const before = sent(log.note(viewOf(rows.slice(1))));
  const { shown, whole } = followed(log, before, viewOf(rows));
  expect(shown).toEqual(whole);
});

test('rows that are the same stay the same objects', () => {
  const log = new FleetLog('log');
  const before = sent(log.note(viewOf(MANY.slice(0, 3))));
  const { shown } = followed(log, before, viewOf(changedAt(0, { version: 'v2' }).slice(0, 3)));
  expect(shown.rows.map((one, at) => one === before.rows[at])).toEqual([false, true, true]);
});

test.each(['', 'log', 'log.2', 'log.x', 'log.-1', 'other.1', 'log.99999999999999999999'])(
  'the moment %j is not one of this log: the whole view',
  (since) => {
    const log = new FleetLog('log');
    const view = log.note(viewOf(MANY.slice(0, 2)));
    expect(log.since(view, since)).toBe(view);
  },
);
