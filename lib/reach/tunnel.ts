/**
 * Tunnels between nodes. A packet that leaves by one travels inside another, which is a packet of the sending node's own and one for
 * the receiving node: it passes output and postrouting there, prerouting and input here, and the packet itself then comes in by the
 * tunnel's device (net/ipv4/ip_tunnel_core.c, iptunnel_xmit; net/ipv4/ip_tunnel.c, ip_tunnel_rcv; drivers/net/vxlan).
 */
import { formatAddress, parseAddress } from '../net/address';
import { putBytes, toHex } from '../net/build-packet';
import { viewPacket } from '../net/headers';
import { PROTO } from '../net/protocols';
import type { Frame } from '../sim/frame';
import { ipPacket } from '../sim/generated';
import { initialState, type Prepared, type SimState, traceFrom } from '../sim/index';
import { sourceForRoute } from '../sim/source-address';
import type { Culprit, Reason } from '../sim/trace';
import type { IpValue, Link, Tunnel } from '../world/world';
import type { Network } from './network';

type States = ReadonlyMap<string, SimState>;
export type Crossing =
  /** `iif`: the device by which the packet comes in; undefined where the other node was not captured. */
  | { readonly kind: 'passed'; readonly states: States; readonly iif: string | undefined; readonly say: string }
  | { readonly kind: 'lost'; readonly node: string; readonly by: Culprit; readonly say: string }
  | { readonly kind: 'undecided'; readonly node: string; readonly reason: Reason };

export const tunnelAt = (network: Network, node: string, dev: string): Link | undefined => {
  const link = network.nodes.get(node)?.prepared.linkByName.get(dev);
  return link?.tunnel === undefined ? undefined : link;
};

/** Who has the other end: by the end that is configured, by the next hop, or as the node of the pod that is meant. */
export function otherEnd(network: Network, link: Link, nexthop: string, daddr: string): string | undefined {
  const { remote } = link.tunnel ?? {};
  const configured = remote === undefined ? undefined : network.nodeByAddress.get(formatAddress(remote));
  return configured ?? network.nodeByAddress.get(nexthop) ?? network.podByAddress.get(daddr)?.node;
}

interface Outer {
  readonly bytes: Uint8Array;
  readonly family: 'ip' | 'ip6';
  readonly unknownPorts: readonly ('sport' | 'dport')[];
}

/** The port that WireGuard has where nobody chose another: no listing of interfaces names it. */
const WIREGUARD_PORT = 51820;

/** Takes a packet that left `node` by the tunnel `link` to `owner`. */
export function cross(
  network: Network,
  states: States,
  node: string,
  link: Link,
  frame: Frame,
  owner: string,
): Crossing {
  const { tunnel } = link;
  const crossing = crossBy(network, states, node, link, frame, owner);
  if (crossing.kind !== 'undecided' || tunnel?.kind !== 'wireguard') return crossing;
  // That a rule drops what goes to an assumed port is no answer.
  const assumed = { ...link, tunnel: { ...tunnel, port: WIREGUARD_PORT } };
  const again = crossBy(network, states, node, assumed, frame, owner);
  return again.kind === 'passed'
    ? { ...again, say: `${again.say} The port is taken to be ${WIREGUARD_PORT}.` }
    : crossing;
}

function crossBy(network: Network, states: States, node: string, link: Link, frame: Frame, owner: string): Crossing {
  const from = network.nodes.get(node)?.prepared;
  const to = network.nodes.get(owner)?.prepared;
  const { tunnel } = link;
  const open = (where: string, say: string): Crossing => ({
    kind: 'undecided',
    node: where,
    reason: tunnelOpen(link, say),
  });
  if (from === undefined || tunnel === undefined) return open(node, `${node} is not in the capture`);
  const peers = to === undefined ? [] : [...to.linkByName.values()].filter((one) => isPeer(tunnel, one.tunnel));
  if (to !== undefined && peers.length === 0) return open(owner, `${owner} has no tunnel of that kind`);
  const daddr = outerDestination(network, tunnel, peers, frame, owner);
  if (daddr === undefined) return open(node, `to which address of ${owner} it sends is not in the capture`);
  const family = typeof daddr === 'number' ? 'ip' : 'ip6';
  const saddr = tunnel.local ?? sourceTowards(from, family, daddr);
  if (saddr === undefined) return open(node, `from which address ${node} sends is not in the capture`);
  const outer = wrap(tunnel, frame, family, saddr, daddr);
  const what = `${tunnel.kind} from ${formatAddress(saddr)} to ${formatAddress(daddr)}`;
  const inside = `${link.name} is taken to carry the packet to ${owner} in ${what}, which meets this rule.`;

  const sent = passes(from, states.get(node), { from: 'local', mark: frame.mark, ...specOf(outer) });
  if (sent.kind === 'lost') return { kind: 'lost', node, by: sent.by, say: inside };
  const [leaving] = sent.kind === 'passed' ? sent.frames : [];
  if (sent.kind === 'undecided' || leaving === undefined)
    return open(node, `what ${node} does with the packet around it (${what}) is not known${because(sent)}`);
  const after = new Map(states).set(node, sent.state);
  const say = (nodes: string): string =>
    `${link.name} is taken to carry the packet to ${owner} in ${what}, which ${nodes} let${nodes === node ? 's' : ''} pass.`;
  if (to === undefined) return { kind: 'passed', states: after, iif: undefined, say: say(node) };

  const taken = { ...outer, bytes: leaving.bytes, unknownPorts: leaving.unknownPorts };
  const further = tunnelAt(network, node, leaving.dev) !== undefined;
  const came = further ? undefined : takeIn(to, after.get(owner), peers, taken);
  if (came?.kind === 'lost') return { kind: 'lost', node: owner, by: came.by, say: inside };
  if (came?.kind !== 'passed')
    return open(owner, `what ${owner} does with the packet around it (${what}) is not known${because(came)}`);
  return {
    kind: 'passed',
    states: after.set(owner, came.state),
    iif: came.iif,
    say: say(`${node} and ${owner}`),
  };
}

/** What comes to `owner` by its tunnel `link` from a node that was not captured: of that one only the address is known. */
export function comeIn(
  network: Network,
  states: States,
  node: string,
  link: Link,
  packet: Pick<Frame, 'family' | 'bytes'>,
  owner: string,
): Crossing {
  const to = network.nodes.get(owner)?.prepared;
  const { tunnel } = link;
  const saddr = tunnel?.remote ?? addressOf(network, node);
  const daddr = tunnel?.local ?? addressOf(network, owner);
  if (
    to === undefined ||
    tunnel === undefined ||
    saddr === undefined ||
    daddr === undefined ||
    typeof saddr !== typeof daddr
  )
    return {
      kind: 'undecided',
      node: owner,
      reason: tunnelOpen(link, 'between which addresses is not in the capture'),
    };
  const outer = wrap(tunnel, packet, typeof daddr === 'number' ? 'ip' : 'ip6', saddr, daddr);
  const what = `${tunnel.kind} from ${formatAddress(saddr)} to ${formatAddress(daddr)}`;
  const say = `The packet is taken to come to ${owner} in ${what} by ${link.name}.`;
  const came = takeIn(to, states.get(owner), [link], outer);
  if (came.kind === 'lost') return { kind: 'lost', node: owner, by: came.by, say };
  if (came.kind === 'passed')
    return { kind: 'passed', states: new Map(states).set(owner, came.state), iif: came.iif, say };
  const unknown = `what ${owner} does with the packet around it (${what}) is not known${because(came)}`;
  return { kind: 'undecided', node: owner, reason: tunnelOpen(link, unknown) };
}

type Taken =
  | Extract<Passed, { kind: 'lost' | 'undecided' }>
  | { readonly kind: 'passed'; readonly state: SimState; readonly iif: string };

/** The packet around another at the other end. */
function takeIn(to: Prepared, state: SimState | undefined, peers: readonly Link[], outer: Outer): Taken {
  const view = viewPacket(outer.bytes, outer.family);
  const [source, target] = [parseAddress(view.saddr ?? '')?.value, parseAddress(view.daddr ?? '')?.value];
  const arriving = target === undefined ? undefined : to.localAddresses.get(`${outer.family} ${target}`)?.name;
  const inner = closest(peers, target, source);
  if (arriving === undefined || inner === undefined) return { kind: 'undecided', why: 'no device there takes it' };
  const came = passes(to, state, { iif: arriving, ...specOf(outer) });
  if (came.kind !== 'passed') return came;
  // What rules marked it with the packet itself would have (skb_scrub_packet).
  if (came.delivered !== 'unmarked') return { kind: 'undecided', why: '' };
  return { kind: 'passed', state: came.state, iif: inner.name };
}

const because = (end: Passed | Taken | undefined): string =>
  end?.kind === 'undecided' && end.why !== '' ? `: ${end.why}` : '';

const tunnelOpen = (link: Link, say: string): Reason => ({
  code: 'tunnel',
  say: `The packet travels by the tunnel ${link.name}, and ${say.replace(/\.$/, '')}.`,
  settle: 'Capture the interfaces of both nodes (ip -j -d link show), or assume that the tunnel carries the packet.',
});

/** Two ends of one network. */
const isPeer = (tunnel: Tunnel, other: Tunnel | undefined): boolean =>
  other?.kind === tunnel.kind && (tunnel.external || other.external || other.id === tunnel.id);

/** ip_tunnel_lookup(): of the devices that take it the one that names both ends, then the one that names one. */
function closest(links: readonly Link[], local: IpValue | undefined, remote: IpValue | undefined): Link | undefined {
  const named = (one: Link): number =>
    (one.tunnel?.local === undefined ? 0 : 1) + (one.tunnel?.remote === undefined ? 0 : 2);
  return links
    .filter(
      ({ up, tunnel }) =>
        up && [undefined, local].includes(tunnel?.local) && [undefined, remote].includes(tunnel?.remote),
    )
    .toSorted((a, b) => named(b) - named(a))[0];
}

function outerDestination(
  network: Network,
  tunnel: Tunnel,
  peers: readonly Link[],
  frame: Frame,
  owner: string,
): IpValue | undefined {
  if (tunnel.remote !== undefined) return tunnel.remote;
  const next = frame.nexthop;
  // Without a configured end these send to the next hop (ip_tunnel_xmit); the others ask a table that no capture has.
  if (tunnel.byNexthop && next !== undefined && network.nodeByAddress.get(formatAddress(next)) === owner) return next;
  const local = peers.map((one) => one.tunnel?.local).find((one) => one !== undefined);
  return local ?? addressOf(network, owner);
}

/** An address of the node itself, as its object or else its interfaces name one. */
function addressOf(network: Network, owner: string): IpValue | undefined {
  const links = network.nodes.get(owner)?.prepared.localAddresses;
  for (const [text, name] of network.nodeByAddress) {
    const parsed = name === owner ? parseAddress(text) : undefined;
    if (parsed === undefined) continue;
    const dev = links?.get(`${parsed.family} ${parsed.value}`);
    if (dev?.tunnel === undefined) return parsed.value;
  }
  return undefined;
}

function sourceTowards(p: Prepared, family: 'ip' | 'ip6', daddr: IpValue): IpValue | undefined {
  const found = p.routers[family]?.lookup({ daddr, mark: 0, tos: 0, iif: undefined });
  return found?.kind === 'found' ? sourceForRoute({ p }, family, found.result, daddr) : undefined;
}

/** The packet around it. What stands between both headers no rule can read but by its place. */
function wrap(
  tunnel: Tunnel,
  frame: Pick<Frame, 'family' | 'bytes'>,
  family: 'ip' | 'ip6',
  saddr: IpValue,
  daddr: IpValue,
): Outer {
  const packet = (protocol: number, before: number): Uint8Array => {
    const segment = new Uint8Array(before + frame.bytes.length);
    segment.set(frame.bytes, before);
    if (protocol === PROTO.udp) {
      putBytes(segment, 0, 2, tunnel.kind === 'wireguard' ? (tunnel.port ?? SOURCE_PORT) : SOURCE_PORT);
      putBytes(segment, 2, 2, tunnel.port ?? SOURCE_PORT);
      putBytes(segment, 4, 2, segment.length);
    }
    return ipPacket(family, saddr, daddr, protocol, 0, segment);
  };
  if (tunnel.protocol !== undefined) {
    const inside = tunnel.protocol === 'inner' ? (frame.family === 'ip' ? 4 : 41) : tunnel.protocol;
    return { bytes: packet(inside, inside === PROTO.gre ? 4 : 0), family, unknownPorts: [] };
  }
  // The source port is a hash of the flow (udp_flow_src_port), but WireGuard has one port for both.
  const unknownPorts: Outer['unknownPorts'] =
    tunnel.port === undefined ? ['sport', 'dport'] : tunnel.kind === 'wireguard' ? [] : ['sport'];
  return { bytes: packet(PROTO.udp, 8 + 8 + 14), family, unknownPorts };
}

const SOURCE_PORT = 49152;

const specOf = ({ bytes, family, unknownPorts }: Outer) => ({ family, hex: toHex(bytes), unknownPorts });

type Passed =
  | {
      readonly kind: 'passed';
      readonly state: SimState;
      readonly frames: readonly Frame[];
      readonly delivered: 'unmarked' | 'marked' | undefined;
    }
  | { readonly kind: 'lost'; readonly by: Culprit }
  | { readonly kind: 'undecided'; readonly why: string };

/** Whether every branch lets the packet pass, or every branch loses it by a rule. */
function passes(p: Prepared, state: SimState | undefined, packet: Parameters<typeof traceFrom>[1]): Passed {
  const { trace, states, frames } = traceFrom(p, packet, state ?? initialState(p), { verdictOnly: true });
  const ends = trace.branches.map((branch, i): Passed => {
    if (branch.outcome.kind === 'undecided') return { kind: 'undecided', why: branch.outcome.reasons[0]?.say ?? '' };
    const { fate } = branch.outcome;
    const out = (frames[i] ?? []).filter((one) => one.skb === 0 && one.role === 'original');
    const delivered = fate.delivered.find((one) => one.skb === 0);
    const after = states[i];
    if (after !== undefined && (out.length > 0 || delivered !== undefined)) {
      const mark = delivered === undefined ? undefined : delivered.mark === undefined ? 'unmarked' : 'marked';
      return { kind: 'passed', state: after, frames: out, delivered: mark };
    }
    return fate.summary === 'dropped' && fate.by !== undefined
      ? { kind: 'lost', by: fate.by }
      : { kind: 'undecided', why: '' };
  });
  const [first] = ends;
  return first !== undefined && ends.every(({ kind }) => kind === first.kind) ? first : { kind: 'undecided', why: '' };
}
