import { describe, expect, test } from 'vitest';
import { trace } from './index';
import { accept, dport, drop, match, outcome, SYN, type XtCase, xt, xtWorld } from './testing/xt-world';

const mark = (value: number) => match({ meta: { key: 'mark' } }, value);

describe('with and without iptables-save', () => {
  const rows: readonly (XtCase & { readonly name: string; readonly want: string })[] = [
    { name: 'a match without parameters', rules: [[xt('conntrack'), drop]], want: 'undecided xt-match-unknown' },
    { name: 'a comment needs none', rules: [[xt('comment'), drop]], want: 'dropped' },
    { name: 'a later match says no', rules: [[xt('conntrack'), dport(81), drop]], want: 'transmitted' },
    { name: 'a later match says yes', rules: [[xt('conntrack'), dport(80), drop]], want: 'undecided xt-match-unknown' },
    {
      name: 'a rule that only counts',
      rules: [[xt('set'), { counter: { packets: 0, bytes: 0 } }]],
      want: 'transmitted',
    },
    { name: 'a rule that only tells', rules: [[xt('set'), xt('LOG', 'target')]], want: 'transmitted' },
    { name: 'LOG goes on', rules: [[xt('LOG', 'target')], [drop]], want: 'dropped' },
    { name: 'REJECT without parameters', rules: [[xt('REJECT', 'target')]], want: 'undecided xt-target-unknown' },
    { name: 'MARK goes on', rules: [[xt('MARK', 'target')]], want: 'transmitted' },
    {
      name: 'a mark set by MARK is asked for',
      rules: [[xt('MARK', 'target')], [mark(1), drop]],
      want: 'undecided xt-mark-unknown',
    },
    {
      name: 'a mark set again is known',
      rules: [[xt('MARK', 'target')], [{ mangle: { key: { meta: { key: 'mark' } }, value: 1 } }], [mark(1), drop]],
      want: 'dropped',
    },
    {
      name: 'a mark computed from an unknown one',
      rules: [
        [xt('MARK', 'target')],
        [{ mangle: { key: { meta: { key: 'mark' } }, value: { '|': [{ meta: { key: 'mark' } }, 1] } } }],
        [mark(1), drop],
      ],
      want: 'undecided xt-mark-unknown',
    },
    {
      name: 'CONNMARK makes both marks unknown',
      rules: [[xt('CONNMARK', 'target')], [match({ ct: { key: 'mark' } }, 1), drop]],
      want: 'undecided xt-mark-unknown',
    },
    { name: 'paired', rules: [[xt('conntrack'), drop]], save: ['-m conntrack --ctstate NEW -j DROP'], want: 'dropped' },
    { name: 'another count', rules: [[xt('conntrack'), drop]], save: [], want: 'undecided xt-unpaired' },
    {
      name: 'another verdict',
      rules: [[xt('conntrack'), drop]],
      save: ['-m conntrack --ctstate NEW -j ACCEPT'],
      want: 'undecided xt-unpaired',
    },
    {
      name: 'another match',
      rules: [[xt('conntrack'), drop]],
      save: ['-m owner --uid-owner 1 -j DROP'],
      want: 'undecided xt-unpaired',
    },
    {
      name: 'another address',
      rules: [[match({ payload: { protocol: 'ip', field: 'daddr' } }, '10.2.0.2'), xt('conntrack'), drop]],
      save: ['-d 10.2.0.3/32 -m conntrack --ctstate NEW -j DROP'],
      want: 'undecided xt-unpaired',
    },
    {
      name: 'a line that is none',
      rules: [[xt('conntrack'), drop]],
      save: ['conntrack'],
      want: 'undecided xt-unpaired',
    },
    {
      name: 'an option that only the line has',
      rules: [[xt('conntrack'), drop]],
      save: ['-i eth1 -m conntrack --ctstate NEW -j DROP'],
      want: 'transmitted',
    },
    {
      name: 'a module nobody modelled',
      rules: [[xt('ecn'), drop]],
      save: ['-m ecn --ecn-tcp-cwr -j DROP'],
      want: 'undecided xt-match-unmodelled',
    },
    {
      name: 'a target nobody modelled',
      rules: [[xt('HMARK', 'target')]],
      save: ['-j HMARK --hmark-mod 2'],
      want: 'undecided xt-target-unmodelled',
    },
    {
      name: 'a shifted port range',
      table: 'nat',
      hook: 'prerouting',
      rules: [[xt('DNAT', 'target')]],
      save: ['-j DNAT --to-destination 10.2.0.3:80-90/1000'],
      want: 'undecided xt-target-unmodelled',
    },
  ];
  test.each(rows)('$name', ({ name: _, want, ...c }) => {
    expect(outcome(c)).toEqual([want]);
  });
});

describe('an unknown mark and routes', () => {
  const c: XtCase = { table: 'mangle', hook: 'prerouting', rules: [[xt('MARK', 'target')]] };
  test('no routing rule asks for marks', () => expect(outcome(c)).toEqual(['transmitted']));
  test('a routing rule asks for marks', () =>
    expect(outcome({ ...c, rule4: [{ priority: 100, src: 'all', fwmark: '0x1', table: '100' }] })).toEqual([
      'undecided xt-mark-unknown',
    ]));
  test('the step says so', () => {
    const rule = trace(xtWorld(c), SYN).branches[0]?.steps.find((s) => s.kind === 'rule');
    expect(rule).toMatchObject({
      markUnknown: true,
      writes: [{ field: 'meta mark', before: '0x00000000', after: 'unknown' }],
    });
  });
});

test('the statement that says no is the one shown', () => {
  const steps = trace(xtWorld({ rules: [[xt('set'), dport(81), accept]] }), SYN).branches[0]?.steps ?? [];
  expect(steps.find((s) => s.kind === 'passed')).toMatchObject({ statement: 1, why: { kind: 'value', saw: '80' } });
});
