/** Reasons for which an operand exists and cannot be known. */

import type { PortRange } from './conntrack-state';
import { Chance, type Evaluated, Unknown } from './value';

export const RANDOM_PORT = new Unknown({
  code: 'random-port',
  say: 'The kernel picks this port (or ICMP id) at random, so the rule may match or not.',
  settle: 'Assume a value for the translated port.',
});

/** A port that chance picked: one of a range, and what rules compare it with narrows that. */
export function randomPort(range: PortRange | undefined): Evaluated {
  if (range === undefined) return RANDOM_PORT;
  const { low, high } = range;
  if (low === high) return low;
  return new Chance('the port that NAT picks', high - low + 1, low, (from, to) => {
    range.low = Math.max(range.low, from);
    range.high = Math.min(range.high, to);
  });
}

export const unsupported = (name: string): Unknown =>
  new Unknown({
    code: 'unsupported-expression',
    say: `The expression ${name} is not modelled.`,
    settle: 'Assume whether it matches.',
  });

export const unknownClock = new Unknown({
  code: 'clock',
  say: 'The rule depends on the time of day.',
  settle: 'Assume a time at which the packet passes.',
});
export const unknownHost = (what: string, settle: string): Unknown =>
  new Unknown({ code: 'host-state', say: `${what} is not in the capture.`, settle });

export const unknownInterface = new Unknown({
  code: 'interface-unknown',
  say: 'The rule asks about the interface that the packet arrives on, and the capture does not hold it.',
  settle: 'Capture ip -j addr show, ip -j route and ip -j rule on the node.',
});
