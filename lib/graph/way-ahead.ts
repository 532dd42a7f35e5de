/** What a packet that ended did not reach any more. */
import { type AddressName, servicePort, type TraceNames } from '../explain/trace-names';
import type { Leg } from '../explain/trace-steps';
import { hostPort } from '../explain/verdict-sentence';
import type { Hook } from '../nft/model';
import type { Branch, PacketView } from '../sim/trace';
import type { WayBaseChain, WayCell, WayEnd, WayInput, WayStop } from './way-types';

/** The stops behind the end, as far as the way so far says which they would have been; the chains that wait there in outline. */
export function notReached(
  stops: readonly WayStop[],
  leg: Leg,
  packet: PacketView,
  input: WayInput,
): readonly WayStop[] {
  const last = stops.findLast((stop) => stop.kind !== 'end');
  const hooks = last === undefined ? [] : last.kind === 'hook' ? AFTER_HOOK[last.hook] : afterRoute(leg);
  const behind = hooks.map((place): WayStop => {
    if (place === 'routing')
      return { kind: 'routing', id: 'after-routing', steps: [], reached: false, ends: undefined };
    const cells = waiting(place, packet, input.baseChains);
    return {
      kind: 'hook',
      id: `after-${place}`,
      hook: place,
      note: 'not reached',
      conntrack: false,
      cells,
      reached: false,
      ends: undefined,
    };
  });
  const to = lastPacket(input.branch, leg, packet);
  const at = targetEnd(to, input.names);
  return [...behind, { kind: 'end', id: 'to', at, reached: false }];
}

const AFTER_HOOK: { readonly [H in Hook]: readonly (Hook | 'routing')[] } = {
  ingress: ['prerouting', 'routing'],
  prerouting: ['routing'],
  input: [],
  forward: ['postrouting'],
  output: ['postrouting'],
  postrouting: [],
  egress: [],
};

/** Where the last route would have led. */
function afterRoute(leg: Leg): readonly Hook[] {
  const route = leg.steps.findLast((entry) => entry.step.kind === 'route')?.step;
  if (route?.kind !== 'route') return [];
  if (route.to === 'forward') return ['forward', 'postrouting'];
  if (route.to === 'output') return ['output', 'postrouting'];
  return route.to === 'input' ? ['input'] : [];
}

function waiting(hook: Hook, packet: PacketView, baseChains: readonly WayBaseChain[]): readonly WayCell[] {
  return baseChains
    .filter((base) => base.hook === hook && (base.family === packet.family || base.family === 'inet'))
    .toSorted((a, b) => a.prio - b.prio)
    .map((base) => ({
      ...base,
      id: `n-${base.family}-${base.table}-${base.chain}`,
      steps: [],
      reached: false,
      ends: undefined,
    }));
}

/** The packet as it was when its way ended. */
export function lastPacket(branch: Branch, leg: Leg, packet: PacketView): PacketView {
  const step = branch.steps.findLast((one) => one.skb === leg.skb && 'packet' in one);
  const seen = step !== undefined && 'packet' in step ? step.packet : packet;
  const nat = leg.steps.findLast((entry) => entry.nat?.manip === 'dst');
  const address = nat?.writes.find((write) => write.field.endsWith(' daddr'))?.after;
  const port = nat?.writes.find((write) => write.field.endsWith(' dport'))?.after;
  return {
    ...seen,
    ...(address === undefined ? {} : { daddr: address }),
    ...(port === undefined ? {} : { dport: Number(port) }),
  };
}

function targetEnd({ daddr = '', dport, protocol }: PacketView, names: TraceNames): WayEnd {
  const detail = hostPort(daddr, dport);
  const port = typeof dport === 'number' ? dport : undefined;
  const service = names.service(daddr, protocol === undefined ? undefined : String(protocol), port);
  return service ? { kind: 'Service', name: servicePort(service), detail } : endOf(names.address(daddr), detail);
}

export function endOf(who: AddressName | undefined, detail: string): WayEnd {
  return { kind: who?.kind ?? 'address', name: who?.name, detail };
}
