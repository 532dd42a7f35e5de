import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { decodeRuleset } from '../lib/decode/decode-ruleset';
import { prepare } from '../lib/sim/environment';
import { initialState, traceFrom } from '../lib/sim/index';
import { decodeEnvironment } from '../lib/world/decode-environment';

const fixture = JSON.parse(readFileSync(new URL('fixtures/lab-regressions.json', import.meta.url), 'utf8'));

/** What an IPv6 packet to all nodes meets: a prerouting chain with these statements. */
function outcome(...statements: readonly unknown[]) {
  const environment = decodeEnvironment(fixture.environments.base);
  const ruleset = decodeRuleset({
    nftables: [
      { metainfo: { version: '1.0.6', json_schema_version: 1 } },
      { table: { family: 'ip6', name: 't', handle: 1 } },
      {
        chain: {
          family: 'ip6',
          table: 't',
          name: 'c',
          handle: 2,
          type: 'filter',
          hook: 'prerouting',
          prio: 0,
          policy: 'accept',
        },
      },
      { rule: { family: 'ip6', table: 't', chain: 'c', handle: 3, expr: statements } },
    ],
  });
  if (!environment.ok || !ruleset.ok) throw new Error('the fixture does not decode');
  const prepared = prepare({ ...environment.value, ruleset: { known: true, value: ruleset.value } });
  const packet = {
    iif: 'eth0',
    family: 'ip6',
    saddr: 'fd00:1::2',
    daddr: 'ff02::1',
    protocol: 'udp',
    sport: 1,
    dport: 2,
    l2: { dst: '33:33:00:00:00:01' },
  } as const;
  return traceFrom(prepared, packet, initialState(prepared)).trace.branches[0]?.outcome;
}

test('a packet that is not copied is delivered', () => {
  expect(outcome({ counter: { packets: 0, bytes: 0 } })).toMatchObject({ kind: 'decided' });
});

test('copies that are copied again end in undecided', () => {
  const copies = [{ dup: { addr: 'fd00:2::2' } }, { dup: { addr: 'fd00:3::3' } }];
  expect(outcome(...copies)).toMatchObject({ kind: 'undecided', reasons: [{ code: 'packet-storm' }] });
});

test('copies of copies that chance marks are given up before thousands of ways are kept', () => {
  const mark = { mangle: { key: { meta: { key: 'mark' } }, value: { numgen: { mode: 'random', mod: 2, offset: 0 } } } };
  const copies = [{ dup: { addr: 'fd00:2::2' } }, { dup: { addr: 'fd00:3::3' } }];
  expect(outcome(mark, ...copies)).toMatchObject({
    kind: 'undecided',
    reasons: [{ code: 'too-many-branches', say: 'Chance opens more than 100 ways.' }],
  });
});
