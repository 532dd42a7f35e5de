import { expect, test } from 'vitest';
import { decodeRuleset } from '../decode/decode-ruleset';
import { supplementFromText } from '../decode/supplement';
import type { Ruleset } from '../nft/model';
import type { World } from '../world/world';
import { trace } from './index';
import { accept, drop, SYN, xtWorld } from './testing/xt-world';

const EMPTY = xtWorld({ rules: [] });
const CHAIN = { family: 'ip', table: 't', name: 'c', handle: 1, type: 'filter', hook: 'forward', prio: 0 };
const NAT = { ...CHAIN, type: 'nat', hook: 'prerouting', prio: -100 };
const TEXT = (flag: string) =>
  `table ip t { # handle 1\n\tflags ${flag}\n\n\tchain c { # handle 1\n\t\ttype filter hook forward priority filter; policy drop;\n\t}\n}\n`;

/** As nft 1.0.6 lists a table with a flag: its name stands in the place of the flags (measured). */
function listed(chain: object, policy: string, rules: readonly unknown[], flags: string | undefined = 't'): Ruleset {
  const nftables = [
    { metainfo: { version: '1.0.6', release_name: 'x', json_schema_version: 1 } },
    { table: { family: 'ip', name: 't', handle: 1, ...(flags !== undefined && { flags }) } },
    { chain: { ...chain, policy } },
    ...rules.map((expr, at) => ({ rule: { family: 'ip', table: 't', chain: 'c', handle: at + 2, expr } })),
  ];
  const decoded = decodeRuleset({ nftables });
  if (!decoded.ok) throw new Error(decoded.problem.say);
  return decoded.value;
}

const outcome = (ruleset: Ruleset) => {
  const world: World = { ...EMPTY, ruleset: { known: true, value: ruleset } };
  return trace(world, SYN).branches.map(({ outcome: one }) =>
    one.kind === 'decided' ? one.fate.summary : one.reasons.map(({ code }) => code),
  );
};

test.each([
  { name: 'a policy that drops', chain: CHAIN, policy: 'drop', rules: [] },
  { name: 'a rule that drops', chain: CHAIN, policy: 'accept', rules: [[drop]] },
  { name: 'a rule that accepts', chain: CHAIN, policy: 'accept', rules: [[accept]] },
  { name: 'a chain of type nat', chain: NAT, policy: 'accept', rules: [[drop]] },
])('a table with some flag, not known which: $name is undecided', ({ chain, policy, rules }) => {
  expect(outcome(listed(chain, policy, rules))).toEqual([['table-flags']]);
});

test('a chain without rules that accepts is nothing to know', () => {
  expect(outcome(listed(CHAIN, 'accept', []))).toEqual(['transmitted']);
});

test('the text of the listing says which', () => {
  const ruleset = listed(CHAIN, 'drop', []);
  const of = (flag: string) => outcome(supplementFromText(ruleset, TEXT(flag)));
  expect([of('dormant'), of('owner')]).toEqual([['transmitted'], ['dropped']]);
});
