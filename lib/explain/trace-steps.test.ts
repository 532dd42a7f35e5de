import { describe, expect, test } from 'vitest';
import { fixtureBranch } from './testing/traces';
import { traceLegs } from './trace-legs';
import { type Leg, type Move, moveStep, openingStep, type Row } from './trace-steps';

const rowWord = (row: Row): string => {
  if (row.kind === 'step') return `${row.entry.number} ${row.entry.step.kind}`;
  if (row.kind === 'passed') return `(${row.fold.rules.length} in ${row.fold.chain})`;
  return row.kind === 'chain' ? `chain ${row.step.chain}` : row.step.kind;
};
const outline = (leg: Leg) => leg.groups.map((group) => [group.place, ...group.rows.map(rowWord)]);

describe('traceLegs', () => {
  test('numbers matched rules and routing decisions, folds what was passed over', () => {
    const { leg, legs } = fixtureBranch('delivered', 1);
    expect(legs).toHaveLength(1);
    expect(outline(leg)).toEqual([
      [
        'prerouting',
        'conntrack',
        'chain filter-prerouting-pre-dnat',
        '1 rule',
        '(1 in firewall-check)',
        'chain nat-prerouting',
        '2 rule',
        '(1 in services)',
        '3 rule',
        '4 rule',
      ],
      ['routing', '5 route'],
      [
        'forward',
        'chain filter-forward',
        '6 rule',
        '(1 in service-endpoints-check)',
        '7 rule',
        '(2 in cluster-ips-check)',
      ],
      [
        'postrouting',
        'chain postrouting',
        '(2 in postrouting)',
        '8 rule',
        'chain nat-postrouting',
        '9 rule',
        '(2 in masquerading)',
        'transmit',
      ],
    ]);
    expect(leg.passed).toBe(9);
  });

  test("a called chain's fold takes the caller's policy", () => {
    const { leg } = fixtureBranch('delivered', 1);
    const folds = leg.groups.flatMap((group) => group.rows.flatMap((row) => (row.kind === 'passed' ? row.fold : [])));
    expect(folds[0]).toMatchObject({ chain: 'firewall-check', ended: true, policy: 'accept', untranslated: false });
    expect(folds[1]).toMatchObject({ chain: 'services', ended: false, policy: undefined });
    expect(folds.at(-1)).toMatchObject({ chain: 'masquerading', policy: 'accept', untranslated: true });
  });

  test('a translation belongs to the rule that bound it', () => {
    const { leg } = fixtureBranch('delivered', 1);
    expect(leg.steps[3]?.nat?.manip).toBe('dst');
    expect(leg.steps[3]?.writes).toEqual([
      { field: 'ip daddr', before: '10.99.151.112', after: '10.244.2.4' },
      { field: 'th dport', before: '80', after: '8080' },
    ]);
  });

  test('a translation by an entry of the connection table stands by itself', () => {
    const { branch } = fixtureBranch('delivered', 1);
    const steps = branch.steps.map((step) => (step.kind === 'nat' ? { ...step, by: 'entry' as const } : step));
    const { groups } = traceLegsOf({ ...branch, steps });
    expect(groups[0]?.rows.some((row) => row.kind === 'note' && row.step.kind === 'nat')).toBe(true);
  });

  test('a packet the kernel made is a leg of its own', () => {
    const { legs } = fixtureBranch('rejected');
    expect(legs.map((leg) => [leg.skb, leg.steps.length, leg.generated?.what])).toEqual([
      [0, 6, undefined],
      [1, 0, 'ICMP 3/3'],
    ]);
  });

  test.each([
    { fixture: 'rejected', number: 6, kind: 'rule', ends: 'lost' },
    { fixture: 'policy-drop', number: 3, kind: 'policy', ends: 'lost' },
    { fixture: 'undecided', number: 3, kind: 'undecided', ends: 'undecided' },
  ] as const)('$fixture ends at step $number', ({ fixture, number, kind, ends }) => {
    const { leg } = fixtureBranch(fixture);
    expect(leg.steps.at(-1)).toMatchObject({ number, step: { kind }, ends });
    const rows = leg.groups.flatMap((group) => group.rows.flatMap((row) => (row.kind === 'step' ? row.entry : [])));
    expect(rows).toEqual(leg.steps);
  });
});

test.each([
  { fixture: 'delivered', opens: 4 },
  { fixture: 'rejected', opens: 6 },
  { fixture: 'undecided', opens: 3 },
  { fixture: 'policy-drop', opens: 3 },
] as const)('$fixture opens at step $opens', ({ fixture, opens }) => {
  expect(openingStep(fixtureBranch(fixture).leg)).toBe(opens);
});

describe('moveStep on the delivered packet', () => {
  const { leg } = fixtureBranch('delivered', 1);
  test.each<{ from: number; move: Move; to: number }>([
    { from: 1, move: 'back', to: 1 },
    { from: 4, move: 'back', to: 3 },
    { from: 4, move: 'step', to: 5 },
    { from: 9, move: 'step', to: 9 },
    // jump services: its chains are passed, and the nat hook ends
    { from: 2, move: 'over', to: 5 },
    { from: 6, move: 'over', to: 7 },
    { from: 3, move: 'out', to: 5 },
    { from: 6, move: 'out', to: 8 },
    { from: 1, move: 'change', to: 4 },
    { from: 4, move: 'change', to: 4 },
    { from: 1, move: 'verdict', to: 9 },
  ])('$move from $from leads to $to', ({ from, move, to }) => {
    expect(moveStep(leg, from, move)).toBe(to);
  });
});

function traceLegsOf(branch: Parameters<typeof traceLegs>[0]): Leg {
  const [leg] = traceLegs(branch);
  if (!leg) throw new Error('no leg');
  return leg;
}
