import { expect, test } from 'vitest';
import { decodeRuleset } from '../decode/decode-ruleset';
import type { PacketView } from '../net/packet-view';
import type { Step, Trace } from '../sim/trace';
import { imaginedFields } from './imagined-fields';

const payload = (protocol: string, field: string) => ({ payload: { protocol, field } });
const match = (left: unknown, right: unknown = 1) => ({ match: { op: '==', left, right } });

const RULES: readonly (readonly unknown[])[] = [
  [match(payload('tcp', 'dport')), match(payload('ip', 'saddr'), '10.0.0.1')],
  [match(payload('tcp', 'sport'))],
  [match(payload('ip', 'ttl')), match(payload('tcp', 'window'))],
  [match({ meta: { key: 'length' } })],
  [match({ 'tcp option': { name: 'maxseg', field: 'size' } })],
  [match(payload('udp', 'length'))],
  [match({ concat: [payload('ip', 'saddr'), payload('th', 'sport')] }, { set: [] })],
];

const listing = {
  nftables: [
    { metainfo: { version: '1.0.9', json_schema_version: 1 } },
    { table: { family: 'ip', name: 't', handle: 1 } },
    { chain: { family: 'ip', table: 't', name: 'c', handle: 2 } },
    ...RULES.map((expr, i) => ({ rule: { family: 'ip', table: 't', chain: 'c', handle: 10 + i, expr } })),
  ],
};

const packet: PacketView = {
  family: 'ip',
  saddr: '10.0.0.1',
  daddr: '10.0.0.2',
  ttl: 64,
  length: 40,
  protocol: 'tcp',
  sport: 40000,
  dport: 80,
};

/** The packet met one rule; `statement` is the one that failed. */
function assumed(index: number, statement: number | undefined, given: readonly string[] = [], skb = 0) {
  const at = { family: 'ip', table: 't', chain: 'c', handle: 10 + index, index };
  const step = { kind: statement === undefined ? 'rule' : 'passed', skb, at, statement };
  const trace = { packet, branches: [{ steps: [step as unknown as Step] }] } as unknown as Trace;
  const ruleset = decodeRuleset(listing);
  if (!ruleset.ok) throw new Error(ruleset.problem.say);
  return imaginedFields(trace, ruleset.value, new Set(given))[0]?.map(({ say }) => say.replace(/^A rule reads /, ''));
}

const sport = 'tcp sport, which the question does not give: it is taken to be 40000.';
const ttl = 'ip ttl, which the question does not give: it is taken to be 64.';
test.each([
  { name: 'what the question gives is no assumption', index: 0, said: [] },
  { name: 'the source port', index: 1, said: [sport] },
  { name: 'a source port that was given', index: 1, given: ['sport'], said: [] },
  { name: 'the whole packet was given', index: 1, given: ['hex'], said: [] },
  { name: 'a rule that another packet met', index: 1, skb: 1, said: [] },
  {
    name: 'all of a rule that matched',
    index: 2,
    said: [ttl, 'tcp window, which the question does not give: it is taken to be that of a plain packet.'],
  },
  { name: 'a rule that failed, up to where it did', index: 2, statement: 0, said: [ttl] },
  { name: 'the length', index: 3, said: ['meta length, which the question does not give: it is taken to be 40.'] },
  {
    name: 'options',
    index: 4,
    said: ['tcp option, which the question does not give: the packet is taken to have none.'],
  },
  { name: 'a field of another protocol', index: 5, statement: 0, said: [] },
  {
    name: 'part of a key',
    index: 6,
    statement: 0,
    said: ['th sport, which the question does not give: it is taken to be 40000.'],
  },
])('$name', ({ index, statement, given, skb, said }) => {
  expect(assumed(index, statement, given, skb)).toEqual(said);
});
