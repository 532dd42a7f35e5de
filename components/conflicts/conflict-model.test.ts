import { describe, expect, test } from 'vitest';
import type { End, HookChain } from '@/lib/conflicts/conflict';
import {
  doesWords,
  endLines,
  type Family,
  hookSections,
  lastWord,
  ordersOf,
  type ShownConflict,
} from './conflict-model';

const chain = (name: string, hook: string, does: HookChain['does'] = []): HookChain => ({
  family: 'ip',
  table: 't',
  chain: name,
  handle: 1,
  type: 'filter',
  hook: hook as HookChain['hook'],
  prio: 0,
  owner: 'docker',
  tie: false,
  does,
});
const conflict = (name: string, from: string, to: string, families: ShownConflict['families']): ShownConflict => ({
  kind: 'before-nat',
  families,
  first: chain(name, from),
  second: chain(name, to),
  tie: false,
  differs: 'delivered',
  witness: { packet: { family: 'ip' }, now: [], otherwise: [] },
  rules: [],
  say: '',
  link: '',
});

describe('conflicts by hook', () => {
  const view = {
    conflicts: [
      conflict('late', 'postrouting', 'postrouting', ['ip']),
      conflict('both', 'prerouting', 'forward', ['ip', 'ip6']),
      conflict('six', 'prerouting', 'prerouting', ['ip6']),
      conflict('wire', 'ingress', 'ingress', ['ip']),
    ],
    meetings: [
      { hook: 'input', family: 'ip', chains: [] } as const,
      { hook: 'egress', family: 'netdev', device: 'eth0', chains: [] } as const,
    ],
  };
  const names = (family: Family | null) =>
    hookSections(view, family).map(
      ({ hook, conflicts, meetings }) =>
        `${hook}: ${conflicts.map(({ first }) => first.chain).join(' ')} ${meetings.length}`,
    );
  test('in the order of the way; of two hooks at the one where the second runs', () => {
    expect(names(null)).toEqual([
      'ingress: wire 0',
      'prerouting: six 0',
      'input:  1',
      'forward: both 0',
      'postrouting: late 0',
      'egress:  1',
    ]);
  });
  test('of one family only', () => {
    expect(names('ip')).toEqual(['ingress: wire 0', 'input:  1', 'forward: both 0', 'postrouting: late 0']);
    expect(names('ip6')).toEqual(['prerouting: six 0', 'forward: both 0']);
    expect(names('link')).toEqual(['ingress: wire 0', 'egress:  1']);
  });
  test('nothing', () => {
    expect(hookSections({ conflicts: [], meetings: [] }, null)).toEqual([]);
  });
});

test.each([
  ['the last that drops', [chain('a', 'input', ['drop']), chain('b', 'input', ['write', 'drop'])], 'b'],
  ['a later one that only looks on has it not', [chain('a', 'input', ['drop']), chain('b', 'input')], 'a'],
  ['a later one that translates has it not', [chain('a', 'input', ['drop']), chain('b', 'input', ['nat'])], 'a'],
  ['nobody drops', [chain('a', 'input', ['nat']), chain('b', 'input')], undefined],
])('the last word: %s', (_name, chains, wanted) => {
  expect(lastWord(chains)?.chain).toBe(wanted);
});

test('what a chain does, in words', () => {
  expect([doesWords([]), doesWords(['nat', 'write']), doesWords(['drop'])]).toEqual([
    'only looks on',
    'translates, writes',
    'drops',
  ]);
});

describe('what becomes of the witness', () => {
  const end = (more: Partial<End>): End => ({
    probability: 1,
    result: 'delivered',
    daddr: '10.244.1.3',
    dport: 8443,
    saddr: '10.240.0.13',
    ...more,
  });
  test('one end has no share; several have', () => {
    expect(endLines([end({})])).toEqual([
      { share: null, arrives: true, say: 'delivered to 10.244.1.3:8443, from 10.240.0.13' },
    ]);
    const both = [end({ probability: 1 / 3, daddr: 'fd00::3' }), end({ probability: 2 / 3, result: 'not-delivered' })];
    expect(endLines(both)).toEqual([
      { share: '1/3', arrives: true, say: 'delivered to [fd00::3]:8443, from 10.240.0.13' },
      { share: '2/3', arrives: false, say: 'not delivered' },
    ]);
  });
  test('what runs when', () => {
    const tie = conflict('pre', 'prerouting', 'prerouting', ['ip']);
    const other = { ...tie, second: { ...tie.second, table: 'kube-proxy', chain: 'nat' } };
    expect(ordersOf(other)).toEqual({ now: 't pre, then kube-proxy nat', otherwise: 'kube-proxy nat, then t pre' });
    expect(ordersOf({ ...other, kind: 'accept-overruled' }).otherwise).toBe('t pre alone');
    expect(ordersOf({ ...other, kind: 'mark-bits' }).otherwise).toBe('if each had bits of its own');
  });
});
