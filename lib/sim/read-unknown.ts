/** Reasons for which an operand exists and cannot be known. */

import { Unknown } from './value';

export const RANDOM_PORT = new Unknown({
  code: 'random-port',
  say: 'The kernel picks this port (or ICMP id) at random, so the rule may match or not.',
  settle: 'Assume a value for the translated port.',
});

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
