import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  buildHookMap,
  type HookMap,
  hookPlace,
  isOnMap,
  MAP_FAMILIES,
  type MapChain,
  priorityName,
  sequenceOf,
} from './hook-map';
import { layoutHookMap } from './hook-map-layout';

let order = 0;
const chain = (owner: string, name: string, hook: string, prio: number, rest: Partial<MapChain> = {}): MapChain => ({
  family: 'ip',
  table: owner,
  chain: name,
  type: 'filter',
  hook,
  prio,
  policy: 'accept',
  owner: { key: owner, name: owner },
  empty: false,
  ends: [],
  order: order++,
  ...rest,
});

const runOrder = (map: HookMap<MapChain>, hook: string): readonly string[] =>
  (map.columns.find((c) => c.hook === hook)?.cells ?? []).toSorted((a, b) => a.run - b.run).map((c) => c.chain.chain);

describe('run order', () => {
  test('lower priority first; at equal priority the chain registered last', () => {
    const chains = [
      chain('a', 'x', 'prerouting', 0),
      chain('a', 'y', 'prerouting', 0),
      chain('b', 'late', 'prerouting', 10),
      chain('b', 'early', 'prerouting', -300),
      chain('c', 'z', 'prerouting', 0, { family: 'inet' }),
    ];
    expect(runOrder(buildHookMap(chains, 'ip'), 'prerouting')).toEqual(['early', 'z', 'y', 'x', 'late']);
  });

  test('nat chains run from one place, whatever their own priority', () => {
    const nat = { type: 'nat' };
    const chains = [
      chain('a', 'nat at 10', 'prerouting', 10, nat),
      chain('a', 'nat at -150', 'prerouting', -150, nat),
      chain('a', 'filter at -120', 'prerouting', -120),
      chain('a', 'filter at -99', 'prerouting', -99),
      chain('a', 'filter at -101', 'prerouting', -101),
    ];
    const map = buildHookMap(chains, 'ip');
    expect(runOrder(map, 'prerouting')).toEqual([
      'filter at -120',
      'filter at -101',
      'nat at -150',
      'nat at 10',
      'filter at -99',
    ]);
    expect(map.columns.find((c) => c.hook === 'prerouting')?.natAt).toBe(-100);
    // Drawn by their own priority all the same.
    expect(map.columns.find((c) => c.hook === 'prerouting')?.cells.map((c) => c.chain.prio)).toEqual([
      -150, -120, -101, -99, 10,
    ]);
  });

  test('sources are translated at 100, at input too', () => {
    const map = buildHookMap([chain('a', 'n', 'input', 5, { type: 'nat' })], 'ip');
    expect(map.columns.find((c) => c.hook === 'input')).toMatchObject({ natAt: 100, cells: [{ runsAt: 100 }] });
  });

  test.each([
    [
      'declared after the nat chain: filter first',
      [
        ['n', true],
        ['f', false],
      ],
      ['f', 'n'],
    ],
    [
      'declared before it: nat first',
      [
        ['f', false],
        ['n', true],
      ],
      ['n', 'f'],
    ],
    // The places of all hooks are registered with the first nat chain of the family.
    [
      'a nat chain at postrouting before both: filter first',
      [
        ['p', 'post'],
        ['f', false],
        ['n', true],
      ],
      ['f', 'n'],
    ],
  ] as const)('a filter chain at exactly -100, %s', (_name, spec, want) => {
    const chains = spec.map(([name, kind]) =>
      kind === 'post'
        ? chain('a', name, 'postrouting', 100, { type: 'nat' })
        : chain('a', name, 'prerouting', -100, kind ? { type: 'nat' } : {}),
    );
    expect(runOrder(buildHookMap(chains, 'ip'), 'prerouting')).toEqual(want);
  });

  test('nat is an ordinary type in the bridge family', () => {
    const map = buildHookMap([chain('a', 'b', 'prerouting', -300, { family: 'bridge', type: 'nat' })], 'bridge');
    expect(map.columns[0]).toMatchObject({ natAt: null, cells: [{ nat: false, runsAt: -300 }] });
  });
});

describe('which map shows a chain', () => {
  test.each([
    ['ip', 'prerouting', ['ip']],
    ['ip6', 'prerouting', ['ip6']],
    ['inet', 'forward', ['ip', 'ip6']],
    ['inet', 'ingress', ['ip', 'ip6', 'netdev']],
    ['netdev', 'ingress', ['ip', 'ip6', 'netdev']],
    ['netdev', 'egress', ['ip', 'ip6', 'netdev']],
    ['bridge', 'forward', ['bridge']],
    ['arp', 'input', ['arp']],
    ['ip', 'no-such-hook', []],
  ] as const)('%s %s', (family, hook, want) => {
    const c = chain('a', 'c', hook, 0, { family });
    expect(MAP_FAMILIES.filter((f) => isOnMap(c, f))).toEqual(want);
  });
});

describe('priorityName', () => {
  test.each([
    [-100, 'ip', 'dstnat'],
    [-110, 'ip', 'dstnat - 10'],
    [-111, 'ip', ''],
    [-140, 'ip', 'mangle + 10'],
    [10, 'ip6', 'filter + 10'],
    [-300, 'ip', 'raw'],
    [-300, 'bridge', 'dstnat'],
    [-200, 'bridge', 'filter'],
    [100, 'bridge', 'out'],
    [0, 'netdev', 'filter'],
    [100, 'arp', ''],
  ] as const)('%d in %s', (prio, family, want) => {
    expect(priorityName(prio, family)).toBe(want);
  });
});

describe('rows', () => {
  test('one scale: priorities in use, named ones, the places of the kernel, then last', () => {
    const map = buildHookMap([chain('a', 'x', 'forward', 7)], 'ip');
    expect(map.rows.map((r) => r.prio)).toEqual([-400, -300, -200, -150, -100, 0, 7, 50, 100, null]);
  });
  test('ARP has no conntrack', () => {
    expect(buildHookMap([], 'arp').rows.map((r) => r.prio)).toEqual([0]);
  });
});

test.each([
  ['prerouting', 'ip', 'next the route decides: forward, or input for this node'],
  ['prerouting', 'bridge', 'next the bridge decides: forward, or input for this node'],
  ['input', 'ip6', 'next a process of this node'],
  ['output', 'arp', 'from the ARP of this node; next out by an interface'],
  ['ingress', 'netdev', 'a packet comes in by an interface; next the stack of this node'],
] as const)('the place of %s in %s, in words', (hook, family, want) => {
  expect(hookPlace(hook, family)).toBe(want);
});

test('sequenceOf: chains and the kernel in one order', () => {
  const map = buildHookMap(
    [
      chain('a', 'raw', 'prerouting', -300),
      chain('a', 'filter', 'prerouting', -150),
      chain('a', 'nat', 'prerouting', -250, { type: 'nat' }),
    ],
    'ip',
  );
  const column = map.columns.find((c) => c.hook === 'prerouting');
  expect(
    column === undefined ? [] : sequenceOf(column).map((m) => (m.kind === 'chain' ? m.cell.chain.chain : m.place.kind)),
  ).toEqual(['defragment', 'raw', 'conntrack', 'filter', 'nat']);
});

describe('ties', () => {
  test('different owners at one hook and priority, in run order', () => {
    const nat = { type: 'nat' };
    const chains = [
      chain('docker', 'PREROUTING', 'prerouting', -100, nat),
      chain('kube-proxy', 'nat-prerouting', 'prerouting', -100, nat),
      chain('edge-lb', 'pre', 'prerouting', -100, nat),
    ];
    expect(buildHookMap(chains, 'ip').ties.map((t) => t.cells.map((c) => c.chain.chain))).toEqual([
      ['pre', 'nat-prerouting', 'PREROUTING'],
    ]);
  });
  test.each([
    ['one owner', [chain('a', 'x', 'input', 0), chain('a', 'y', 'input', 0)]],
    ['an empty chain with policy accept', [chain('a', 'x', 'input', 0), chain('b', 'y', 'input', 0, { empty: true })]],
    ['another priority', [chain('a', 'x', 'input', 0), chain('b', 'y', 'input', 1)]],
    ['nat beside filter', [chain('a', 'x', 'input', 100), chain('b', 'y', 'input', 100, { type: 'nat' })]],
  ])('not a tie: %s', (_name, chains) => {
    expect(buildHookMap(chains, 'ip').ties).toEqual([]);
  });
});

describe('later drops', () => {
  const drops = (chains: readonly MapChain[]) =>
    buildHookMap(chains, 'ip').laterDrops.map((d) => [d.first.chain.chain, d.then.chain.chain]);

  test('a policy of drop behind a chain of another owner', () => {
    const docker = chain('docker', 'FORWARD', 'forward', 0, { policy: 'drop' });
    const proxy = chain('kube-proxy', 'filter-forward', 'forward', 0);
    expect(drops([docker, proxy])).toEqual([['filter-forward', 'FORWARD']]);
    // Their tie is said by the drop.
    expect(buildHookMap([docker, proxy], 'ip').ties).toEqual([]);
  });
  test('not where it runs first: registered last', () => {
    const proxy = chain('kube-proxy', 'filter-forward', 'forward', 0);
    const docker = chain('docker', 'FORWARD', 'forward', 0, { policy: 'drop' });
    expect(drops([proxy, docker])).toEqual([]);
  });
  test('not behind an empty chain, nor behind its own', () => {
    const own = chain('a', 'x', 'forward', -1);
    const empty = chain('b', 'y', 'forward', -1, { empty: true });
    expect(drops([own, empty, chain('a', 'z', 'forward', 0, { policy: 'drop' })])).toEqual([]);
  });
});

// ------------------------------------------------------------------------------------------------------- layout

const arbitraryChain = fc.record({
  owner: fc.constantFrom('a', 'b', 'c'),
  hook: fc.constantFrom('ingress', 'prerouting', 'forward', 'input', 'output', 'postrouting', 'egress'),
  prio: fc.constantFrom(-300, -200, -110, -100, 0, 0, 10, 100),
  type: fc.constantFrom('filter', 'nat'),
  policy: fc.constantFrom('accept' as const, 'drop' as const),
  length: fc.integer({ min: 1, max: 40 }),
});

describe('layoutHookMap', () => {
  const layout = (chains: readonly MapChain[], width = 1400) =>
    layoutHookMap(buildHookMap(chains, 'ip'), { width, wordOf: (cell) => (cell.chain.empty ? 'empty' : '') });

  test('no two cells overlap, all lie in their column and row', () => {
    fc.assert(
      fc.property(fc.array(arbitraryChain, { maxLength: 25 }), fc.integer({ min: 300, max: 2400 }), (specs, width) => {
        const chains = specs.map((s, i) =>
          chain(s.owner, 'x'.repeat(s.length), s.hook, s.prio, { type: s.type, policy: s.policy, table: `t${i}` }),
        );
        const { cells, columns, rows } = layout(chains, width);
        expect(cells).toHaveLength(chains.length);
        for (const a of cells) {
          const column = columns.find((c) => c.hook === a.hook);
          const row = rows.find((r) => r.prio === a.cell.chain.prio);
          expect(column !== undefined && a.x >= column.x && a.x + a.width <= column.x + column.width).toBe(true);
          expect(row !== undefined && a.y >= row.y && a.y + a.height <= row.y + row.height).toBe(true);
          for (const b of cells) {
            if (a === b) continue;
            const apart =
              a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
            expect(apart).toBe(true);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  test('columns stand in the order of the way and do not overlap', () => {
    const { columns, width } = layout([]);
    expect(columns.map((c) => c.hook)).toEqual(['prerouting', 'forward', 'input', 'output', 'postrouting']);
    columns.forEach((c, i) => {
      const next = columns[i + 1];
      expect(c.x + c.width).toBeLessThan(next?.x ?? width);
    });
  });

  test('hooks on devices are columns only where a chain is registered, else marks on the way', () => {
    expect(
      layout([])
        .way.nodes.filter((n) => n.bare)
        .map((n) => n.hook),
    ).toContain('egress');
    const { columns, way } = layout([chain('a', 'x', 'ingress', 0, { family: 'netdev' })]);
    expect(columns[0]?.hook).toBe('ingress');
    expect(way.nodes.find((n) => n.hook === 'ingress')?.bare).toBe(false);
  });

  test('the bracket spans the nat chains of its hook', () => {
    const { brackets, cells } = layout([
      chain('a', 'n1', 'prerouting', -100, { type: 'nat' }),
      chain('b', 'n2', 'prerouting', -90, { type: 'nat' }),
      chain('c', 'f', 'prerouting', 50),
    ]);
    const nat = cells.filter((c) => c.cell.nat);
    expect(brackets).toEqual([
      expect.objectContaining({
        natAt: -100,
        y1: Math.min(...nat.map((c) => c.y)),
        y2: Math.max(...nat.map((c) => c.y + c.height)),
      }),
    ]);
  });

  test('straight ways for ARP and devices', () => {
    for (const family of ['arp', 'netdev'] as const) {
      const { way } = layoutHookMap(buildHookMap([], family), { width: 900, wordOf: () => '' });
      expect([way.branch, way.decision, way.nodes.length]).toEqual([[], null, 2]);
    }
  });
});
