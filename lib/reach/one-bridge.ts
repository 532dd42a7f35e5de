/** Pods whose cables are ports of one bridge: it switches frames between them (net/bridge/br_input.c), and nothing routes them. */
import { inPrefix, parseAddress } from '../net/address';
import { addressKey } from '../sim/environment';
import type { Prepared } from '../sim/index';
import type { Link } from '../world/world';

/** The device that a node's routes lead to for an address. */
function deviceTowards(p: Prepared, text: string): string | undefined {
  const address = parseAddress(text);
  const found = address && p.routers[address.family]?.lookup({ daddr: address.value, mark: 0, tos: 0, iif: undefined });
  return found?.kind === 'found' ? found.result.dev?.name : undefined;
}

/** The bridge that two pods of a node share, on a network of which both have their addresses: they need no gateway. */
export function bridgeBetween(p: Prepared, one: string, other: string): Link | undefined {
  const [a, b] = [parseAddress(one), parseAddress(other)];
  if (a === undefined || b === undefined || a.family !== b.family) return undefined;
  const name = deviceTowards(p, one);
  const bridge = name === undefined ? undefined : p.linkByName.get(name);
  if (bridge?.kind !== 'bridge' || deviceTowards(p, other) !== name) return undefined;
  const isShared = bridge.addresses.some(
    ({ family, local, prefixLen }) =>
      family === a.family && inPrefix(a.value, local, prefixLen) && inPrefix(b.value, local, prefixLen),
  );
  return isShared ? bridge : undefined;
}

/**
 * Whether frames of the bridge pass the IP hooks (net/bridge/br_netfilter_hooks.c); undefined where that was not captured. A kernel
 * without br_netfilter has no such key and calls nothing.
 */
export function callsIpHooks({ world }: Prepared, bridge: Link, family: 'ip' | 'ip6'): boolean | undefined {
  if (bridge.nfCall?.[family] === true) return true;
  if (!world.sysctl.known) return undefined;
  const value = world.sysctl.value.get(`net.bridge.bridge-nf-call-${family === 'ip' ? 'iptables' : 'ip6tables'}`);
  return value !== undefined && value !== '0';
}

/** Whether rules of the bridge family may see its frames. */
export const mayHaveRules = ({ program, world }: Prepared): boolean => program.has('bridge') || !world.ruleset.known;

/**
 * Whether the bridge hands a pod what netfilter turned round to the pod itself (br_forward.c, should_deliver): where it calls the IP
 * hooks the frame stays on the bridge, and only a port with hairpin lets it out again. Undefined where nobody knows.
 */
export function comesBack(p: Prepared, address: string, dev: string): boolean | undefined {
  const bridge = bridgeBetween(p, address, address);
  const pod = parseAddress(address);
  if (bridge === undefined || bridge.name !== dev || pod === undefined) return true;
  if (callsIpHooks(p, bridge, pod.family) === false) return true;
  const { links, fdb } = p.world;
  const all = (links.known ? links.value : []).filter(({ master }) => master === bridge.name);
  const mac = p.neighbours.get(`${dev} ${addressKey(pod.family, pod.value)}`)?.mac;
  const known = mac === undefined ? undefined : fdb?.get(mac);
  const ports = known === undefined ? all : all.filter(({ name }) => name === known);
  if (ports.every(({ hairpin }) => hairpin === true)) return true;
  const isOff = ports.every(({ hairpin }) => hairpin === false) && !bridge.flags.includes('PROMISC');
  return isOff && callsIpHooks(p, bridge, pod.family) === true ? false : undefined;
}
