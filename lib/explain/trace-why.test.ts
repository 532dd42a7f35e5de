import { describe, expect, test } from 'vitest';
import type { WhyNot } from '../sim/trace';
import { fixtureBranch } from './testing/traces';
import { foldWords, whyNot } from './trace-why';
import { wordsText } from './words';

test.each<{ why: WhyNot; says: string }>([
  {
    why: { kind: 'value', field: 'ip saddr', saw: '10.244.1.3', op: '!=', wanted: '10.244.0.0/16' },
    says: 'ip saddr 10.244.1.3 is in 10.244.0.0/16, so != fails.',
  },
  {
    why: { kind: 'value', field: 'ip protocol', saw: 'tcp', op: '!=', wanted: 'tcp' },
    says: 'ip protocol is tcp, so != fails.',
  },
  {
    why: { kind: 'value', field: 'ct state', saw: 'new', op: 'in', wanted: 'established,related' },
    says: 'ct state new is not in established,related.',
  },
  {
    why: { kind: 'value', field: 'iifname', saw: '"eth0"', op: '==', wanted: '"veth-a"' },
    says: 'iifname is "eth0", not "veth-a".',
  },
  {
    why: { kind: 'value', field: 'meta length', saw: '40', op: '>', wanted: '1400' },
    says: 'meta length is 40, not > 1400.',
  },
  {
    why: { kind: 'value', field: 'tcp flags', saw: 'syn', op: '!', wanted: 'syn,ack' },
    says: 'tcp flags syn has syn,ack, so ! fails.',
  },
  {
    why: { kind: 'missing', field: 'udp dport', because: 'it is tcp' },
    says: 'this packet has no udp dport: it is tcp.',
  },
  {
    why: { kind: 'miss', set: 'firewall-ips', key: '10.0.0.1 . tcp . 80', size: 1, negated: false },
    says: '10.0.0.1 . tcp . 80 is not in @firewall-ips (1 element).',
  },
  { why: { kind: 'miss', set: 'blocked', key: '10.0.0.1', size: 0, negated: false }, says: '@blocked is empty.' },
  {
    why: { kind: 'miss', set: undefined, key: '22', size: 3, negated: true },
    says: '22 is in the set in the rule, so != fails.',
  },
  {
    why: { kind: 'limited', what: 'limit rate 5/second', say: 'no token is left' },
    says: 'limit rate 5/second says no: no token is left.',
  },
  { why: { kind: 'statement', say: 'no socket listens' }, says: 'no socket listens.' },
])('$says', ({ why, says }) => {
  expect(wordsText(whyNot(why))).toBe(says);
});

describe('foldWords', () => {
  const folds = (fixture: 'delivered' | 'policy-drop') =>
    fixtureBranch(fixture).leg.groups.flatMap((group) =>
      group.rows.flatMap((row) => (row.kind === 'passed' ? wordsText(foldWords(row.fold)) : [])),
    );
  test('one rule of a called chain says why at once', () => {
    expect(folds('delivered')).toEqual([
      'firewall-check: 10.99.151.112 . tcp . 80 is not in @firewall-ips (1 element); chain ends, policy accept',
      '1 rule passed over',
      'service-endpoints-check: 10.244.1.4 . tcp . 8080 is not in @no-endpoint-services (4 elements); chain ends',
      '2 rules passed over; chain ends, policy accept',
      '2 rules passed over',
      '2 rules passed over; chain ends, no translation',
    ]);
  });
});
