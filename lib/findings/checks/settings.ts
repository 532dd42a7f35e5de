/** Settings of a node's kernel that stop Service traffic. */

import type { ServicePortFacts } from '../../expected/service-ports';
import type { Network } from '../../reach/network';
import { ask, type Ending, type Question } from '../../reach/walk';
import type { Prepared } from '../../sim';
import { deviceTowards, type Probe, podAddress } from '../probes';
import type { Survey } from '../survey';

const settingOf = ({ world: { sysctl } }: Prepared, key: string): string | undefined =>
  sysctl.known ? sysctl.value.get(key) : undefined;

export interface ForwardingOff {
  readonly node: string;
  readonly family: 'ip' | 'ip6';
  readonly key: string;
}

const FORWARDING = { ip: 'net.ipv4.ip_forward', ip6: 'net.ipv6.conf.all.forwarding' } as const;

/** Nodes with pods of a family that their kernel does not forward. */
export function forwardingOff({ nodes, cluster }: Network): readonly ForwardingOff[] {
  return [...nodes].flatMap(([node, { prepared }]) =>
    (['ip', 'ip6'] as const).flatMap((family) => {
      const key = FORWARDING[family];
      const hasPods = cluster.pods.known
        ? cluster.pods.value.some((pod) => podAddress(pod, node, family) !== undefined)
        : cluster.nodes.known &&
          cluster.nodes.value.some(
            ({ name, podCIDRs }) => name === node && podCIDRs.some((cidr) => cidr.includes(':') === (family === 'ip6')),
          );
      return hasPods && settingOf(prepared, key) === '0' ? [{ node, family, key }] : [];
    }),
  );
}

export interface ConntrackFull {
  readonly node: string;
  readonly count: number;
  readonly max: number;
}

/** From here on a table counts as full: entries come and go faster than a capture is read. */
const NEARLY_FULL = 0.9;

export function conntrackFull({ nodes }: Network): readonly ConntrackFull[] {
  return [...nodes].flatMap(([node, { prepared }]) => {
    const max = Number(settingOf(prepared, 'net.netfilter.nf_conntrack_max') ?? 0);
    const { conntrack } = prepared.world;
    const told = settingOf(prepared, 'net.netfilter.nf_conntrack_count');
    const count = Math.max(Number(told ?? 0), conntrack.known ? conntrack.value.length : 0);
    // 0 means no limit.
    return max > 0 && count >= max * NEARLY_FULL ? [{ node, count, max }] : [];
  });
}

export interface BridgeBypass {
  readonly node: string;
  readonly bridge: string;
  readonly key: string;
  readonly ports: readonly ServicePortFacts[];
  readonly question: Question;
}

/** Pods of one bridge whose answers to each other are not translated back, because the bridge does not call iptables. */
export function bridgeBypasses({ network, probes }: Survey): readonly BridgeBypass[] {
  const found = new Map<string, BridgeBypass & { readonly ports: ServicePortFacts[] }>();
  for (const probe of probes) {
    if (probe.client !== 'pod' || probe.target !== 'clusterIP') continue;
    const { node, family } = probe;
    const p = network.nodes.get(node)?.prepared;
    if (p === undefined) continue;
    for (const { ip } of probe.backends) {
      const bridge = p.linkByName.get(deviceTowards(p, ip) ?? '');
      if (bridge?.kind !== 'bridge' || network.podByAddress.get(ip)?.node !== node) continue;
      const client = otherPodOn(network, p, node, bridge.name, ip, family);
      if (client === undefined) continue;
      const key = `net.bridge.bridge-nf-call-${family === 'ip' ? 'iptables' : 'ip6tables'}`;
      const known = found.get(`${node} ${bridge.name} ${key}`);
      if (known !== undefined) {
        known.ports.push(...probe.ports);
        break;
      }
      const question: Question = {
        client: { kind: 'pod', node, address: client },
        packet: { ...probe.question.packet, saddr: client },
      };
      if (!isBypassed(network, node, p, key, question)) continue;
      found.set(`${node} ${bridge.name} ${key}`, { node, bridge: bridge.name, key, ports: [...probe.ports], question });
      break;
    }
  }
  return [...found.values()];
}

function otherPodOn(
  { cluster }: Network,
  p: Prepared,
  node: string,
  bridge: string,
  not: string,
  family: Probe['family'],
): string | undefined {
  for (const pod of cluster.pods.known ? cluster.pods.value : []) {
    const address = podAddress(pod, node, family);
    if (address !== undefined && address !== not && deviceTowards(p, address) === bridge) return address;
  }
  return undefined;
}

/** It fails as things are and works where the bridge calls iptables. */
function isBypassed(network: Network, node: string, p: Prepared, key: string, question: Question): boolean {
  const { sysctl } = p.world;
  const here = network.nodes.get(node);
  if (!sysctl.known || here === undefined) return false;
  const called = { ...p.world, sysctl: { known: true as const, value: new Map(sysctl.value).set(key, '1') } };
  const nodes = new Map(network.nodes).set(node, { ...here, prepared: { ...p, world: called } });
  const lost = (endings: readonly Ending[]) => endings.some(({ result }) => result !== undefined && result !== 'ok');
  return (
    lost(ask(network, question, { verdictOnly: true })) &&
    !lost(ask({ ...network, nodes }, question, { verdictOnly: true }))
  );
}
