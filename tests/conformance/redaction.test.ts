/** Redaction against recorded packets: the redacted packet through the redacted ruleset does what the kernel did, or is undecided. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test, vi } from 'vitest';
import { redactIpOutput } from '@/lib/capture/redact/redact-objects';
import { redactRuleset } from '@/lib/capture/redact/redact-ruleset';
import { renamingOf, wordsOf } from '@/lib/capture/redact/testing/renamings';
import { decodeRuleset } from '@/lib/decode/decode-ruleset';
import { decodePacketSpec } from '@/lib/net/packet-spec';
import { withLoaded } from '@/lib/sim/as-loaded';
import { runCase } from '@/lib/sim/run-case';
import { decodeEnvironment } from '@/lib/world/decode-environment';
import { describeShared } from '../shared';

interface Case {
  readonly id: string;
  readonly mode: 'independent' | 'flow';
  readonly environment: string;
  readonly ruleset: string;
  readonly rulesetJson: unknown;
  readonly packets: readonly { readonly [key: string]: unknown }[];
}

vi.setConfig({ testTimeout: 120_000 });
const words = wordsOf(renamingOf('a secret'));
/** Bytes of headers, not fields: addresses in them cannot be replaced. ICMP errors have the header of another packet in them. */
const hasBytes = (packet: Case['packets'][number]): boolean =>
  'rawL4' in packet || 'ipOptionsHex' in packet || ('icmpType' in packet && (packet.payloadHex ?? '') !== '');

function run(c: Case, environment: unknown, redact: (json: unknown) => unknown, ruleset: unknown): readonly unknown[] {
  const [decoded, parts] = [decodeRuleset(ruleset), decodeEnvironment(redact(environment))];
  if (!decoded.ok || !parts.ok) throw new Error(`${c.id} cannot be read`);
  const packets = c.packets.map(({ hex: _, ...fields }) => {
    const spec = decodePacketSpec(redact(fields));
    if (!spec.ok) throw new Error(`${c.id}: ${spec.problem.path} ${spec.problem.say}`);
    return spec.value;
  });
  const input = { ruleset: withLoaded(decoded.value, c.ruleset), environment: parts.value, packets, mode: c.mode };
  return runCase(input);
}

interface Event {
  readonly table: string;
  readonly chain: string;
  readonly jumpTarget?: string;
}

/** What the kernel's trace would say, without addresses; undefined where it is undecided. */
function essence(result: unknown, rename: (name: string) => string): unknown {
  const { outcomes, probability, ...one } = result as {
    readonly outcomes?: readonly unknown[];
    readonly probability?: number;
    readonly undecided?: unknown;
    readonly events?: readonly Event[];
    readonly fate?: { readonly summary?: unknown };
  };
  if (outcomes !== undefined) {
    const each = outcomes.map((outcome) => essence(outcome, rename));
    return each.includes(undefined) ? undefined : each.map((outcome) => JSON.stringify(outcome)).sort();
  }
  if (one.undecided !== undefined || one.events === undefined) return undefined;
  const events = one.events.map((event) => ({
    ...event,
    table: rename(event.table),
    chain: rename(event.chain),
    ...(event.jumpTarget !== undefined && { jumpTarget: rename(event.jumpTarget) }),
  }));
  return { probability, events, summary: one.fate?.summary };
}

describeShared('redacted packets through redacted rulesets', (shared) => {
  const folder = join(shared, 'conformance/kernel-traces');
  const environments = JSON.parse(readFileSync(join(folder, 'environments.json'), 'utf8')) as {
    readonly [name: string]: unknown;
  };
  test.each(['singles', 'flows'])('%s: none does something else', (file) => {
    const lines = gunzipSync(readFileSync(join(folder, `${file}.jsonl.gz`)))
      .toString()
      .trimEnd()
      .split('\n');
    const different: unknown[] = [];
    const count = { same: 0, undecided: 0 };
    for (const line of lines) {
      const c = JSON.parse(line) as Case;
      if (c.packets.some(hasBytes)) continue;
      const environment = environments[c.environment];
      const before = run(c, environment, (json) => json, c.rulesetJson);
      const after = run(c, environment, (json) => redactIpOutput(json, words), redactRuleset(c.rulesetJson, words));
      for (const [index, result] of before.entries()) {
        const [left, right] = [
          essence(result, (name) => words.identifier(name)),
          essence(after[index], (name) => name),
        ];
        // After an undecided packet the next one meets a node that nobody knows.
        if (left === undefined || right === undefined) {
          count.undecided += 1;
          break;
        }
        if (JSON.stringify(left) === JSON.stringify(right)) count.same += 1;
        else
          different.push({
            id: c.id,
            index,
            left: JSON.stringify(left).slice(0, 3000),
            right: JSON.stringify(right).slice(0, 3000),
          });
      }
    }
    expect(different.slice(0, 3)).toEqual([]);
    expect(count.same).toBeGreaterThan(10 * count.undecided);
    expect(count.same).toBeGreaterThan(100);
  });
});
