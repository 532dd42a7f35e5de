/** The smallest changes that would let a packet through, each traced anew. Nothing is applied. */

import { refusal } from '../explain/verdict-sentence';
import type { PacketSpec } from '../net/packet-spec';
import type { Result } from '../net/result';
import { initialState, type Prepared, traceFrom } from '../sim';
import type { Branch, Trace } from '../sim/trace';
import { changed } from './apply';
import type { Expected } from './as-expected';
import { candidatesOf } from './candidates';
import { type Candidate, type Change, TOUCHES, type Touches } from './change';
import { type Proxied, whyNot } from './proxied';
import { serviceEdits } from './service-edits';
import { settingChanges } from './settings';

/** Changes tried for one packet. */
const TRIES_MAX = 80;
const BRANCHES_MAX = 256;

export interface Counterfactual {
  readonly change: Change;
  readonly touches: Touches;
  /** The packet's way with the change. */
  readonly trace: Trace;
}

export interface Counterfactuals {
  /** False where the packet arrives as things are, or nobody knows whether it does. */
  readonly needed: boolean;
  /** What mends kube-proxy's table, then the smallest first: by what else they touch, then by how near to the end of the way they are. */
  readonly found: readonly Counterfactual[];
  readonly tried: number;
  /** Changes that were left out because there were too many. */
  readonly untried: number;
  /** Changes after which the way is not known: they are not counted as delivering. */
  readonly undecided: number;
  /** Why no field of a Service was tried; undefined where they were, or none is asked for. */
  readonly servicesUntried: string | undefined;
}

export interface Judge {
  /** An address that no host has, such as that of a Service: a packet that leaves with it arrives nowhere. */
  readonly isNobody: (address: string) => boolean;
  /** What kube-proxy writes here for other objects, or why that is not known; undefined where it has no table. */
  readonly proxied: () => Result<Proxied> | undefined;
  /** What kube-proxy should have written; none where nobody knows. */
  readonly expected: () => Expected;
}

const NONE: Counterfactuals = {
  needed: false,
  found: [],
  tried: 0,
  untried: 0,
  undecided: 0,
  servicesUntried: undefined,
};

/** Tries single changes of what stands on the packet's way. A packet that arrives on every branch needs none. */
export function whatWouldDeliver(p: Prepared, packet: PacketSpec, trace: Trace, judge: Judge): Counterfactuals {
  const isLost = (branch: Branch): boolean => arrives(branch, judge) === 'no';
  const wasTranslated = trace.branches.some((branch) => isLost(branch) && isTranslated(branch));
  if (!trace.branches.some(isLost)) return NONE;
  const settings = settingChanges(p, packet).map((change): Candidate => ({ change, touches: 'node', later: false }));
  const proxied = judge.proxied();
  const services = proxied?.ok ? [...serviceEdits(proxied.value.objects, trace.packet, proxied.value.pods)] : [];
  const ofServices = services.map(
    (edited): Candidate => ({ change: { kind: 'service', ...edited }, touches: 'service', later: false }),
  );
  const all = [...candidatesOf(p, trace, isLost, judge.expected()), ...ofServices, ...settings];
  const order = all
    .map((one, i) => ({ one, i }))
    .toSorted((a, b) => rank(a.one) - rank(b.one) || a.i - b.i)
    .map(({ one }) => one);
  const found: Counterfactual[] = [];
  let tried = 0;
  let untried = 0;
  let undecided = 0;
  for (const { change, touches, later } of order) {
    if (later && found.length > 0) break;
    // Of the values of a setting the first that helps is enough.
    if (change.kind === 'sysctl' && found.some((one) => one.change.kind === 'sysctl' && one.change.key === change.key))
      continue;
    if (tried >= TRIES_MAX) {
      untried++;
      continue;
    }
    const with_ = changed(p, change, proxied?.ok ? proxied.value : undefined);
    if (with_ === undefined) continue;
    tried++;
    const made = traceFrom(with_, packet, initialState(with_), { branchesMax: BRANCHES_MAX }).trace;
    const answers = made.branches.map((branch) =>
      wasTranslated && isStranded(branch) ? 'no' : arrives(branch, judge),
    );
    if (answers.every((answer) => answer === 'yes')) found.push({ change, touches, trace: made });
    else if (answers.includes('unknown')) undecided++;
  }
  return {
    needed: true,
    found,
    tried,
    untried,
    undecided,
    servicesUntried: proxied === undefined ? undefined : whyNot(proxied),
  };
}

/** What mends the table comes first, what takes away more than what decided last. */
const rank = ({ touches, later, mends }: Candidate): number =>
  mends === true ? -1 : TOUCHES.indexOf(touches) + (later ? TOUCHES.length : 0);

const isTranslated = ({ steps }: Branch): boolean =>
  steps.some((step) => step.kind === 'nat' && step.skb === 0 && step.manip === 'dst');

/** Meant for somebody else, it now ends at a port of the node itself where nobody knows of a listener. */
const isStranded = (branch: Branch): boolean =>
  !isTranslated(branch) && branch.assumptions.some(({ code }) => code === 'sockets');

function arrives(branch: Branch, { isNobody }: Judge): 'yes' | 'no' | 'unknown' {
  const { outcome } = branch;
  if (outcome.kind === 'undecided') return 'unknown';
  const { fate } = outcome;
  switch (fate.summary) {
    case 'delivered':
      return refusal(branch) === undefined ? 'yes' : 'no';
    case 'transmitted': {
      const sent = fate.egress.find(({ skb, role }) => skb === 0 && role === 'original');
      return sent?.packet.daddr !== undefined && isNobody(sent.packet.daddr) ? 'no' : 'yes';
    }
    case 'stolen':
      return 'unknown';
    case 'dropped':
    case 'rejected':
    case 'answered-outside-nftables':
    case 'lost-outside-nftables':
      return 'no';
  }
}
