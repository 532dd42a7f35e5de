/**
 * The `environment` of a recorded case (docs/cases.md): the parsed outputs of `ip -j`, sysctl text and the listening ports, in
 * one object.
 */
import { type At, at, decoding, unwrap } from '../net/json-cursor';
import type { Result } from '../net/result';
import { decodeLinks } from './decode-links';
import { decodeNeighbours } from './decode-neighbours';
import { decodeRoutes } from './decode-routes';
import { decodeRules } from './decode-rules';
import { decodeSysctl } from './decode-sysctl';
import type { Known, Link, ListeningSocket, Neighbour, World } from './world';

/** Everything of a node except its ruleset: `{ ...parts, ruleset }` is a {@link World}. */
export type WorldParts = Omit<World, 'ruleset'>;

/**
 * A member that is absent gives `known: false`, never an empty list. Connection tracking is active for both families and its
 * table starts empty, as in every recorded case.
 */
export function decodeEnvironment(json: unknown): Result<WorldParts> {
  return decoding(() => {
    const root = at(json);
    const part = <T>(name: string, decode: (value: unknown) => Result<T>): Known<T> => {
      const member = root.optional(name);
      if (member === undefined) return unknown(`the environment has no ${name}`);
      return { known: true, value: unwrap(decode(member.value), member.path) };
    };
    const sockets = root.optional('sockets');
    const notRecorded = unknown('recorded cases have no iptables-save');
    const links = part('addr', (addr) => decodeLinks(addr, root.optional('link')?.value));
    const neighbours = part('neigh', decodeNeighbours);
    return {
      links,
      fdb: portsOf(links, neighbours),
      routes: {
        ip: part('route4', (routes) => decodeRoutes(routes, 'ip')),
        ip6: part('route6', (routes) => decodeRoutes(routes, 'ip6')),
      },
      rules: {
        ip: part('rule4', (rules) => decodeRules(rules, 'ip')),
        ip6: part('rule6', (rules) => decodeRules(rules, 'ip6')),
      },
      neighbours,
      neighboursComplete: root.optional('neighboursComplete')?.boolean() ?? false,
      sysctl: part('sysctl', (text) => decodeSysctl(at(text).string())),
      conntrack: { known: true, value: [] },
      sockets:
        sockets === undefined
          ? unknown('the environment has no sockets')
          : { known: true, value: decodeListeners(sockets) },
      iptables: { ip: notRecorded, ip6: notRecorded },
      legacyTables: [],
      legacySave: unknown('recorded cases have no legacy iptables'),
      conntrackAlways: true,
    };
  });
}

/**
 * The bridge ports of the recorded environments: a port and the machine behind it have MAC addresses that differ in the last byte
 * only.
 */
function portsOf(links: Known<readonly Link[]>, neighbours: Known<readonly Neighbour[]>): ReadonlyMap<string, string> {
  const ports = new Map<string, string>();
  if (!links.known || !neighbours.known) return ports;
  const bridged = links.value.filter((l) => l.master !== undefined && l.mac !== undefined);
  for (const n of neighbours.value) {
    const port = bridged.find((l) => l.master === n.dev && l.mac?.slice(0, 14) === n.mac?.slice(0, 14));
    if (port !== undefined && n.mac !== undefined) ports.set(n.mac, port.name);
  }
  return ports;
}

const unknown = (why: string) => ({ known: false, why }) as const;

/** `{tcpListen, udpBound, transparent}`: ports bound to any address of both families. */
function decodeListeners(item: At): readonly ListeningSocket[] {
  const ports = (name: string) => (item.optional(name)?.items() ?? []).map((port) => port.integer(0, 65535));
  const transparent = new Set(ports('transparent'));
  const socket = (protocol: 'tcp' | 'udp') => (port: number) => ({
    protocol,
    port,
    transparent: transparent.has(port),
  });
  return [...ports('tcpListen').map(socket('tcp')), ...ports('udpBound').map(socket('udp'))];
}
