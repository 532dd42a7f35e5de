import { describe, expect, test } from 'vitest';
import { answer, type NodeQueries, type QueryKind } from './answer';
import { openNode } from './open-node';
import { testNode } from './testing/node';

const node = testNode();
function ask<K extends QueryKind>(kind: K, query: NodeQueries[K], of = node) {
  const result = answer(of, kind, query);
  if (!result.ok) throw new Error(`${result.problem.code}: ${result.problem.say}`);
  return result.value;
}
const code = (result: { readonly ok: boolean; readonly problem?: { readonly code: string } }) =>
  result.problem?.code ?? 'ok';
const text = (tokens: readonly { readonly text: string }[]) => tokens.map((token) => token.text).join('');

describe('overview', () => {
  const view = ask('overview', {});
  test('counts', () => {
    expect(view.counts).toEqual({
      tables: 2,
      chains: 6,
      baseChains: 3,
      rules: 4,
      sets: 1,
      maps: 1,
      elements: 5,
      flowtables: 0,
      objects: 1,
    });
  });
  test('base chains as they run: by hook and priority; of a tie the last one listed first', () => {
    expect(
      view.baseChains.map(({ hook, prioText, chain, ends, empty }) => [hook, prioText, chain, ends, empty]),
    ).toEqual([
      ['prerouting', 'dstnat', 'nat-prerouting', ['drop'], false],
      ['forward', 'filter', 'second', [], true],
      ['forward', 'filter', 'first', ['drop'], true],
    ]);
  });
  test('owners, uses and objects', () => {
    expect(view.tables.map(({ owner }) => owner.key)).toEqual(['kp', 'ot']);
    const chains = new Map(view.tables[0]?.chains.map((chain) => [chain.name, chain]));
    expect(chains.get('services')?.usedBy).toBe(1);
    expect(chains.get('unused')?.usedBy).toBe(0);
    expect(chains.get('service-AAAAAAAA-kube-system/dns/udp/dns')).toMatchObject({
      usedBy: 2,
      object: { kind: 'service', namespace: 'kube-system', name: 'dns', port: 'dns' },
    });
  });
  test('what was not read is named, with what it costs', () => {
    expect(view.readings.find(({ file }) => file === 'route4.json')).toMatchObject({
      state: 'absent',
      without: expect.stringContaining('routing'),
    });
    expect(view.linksKnown).toBe(false);
  });
});

describe('ruleset pages', () => {
  const page = (offset: number, limit: number) => ask('ruleset', { table: 'ip kube-proxy', offset, limit });
  test('a window of rules: parts of chains, the rest by next', () => {
    const first = page(0, 2);
    expect(first.chains.map(({ name, firstRule, rules }) => [name, firstRule, rules.length])).toEqual([
      ['nat-prerouting', 0, 1],
      ['services', 0, 1],
    ]);
    expect([first.next, first.totalRules, first.sets.length, first.objects.length]).toEqual([2, 4, 2, 1]);
    const second = page(2, 2);
    expect(second.chains.map(({ name, firstRule, rules }) => [name, firstRule, rules.length])).toEqual([
      ['services', 1, 1],
      ['service-AAAAAAAA-kube-system/dns/udp/dns', 0, 1],
      ['unused', 0, 0],
    ]);
    expect([second.next, second.sets.length]).toEqual([null, 0]);
  });
  test('every rule comes once, whatever the window', () => {
    for (const limit of [1, 2, 3, 4, 5]) {
      const handles: number[] = [];
      const names = new Set<string>();
      for (let offset: number | null = 0; offset !== null; ) {
        const part: ReturnType<typeof page> = page(offset, limit);
        for (const chain of part.chains) {
          names.add(chain.name);
          handles.push(...chain.rules.map(({ at }) => at.handle));
        }
        offset = part.next;
      }
      expect(handles).toEqual([20, 21, 22, 23]);
      expect(names.size).toBe(4);
    }
  });
  test('lines are those of nft, links go both ways', () => {
    const [, services] = page(0, 10).chains;
    expect(services?.rules.map(({ tokens }) => text(tokens))).toEqual([
      'ip saddr @blocked counter name "seen" drop',
      'ip daddr . meta l4proto . th dport vmap @service-ips',
    ]);
    expect(services?.rules.map(({ usedSets }) => usedSets)).toEqual([
      [{ name: 'blocked', count: 2, kind: 'set' }],
      [{ name: 'service-ips', count: 3, kind: 'map' }],
    ]);
    expect(services?.usedBy).toMatchObject([
      { kind: 'rule', verb: 'jump', at: { chain: 'nat-prerouting', handle: 20 } },
    ]);
    expect(page(0, 10).chains[2]?.usedBy[0]).toEqual({
      kind: 'element',
      map: 'service-ips',
      index: 0,
      key: '10.96.0.10 . udp . 53',
      verb: 'goto',
    });
    expect(page(0, 10).objects[0]?.usedBy).toMatchObject([{ at: { handle: 21 } }]);
  });
  test('names that are not there', () => {
    expect(code(answer(node, 'ruleset', { table: 'ip kube-prox', offset: 0, limit: 1 }))).toBe('VIEW-001');
    expect(code(answer(node, 'ruleset', { table: 'ip kube-proxy', chain: 'nope', offset: 0, limit: 1 }))).toBe(
      'VIEW-002',
    );
    expect(code(answer(node, 'rule', { table: 'ip kube-proxy', chain: 'services', handle: 99 }))).toBe('VIEW-004');
  });
  test('one rule with its model', () => {
    expect(ask('rule', { table: 'ip kube-proxy', chain: 'services', handle: 21 })).toMatchObject({
      model: { handle: 21, statements: [{ kind: 'match' }, { kind: 'object' }, { kind: 'drop' }] },
    });
  });
});

describe('elements', () => {
  const page = (more: object) =>
    ask('set', { table: 'ip kube-proxy', name: 'service-ips', offset: 0, limit: 10, descending: false, ...more });
  const keys = (more: object) => page(more).rows.map(({ cells }) => cells[0]);
  test('columns and cells', () => {
    expect(page({}).columns.map(({ id, label }) => `${id} ${label}`)).toEqual([
      'key0 address',
      'key1 protocol',
      'key2 port',
      'verdict verdict',
      'target chain',
    ]);
    expect(page({}).rows[0]).toMatchObject({
      index: 0,
      cells: ['10.96.0.10', 'udp', '53', 'goto', 'service-AAAAAAAA-kube-system/dns/udp/dns'],
      object: { name: 'dns' },
    });
  });
  test('order by value: addresses and numbers, not letters', () => {
    expect(keys({ sort: 'key0' })).toEqual(['10.96.0.9', '10.96.0.10', '10.96.0.100']);
    expect(keys({ sort: 'key2', descending: true })).toEqual(['10.96.0.100', '10.96.0.9', '10.96.0.10']);
    expect(
      code(
        answer(node, 'set', {
          table: 'ip kube-proxy',
          name: 'service-ips',
          offset: 0,
          limit: 1,
          descending: false,
          sort: 'x',
        }),
      ),
    ).toBe('VIEW-007');
  });
  test('filter: words, and words of one column', () => {
    expect(keys({ filter: 'TCP goto' })).toEqual(['10.96.0.9']);
    expect(keys({ filter: 'key2:44' })).toEqual(['10.96.0.100']);
    expect(page({ filter: 'tcp', limit: 1 })).toMatchObject({ matched: 2, total: 3, rows: [{ index: 1 }] });
  });
  test('comments make a column', () => {
    const view = ask('set', { table: 'ip kube-proxy', name: 'blocked', offset: 0, limit: 10, descending: false });
    expect(view.columns.map(({ id }) => id)).toEqual(['key0', 'comment']);
    expect(view.rows.map(({ cells }) => cells)).toEqual([
      ['192.0.2.0/24', null],
      ['198.51.100.7', 'one'],
    ]);
  });
});

describe('look-up', () => {
  const hit = (name: string, key: string) => ask('lookup', { table: 'ip kube-proxy', name, key }).hit?.index ?? null;
  test.each([
    ['service-ips', '10.96.0.10 . udp . 53', 0],
    ['service-ips', '10.96.0.10 . tcp . 53', null],
    ['blocked', '192.0.2.77', 0],
    ['blocked', '192.0.3.1', null],
  ])('%s: %s', (name, key, want) => expect(hit(name, key)).toBe(want));

  test.each([
    ['service-ips', '10.96.0.10', 'VIEW-005'],
    ['service-ips', '10.96.0.10 . x . 53', 'VIEW-005'],
    ['blocked', 'fd00::1', 'VIEW-005'],
    ['nope', '1', 'VIEW-003'],
  ])('%s: %s is %s', (name, key, want) =>
    expect(code(answer(node, 'lookup', { table: 'ip kube-proxy', name, key }))).toBe(want),
  );
});

test('search goes through the rules and elements of the node', () => {
  expect(ask('search', { q: 'ip:192.0.2.5', limit: 10 }).matches).toMatchObject([
    { kind: 'element', name: 'blocked', found: ['192.0.2.0/24'] },
  ]);
});

describe('a node whose ruleset is not known is not empty', () => {
  const failure = { command: 'nft -j list ruleset', exitStatus: 139, stderr: '' };
  const input = { node: 'n', cluster: new Map(), capturedAt: undefined, version: 'v' };
  test.each([
    {
      name: 'crashed',
      files: new Map([['nft.json', { kind: 'failed', failure } as const]]),
      want: 'SRC-012',
      says: /^The ruleset is not known: the node is unreadable: nft -j list ruleset crashed \(exit status 139, signal 11\)\.$/,
    },
    {
      name: 'not read',
      files: new Map(),
      want: 'SRC-013',
      says: /^The ruleset is not known: the ruleset of this node was not read: nothing is known about its rules\.$/,
    },
    {
      name: 'an empty file',
      files: new Map([['nft.json', { kind: 'read', content: new Uint8Array() } as const]]),
      want: 'NFT-JSON-001',
      says: /^The ruleset is not known: .*[^.]\.$/,
    },
  ])('$name', ({ files, want, says }) => {
    const opened = openNode({ ...input, files });
    expect(code(answer(opened, 'overview', {}))).toBe(want);
    expect(code(answer(opened, 'set', { table: 'a', name: 'b', offset: 0, limit: 1, descending: false }))).toBe(want);
    expect(answer(opened, 'names', {}).ok).toBe(true);
    const packet = { iif: 'eth0', saddr: '10.0.0.1', daddr: '10.0.0.2', protocol: 'tcp', dport: 80 };
    const traced = answer(opened, 'trace', { packet });
    const outcome = traced.ok ? traced.value.trace.branches[0]?.outcome : undefined;
    expect(outcome?.kind === 'undecided' && outcome.reasons[0]?.say).toMatch(says);
  });
});
