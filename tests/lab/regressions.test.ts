import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { decodeRuleset } from '../../lib/decode/decode-ruleset';
import type { PacketSpec } from '../../lib/net/packet-spec';
import { withLoaded } from '../../lib/sim/as-loaded';
import { prepare } from '../../lib/sim/environment';
import { initialState, traceFrom } from '../../lib/sim/index';
import { answeredNumber } from '../../lib/sim/initial-number';
import type { Branch } from '../../lib/sim/trace';
import { decodeEnvironment } from '../../lib/world/decode-environment';
import { changesHeaders, differences, type Seen, seenByUs, withoutNumbers } from './compare';

interface Recorded {
  readonly kernel: string;
  readonly environments: { readonly [name: string]: unknown };
  readonly cases: readonly {
    readonly name: string;
    readonly environment: string;
    readonly text: string;
    readonly listing: unknown;
    readonly packets: readonly { readonly packet: PacketSpec; readonly kernel: Seen }[];
  }[];
}

const read = (name: string): Recorded =>
  JSON.parse(readFileSync(fileURLToPath(new URL(`../fixtures/${name}.json`, import.meta.url)), 'utf8')) as Recorded;

describe.each([read('lab-regressions'), read('single-regressions')])('what Linux $kernel did', (recorded) => {
  it.each(recorded.cases.map((c) => [c.name, c] as const))('%s', (_, c) => {
    const environment = decodeEnvironment(recorded.environments[c.environment]);
    const ruleset = decodeRuleset(c.listing);
    if (!environment.ok || !ruleset.ok) throw new Error('the recording does not decode');
    const p = prepare({ ...environment.value, ruleset: { known: true, value: withLoaded(ruleset.value, c.text) } });
    let state = initialState(p, true);
    const answers: (Branch | undefined)[] = [];
    for (const { packet, kernel: all } of c.packets) {
      const { ackFollows } = packet;
      const plain = (s: Seen): Seen => (ackFollows === undefined ? s : withoutNumbers(s));
      const kernel = plain(all);
      const sent = ackFollows === undefined ? packet : { ...packet, ack: answeredNumber(answers[ackFollows]) + 1 };
      const { trace, states } = traceFrom(p, sent, state);
      // Where chance decides, the kernel went one way, and the packets that follow have to fit it.
      const seen = trace.branches.map((b) => {
        const s = seenByUs(b, changesHeaders(c.text));
        return s === undefined ? undefined : plain(s);
      });
      const fits = seen.findIndex((s) => s !== undefined && differences(kernel, s).length === 0);
      const at = Math.max(0, fits);
      state = states[at] ?? state;
      answers.push(trace.branches[at]);
      const ours = seen[at];
      expect(ours).toBeDefined();
      if (ours !== undefined) expect({ differ: differences(kernel, ours), kernel, ours }).toMatchObject({ differ: [] });
    }
  });
});
