/**
 * IPv6 neighbour discovery passes the input hook of both nodes (RFC 4861; net/ipv6/ndisc.c): a node that drops it is not found
 * once its entry has run out, although the rules let the connection itself through. ARP does not pass these hooks.
 */
import { formatAddress, parseAddress } from '../net/address';
import { initialState, traceFrom } from '../sim/index';
import type { Culprit, Reason } from '../sim/trace';
import type { Network } from './network';

const SOLICITATION = 135;
const ADVERTISEMENT = 136;

const known = new WeakMap<Network, Map<string, Reason | undefined>>();

/** Why `node` may not find the next hop, an address of the node `owner`; undefined where it does. */
export function discoveryBlocked(
  network: Network,
  node: string,
  dev: string,
  owner: string,
  nexthop: string,
  iif: string | undefined,
): Reason | undefined {
  const target = parseAddress(nexthop);
  if (target?.family !== 'ip6' || node === owner) return undefined;
  const answers = known.get(network) ?? new Map<string, Reason | undefined>();
  known.set(network, answers);
  const key = `${node} ${dev} ${owner} ${nexthop}`;
  if (!answers.has(key)) answers.set(key, blocked(network, node, dev, owner, nexthop, iif));
  return answers.get(key);
}

function blocked(
  network: Network,
  node: string,
  dev: string,
  owner: string,
  nexthop: string,
  iif: string | undefined,
): Reason | undefined {
  const asking = network.nodes.get(node)?.prepared;
  const link = asking?.linkByName.get(dev);
  const own = link?.addresses.find(({ family, scope }) => family === 'ip6' && scope === 'global');
  if (asking === undefined || own === undefined || isPermanent(network, node, nexthop)) return undefined;
  const from = formatAddress(own.local);
  const solicited = dropped(network, owner, iif, from, nexthop, SOLICITATION);
  if (solicited !== undefined) return reason(owner, node, owner, 'solicitations', solicited);
  const advertised = dropped(network, node, dev, nexthop, from, ADVERTISEMENT);
  return advertised === undefined ? undefined : reason(node, node, owner, 'advertisements', advertised);
}

function isPermanent(network: Network, node: string, nexthop: string): boolean {
  const neighbours = network.nodes.get(node)?.prepared.world.neighbours;
  const dst = parseAddress(nexthop)?.value;
  return (
    neighbours?.known === true &&
    neighbours.value.some((one) => one.dst === dst && (one.state.includes('PERMANENT') || one.state.includes('NOARP')))
  );
}

/** Who drops the message on every way that it can take. */
function dropped(
  network: Network,
  node: string,
  iif: string | undefined,
  saddr: string,
  daddr: string,
  icmpType: number,
): Culprit | undefined {
  const prepared = network.nodes.get(node)?.prepared;
  if (prepared === undefined || iif === undefined) return undefined;
  const packet = {
    family: 'ip6',
    iif,
    saddr,
    daddr,
    protocol: 'icmpv6',
    icmpType,
    icmpCode: 0,
    hoplimit: 255,
  } as const;
  const { trace } = traceFrom(prepared, packet, initialState(prepared), { verdictOnly: true });
  const culprits = trace.branches.map(({ outcome }) => (outcome.kind === 'decided' ? outcome.fate.by : undefined));
  return culprits.every((by) => by !== undefined) ? culprits[0] : undefined;
}

function reason(where: string, node: string, owner: string, what: string, by: Culprit): Reason {
  const rule = `${by.family} ${by.table} ${by.chain} ${by.type === 'policy' ? 'policy' : `#${by.handle}`}`;
  return {
    code: 'neighbour-discovery',
    say: `${where} drops neighbour ${what} (${rule}): ${node} reaches ${owner} only as long as its neighbour entry lasts.`,
    settle: `Accept ICMPv6 neighbour discovery on ${where}, or assume that the entry is still valid.`,
  };
}
