/** Why an answer cannot be known, and what is said where something is taken for granted. */
import type { Reason } from '../sim/trace';

export const OUTSIDE: Reason = {
  code: 'outside-capture',
  say: 'The packet leaves by a route to an address that no captured node or pod owns.',
  settle: 'Capture the node that owns the address.',
};
export const ENTRY: Reason = {
  code: 'entry-unknown',
  say: 'Which node the packet enters is not said, and the outcome depends on it.',
  settle: 'Name the node in "via".',
};
export const CONNECTION: Reason = {
  code: 'pod-connection',
  say: 'The packet belongs to a connection opened earlier; whether the server still has it is not in the capture.',
  settle: 'Assume that it has, or open a new connection.',
};
export const BRIDGE: Reason = {
  code: 'bridge-nf-call',
  say: 'Both pods are on one bridge, and whether its frames pass through netfilter was not captured.',
  settle: 'Capture sysctl net.bridge on the node.',
};
export const bridgeRules = (bridge: string): Reason => ({
  code: 'bridge-rules',
  say: `Both pods are on ${bridge}, and what rules of the bridge family may make of its frames is not followed.`,
  settle: 'Trace the frame on the port of the bridge by which it comes in.',
});
export const HAIRPIN: Reason = {
  code: 'bridge-hairpin',
  say: 'The packet is turned round to the pod that sent it, and whether its port of the bridge lets it out again was not captured.',
  settle: 'Capture ip -d link and sysctl net.bridge on the node.',
};
export const noHairpin = (node: string, bridge: string): string =>
  `Ports of ${bridge} on ${node} have no hairpin: what is turned round to the pod that sent it is not let out again.`;
export const noWayBack = (node: string, client: string): Reason => ({
  code: 'arrival-unknown',
  say: `${node} has no route back to ${client}: by which interface its packets come in is not known.`,
  settle: 'Trace the packet with its interface.',
});
export const routerForwards = (gateway: string, node: string): string =>
  `${gateway} is not in the capture and is taken to forward to ${node}, unfiltered and untranslated.`;
export const switched = (node: string, bridge: string): string =>
  `Frames between ports of ${bridge} on ${node} are switched without the IP hooks, as bridge-nf-call is off: no rule of ip, ip6 or inet sees them.`;
export const cableUnknown = (node: string, pod: string): Reason => ({
  code: 'pod-cable',
  say: `${node} has no route that leads to ${pod} alone: by which interface the pod is reached is not known.`,
  settle: `Look at the routes of ${node} to the pod's address.`,
});
export const byItsCable = (node: string, pod: string, dev: string): string =>
  `${node} has no route to ${pod}: its packets are taken to come in by ${dev}.`;
export const goesAway = (node: string, pod: string, dev: string, nexthop: string): string =>
  `${node} has no route to ${pod} of its own: the answer leaves by ${dev} to ${nexthop} and does not come to the pod.`;
/** What the reading of objects failed by: of a live cluster a right, or its API server. */
const settleLack = (whys: readonly string[], otherwise: string): string =>
  whys.some((why) => why.includes('missing right'))
    ? 'Grant the right to nftscope (docs/cluster.md).'
    : whys.some((why) => !why.endsWith('was not read') && !why.endsWith('were not captured'))
      ? 'See why the objects could not be read.'
      : otherwise;

/** An address behind a node that the missing objects might name; `whys` they are missing. */
export const nameless = (address: string, whys: readonly string[]): Reason => ({
  code: 'objects-not-read',
  say: `Whose address ${address} is, is not known: ${whys.join('; ')}.`,
  settle: settleLack(whys, 'Capture the objects of the cluster as well.'),
});
export const listeningUnknown = (what: string, whys: readonly string[]): Reason => ({
  code: 'listening-unknown',
  say: `Whether anything listens at ${what} is not known: ${whys.join('; ')}.`,
  settle: settleLack(whys, 'Capture the objects, or assume whether it listens.'),
});
export const uncaptured = (node: string): string =>
  `${node} is not in the capture and is taken to forward pod traffic unfiltered and untranslated.`;
export const PROTOCOL: Reason = {
  code: 'pod-protocol',
  say: "Whether the pod's kernel supports the protocol is not in the capture.",
  settle: 'Assume that it does, or does not.',
};

export const nodeProtocol = (node: string, protocol: string): Reason => ({
  code: 'node-protocol',
  say: `Whether anything on ${node} takes ${protocol} is not in the capture: its list of sockets has TCP and UDP only.`,
  settle: 'Assume that it does, or does not.',
});
export const PROXY: Reason = {
  code: 'transparent-proxy',
  say: 'A transparent proxy of the node takes the datagram, and what it does with it is not in the capture.',
  settle: 'Ask the proxy, or assume what it answers.',
};
export const GROUP: Reason = {
  code: 'group-answer',
  say: 'The datagram goes to a group or to everybody; who answers, and from which address, is not in the capture.',
  settle: 'Ask for the address of one host.',
};
/** ping_v6_sendmsg() does not pass on what icmpv6_push_pending_frames() returns. */
export const RAW_ECHO =
  'The echo is taken to be sent by a raw socket: a ping socket of IPv6 is not told of the drop and waits.';
/** Of a server that gets datagrams for all addresses, where its route to the client has another source. */
export const answersFrom = (node: string, asked: string, routed: string): string =>
  `The server on ${node} is taken to answer from ${asked}, where it was asked: one that leaves the source to the kernel would answer from ${routed}.`;

export const notCaptured = (node: string): Reason => ({
  code: 'outside-capture',
  say: `The packet sets out on ${node}, which is not in the capture, and what it makes of this address is not known.`,
  settle: `Capture ${node}.`,
});
