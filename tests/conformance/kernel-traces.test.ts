import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { decodeRuleset } from '@/lib/decode/decode-ruleset';
import { decodePacketSpec } from '@/lib/net/packet-spec';
import { withLoaded } from '@/lib/sim/as-loaded';
import { runCase } from '@/lib/sim/run-case';
import { decodeEnvironment, type WorldParts } from '@/lib/world/decode-environment';
import { describeShared } from '../shared';
import { compareResult } from './compare-case';

interface Case {
  readonly id: string;
  readonly mode: 'independent' | 'flow';
  readonly environment: string;
  readonly ruleset: string;
  readonly rulesetJson: unknown;
  readonly packets: readonly { readonly [key: string]: unknown }[];
  readonly expected: readonly unknown[];
  readonly repeat?: number;
}

function environmentsIn(folder: string): ReadonlyMap<string, WorldParts> {
  const all = JSON.parse(readFileSync(join(folder, 'environments.json'), 'utf8')) as {
    readonly [name: string]: unknown;
  };
  return new Map(
    Object.entries(all).map(([name, json]) => {
      const parts = decodeEnvironment(json);
      if (!parts.ok) throw new Error(`${name}: ${parts.problem.say}`);
      return [name, parts.value];
    }),
  );
}

function answer(c: Case, environments: ReadonlyMap<string, WorldParts>, withoutHex: boolean): readonly unknown[] {
  const ruleset = decodeRuleset(c.rulesetJson);
  const environment = environments.get(c.environment);
  if (!ruleset.ok || environment === undefined) throw new Error(`${c.id} cannot be read`);
  const packets = c.packets.map(({ hex, ...fields }) => {
    const spec = decodePacketSpec(withoutHex ? fields : { ...fields, hex });
    if (!spec.ok) throw new Error(`${c.id}: ${spec.problem.path} ${spec.problem.say}`);
    return spec.value;
  });
  return runCase({ ruleset: withLoaded(ruleset.value, c.ruleset), environment, packets, mode: c.mode });
}

describeShared('what a Linux kernel did, recorded', (shared) => {
  const folder = join(shared, 'conformance/kernel-traces');
  const environments = environmentsIn(folder);
  for (const file of ['singles', 'flows']) {
    const cases = gunzipSync(readFileSync(join(folder, `${file}.jsonl.gz`)))
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Case);
    describe(file, () => {
      test.each(cases.map((c) => [c.id, c] as const))('%s', (_, c) => {
        for (const withoutHex of [false, true]) {
          const got = answer(c, environments, withoutHex);
          expect(c.expected.map((want, i) => compareResult(want, got[i], c.repeat))).toEqual(c.expected.map(() => []));
        }
      });
    });
  }
});

test('the comparison finds what differs', () => {
  const want = {
    events: [{ skb: 0, traversal: 0, table: 't', verdict: 'drop' }],
    fate: { summary: 'dropped', egress: [], delivered: [] },
    conntrack: [],
  };
  expect(compareResult(want, want, undefined)).toEqual([]);
  expect(compareResult(want, { ...want, events: [] }, undefined)).toEqual(['events']);
  expect(compareResult(want, { ...want, fate: { ...want.fate, summary: 'transmitted' } }, undefined)).toEqual(['fate']);
  expect(compareResult(want, { ...want, conntrack: [{}] }, undefined)).toEqual(['conntrack']);
  expect(compareResult(want, { undecided: [] }, undefined)).toEqual(['undecided']);
  const random = { outcomesSeen: [{ count: 20, outcome: want }] };
  expect(compareResult(random, { outcomes: [{ ...want, probability: 1 }] }, 20)).toEqual([]);
  expect(compareResult(random, { outcomes: [{ ...want, probability: 0.4 }] }, 20)).toEqual(['probabilities']);
  const other = { ...want, events: [], probability: 0.6 };
  expect(compareResult(random, { outcomes: [{ ...want, probability: 0.4 }, other] }, 20)).toEqual(['never-seen']);
});
