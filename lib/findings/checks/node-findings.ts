/** Settings and routes of nodes, and connections that hold on to what is gone, as findings. */
import { formatAddress } from '../../net/address';
import { protocolName } from '../../net/protocols';
import type { CtEntry } from '../../world/world';
import type { Context } from '../context';
import { type Evidence, type Finding, finding } from '../finding';
import { serviceNames } from '../probes';
import { groupBy, listed, nodesOf, probeCommand, servicesOf } from '../show';
import { type HeldConnection, heldClients, heldConnections } from './connections';
import { type WrongLocal, wrongLocalTraffic } from './masquerade';
import { missingRoutes, strictlyFiltered } from './routes';
import { bridgeBypasses, conntrackFull, forwardingOff } from './settings';

/** `forwarding-off` */
export function forwardingFindings({ network }: Context): readonly Finding[] {
  return groupBy(forwardingOff(network), ({ key }) => key).map((group) => {
    const [{ key, family }] = group;
    const what = family === 'ip' ? 'IPv4' : 'IPv6';
    return finding({
      code: 'forwarding-off',
      summary:
        nodesOf(group).length === 1
          ? `${listed(nodesOf(group))} forwards no ${what} packets: its pods reach nobody and nobody reaches them, with or without a Service.`
          : `${listed(nodesOf(group))} forward no ${what} packets: their pods reach nobody and nobody reaches them, with or without a Service.`,
      services: [],
      nodes: nodesOf(group),
      evidence: group.map(({ node }) => ({ kind: 'sysctl', node, key, value: '0' })),
      reproduce: `sysctl ${key}`,
      remedy: `Set ${key} to 1 (sysctl -w ${key}=1), in /etc/sysctl.d, too, and look for what turned it off.`,
    });
  });
}

/** `conntrack-full` */
export function conntrackFindings({ network }: Context): readonly Finding[] {
  const full = conntrackFull(network);
  if (full.length === 0) return [];
  const counts = full.map(({ node, count, max }) => `${node} has ${count} of ${max}`);
  return [
    finding({
      code: 'conntrack-full',
      summary: `The connection table is full or nearly so (${listed(counts)}): the kernel drops new connections.`,
      services: [],
      nodes: nodesOf(full),
      evidence: full.flatMap(({ node, count, max }) => [
        { kind: 'sysctl', node, key: 'net.netfilter.nf_conntrack_count', value: String(count) } as const,
        { kind: 'sysctl', node, key: 'net.netfilter.nf_conntrack_max', value: String(max) } as const,
      ]),
      reproduce: 'sysctl net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max',
      remedy:
        'Raise net.netfilter.nf_conntrack_max (kube-proxy: conntrack.maxPerCore), or find who opens so many connections: conntrack -L.',
    }),
  ];
}

/** `bridge-nf-off` */
export function bridgeFindings({ survey }: Context): readonly Finding[] {
  return groupBy(bridgeBypasses(survey), ({ key }) => key).map((group) => {
    const [{ key, bridge, question }] = group;
    return finding({
      code: 'bridge-nf-off',
      summary: `On ${listed(nodesOf(group))} answers between pods of the bridge ${bridge} do not pass connection tracking: clients there get them from the pod's address and not from the Service's.`,
      services: serviceNames(group.flatMap(({ ports }) => ports)),
      nodes: nodesOf(group),
      evidence: group.flatMap((one): readonly Evidence[] => [
        { kind: 'sysctl', node: one.node, key, value: '0 or absent' },
        { kind: 'interface', node: one.node, name: one.bridge, text: 'a bridge with pods on it' },
        { kind: 'packet', node: one.node, packet: one.question.packet, text: 'the answer is not translated back' },
      ]),
      reproduce: `sysctl ${key}; from ${question.packet.saddr} connect to ${question.packet.daddr} port ${question.packet.dport}`,
      remedy: `Load br_netfilter and set ${key} to 1.`,
    });
  });
}

/** `pod-route-missing` */
export function routeFindings({ network, cluster }: Context): readonly Finding[] {
  const slices = cluster.endpointSlices.known ? cluster.endpointSlices.value : [];
  const services = (address: string) =>
    slices.flatMap(({ namespace, service, endpoints, headless }) =>
      service !== undefined && !headless && endpoints.some(({ addresses }) => addresses.includes(address))
        ? [`${namespace}/${service}`]
        : [],
    );
  const served = missingRoutes(network).filter(({ address }) => services(address).length > 0);
  return groupBy(served, ({ node, say }) => `${node} ${say}`).map((group) => {
    const [{ node, address, say }] = group;
    const pods = group.map(({ pod }) => `${pod.namespace}/${pod.name}`);
    return finding({
      code: 'pod-route-missing',
      summary: `${node} does not reach ${listed(pods)}: ${say}.`,
      services: group.flatMap((one) => services(one.address)),
      nodes: [node],
      evidence: group.flatMap((one): readonly Evidence[] => [
        { kind: 'route', node, text: `to ${one.address}: ${one.say}` },
        {
          kind: 'object',
          object: 'Pod',
          namespace: one.pod.namespace,
          name: one.pod.name,
          text: `${one.address} on ${one.pod.node}`,
        },
      ]),
      reproduce: `ip route get ${address}`,
      remedy: 'Let the network plugin write the route again, and look for who removes routes of others.',
    });
  });
}

/** `rp-filter-strict` */
export function filterFindings({ survey }: Context): readonly Finding[] {
  return groupBy(strictlyFiltered(survey), ({ node, cause }) => `${node} ${sayOf(cause)}`).map((group) => {
    const [{ node, probe, cause, ending }] = group;
    const stop = ending.stops.findLast(({ kind }) => kind === 'node');
    const iif = stop?.kind === 'node' ? (stop.packet.iif ?? '') : '';
    const key = `net.ipv4.conf.${iif}.rp_filter`;
    return finding({
      code: 'rp-filter-strict',
      summary: `${node} drops what comes in by ${iif} from ${probe.question.packet.saddr}: its way back leads out of another interface, and reverse path filtering is strict.`,
      services: servicesOf(group.map((one) => one.probe)),
      nodes: [node],
      evidence: [
        { kind: 'sysctl', node, key, value: '1 (or conf.all)' },
        { kind: 'packet', node, packet: probe.packet ?? {}, text: sayOf(cause) },
      ],
      assumptions: ending.assumptions,
      reproduce: probeCommand(probe),
      remedy: `Set ${key} to 2 (loose) where paths differ by intent, or correct the route back.`,
    });
  });
}

const sayOf = (cause: ReturnType<typeof strictlyFiltered>[number]['cause']): string =>
  cause.kind === 'kernel' ? cause.step.say : '';

/** `masquerade-missing` */
export function masqueradeFindings({ network }: Context): readonly Finding[] {
  // A node with one mistake in both families, and nodes with the same mistake, are one cause.
  const ofNodes = groupBy(wrongLocalTraffic(network), ({ node, kind }) => `${node} ${kind}`);
  return groupBy(ofNodes, (ones) => [ones[0].kind, ...ones.map(({ told }) => told)].join()).map((group) => {
    const all = group.flat();
    const [[first]] = group;
    const nodes = nodesOf(all);
    return finding({
      code: 'masquerade-missing',
      summary: masqueradeSummary(all, group[0]),
      services: [],
      nodes,
      evidence: all.flatMap((one): readonly Evidence[] => [
        {
          kind: 'table',
          node: one.node,
          family: one.family,
          table: 'kube-proxy',
          text:
            one.kind === 'all'
              ? 'the first rule marks all Service traffic'
              : one.told === ''
                ? 'no rule tells pods from others'
                : `pods are told by ${one.told}`,
        },
        ...one.pods.slice(0, 3).map(({ namespace, name, addresses }): Evidence => {
          return { kind: 'object', object: 'Pod', namespace, name, text: addresses.join(', ') };
        }),
      ]),
      reproduce: first.look,
      remedy:
        first.kind === 'all'
          ? 'Give all nodes the same masqueradeAll in the configuration of kube-proxy and restart it, unless this node is meant to differ.'
          : 'Correct clusterCIDR (or detectLocal) in the configuration of kube-proxy and restart it.',
    });
  });
}

function masqueradeSummary(
  all: readonly WrongLocal[],
  [first, ...families]: readonly [WrongLocal, ...WrongLocal[]],
): string {
  const who = `kube-proxy of ${listed(nodesOf(all))}`;
  const told = listed([first, ...families].map((one) => one.told));
  const pods = [...new Set(all.flatMap((one) => one.pods.map(({ namespace, name }) => `${namespace}/${name}`)))];
  switch (first.kind) {
    case 'always':
      return `${who} takes traffic of ${told} for that of its pods, and ${listed(pods)} ${pods.length === 1 ? 'is' : 'are'} not part of it: all their Service traffic is masqueraded, and servers see the node.`;
    case 'never':
      return `${who} takes traffic of ${told} for that of its pods, which ${listed([...new Set([first, ...families].map((one) => one.strangers))])} belong to as well: Service traffic from there is not masqueraded, and answers may go another way.`;
    case 'all':
      return `${who} masquerades all Service traffic (masqueradeAll), other than on other nodes: servers see the node and not the client.`;
    case 'untold':
      return `${who} does not know which traffic is that of pods, as it does on other nodes: what comes from elsewhere to a ClusterIP is not masqueraded, and answers may go another way.`;
  }
}

/** `conntrack-stale-udp`, `conntrack-to-removed-endpoint`, `conntrack-without-nat` */
export function connectionFindings({ network }: Context): readonly Finding[] {
  return groupBy(
    heldConnections(network),
    ({ code, port, endpoint }) => `${code} ${port.namespace}/${port.service} ${endpoint}`,
  ).map((group) => {
    const [{ code, port, endpoint, entry }] = group;
    return finding({
      code,
      summary: connectionSummary(group, endpoint),
      services: [`${port.namespace}/${port.service}`],
      nodes: nodesOf(group),
      evidence: group.slice(0, EVIDENCE_MAX).map((one) => {
        return { kind: 'conntrack', node: one.node, text: entryText(one.entry) } as const;
      }),
      reproduce: `conntrack -L ${selector(entry)}`,
      remedy: REMEDY[code].replace('…', selector(entry)),
    });
  });
}

/** So many connections of one cause are shown. */
const EVIDENCE_MAX = 5;

const REMEDY: Readonly<Record<HeldConnection['code'], string>> = {
  'conntrack-stale-udp':
    'Delete the entries: conntrack -D …. kube-proxy does so when it sees an endpoint go: look why it did not.',
  'conntrack-to-removed-endpoint':
    'Clients should open a new connection; keepalive finds it out sooner. conntrack -D … ends the wait.',
  'conntrack-without-nat': 'Delete the entry, or let the client try anew: conntrack -D ….',
};

function connectionSummary(group: readonly [HeldConnection, ...HeldConnection[]], endpoint: string): string {
  const [{ code, port, entry }] = group;
  const service = `${port.namespace}/${port.service}`;
  const where = listed(nodesOf(group));
  const clients = listed([...new Set(group.map((one) => formatAddress(one.entry.original.src)))]);
  switch (code) {
    case 'conntrack-stale-udp':
      return `On ${where} packets of ${clients} to ${service} still go to ${endpoint}, which is gone: their connection entry outlived it.`;
    case 'conntrack-to-removed-endpoint':
      return `On ${where} connections of ${clients} to ${service} are pinned to ${endpoint}, which is gone.`;
    case 'conntrack-without-nat':
      return `On ${where} a connection of ${clients} to ${formatAddress(entry.original.dst)} (${service}) was begun before the rules were there: its entry has no translation, and every further packet follows it.`;
  }
}

const selector = ({ original }: CtEntry): string =>
  `-p ${protocolName(original.protocol)} -s ${formatAddress(original.src)} -d ${formatAddress(original.dst)} --dport ${original.dport}`;

function entryText({ original, reply, tcpState, status }: CtEntry): string {
  const tuple = ({ src, dst, sport, dport }: CtEntry['original']) =>
    `src=${formatAddress(src)} dst=${formatAddress(dst)} sport=${sport} dport=${dport}`;
  const state = tcpState === undefined ? '' : `${tcpState} `;
  const seen = status.includes('seen-reply') ? '' : ' [UNREPLIED]';
  return `${protocolName(original.protocol)} ${state}${tuple(original)}${seen} ${tuple(reply)}`;
}

/** `affinity-to-removed-endpoint` */
export function affinityFindings({ network }: Context): readonly Finding[] {
  return groupBy(
    heldClients(network),
    ({ service, endpoint }) => `${service.namespace}/${service.name} ${endpoint.address}`,
  ).map((group) => {
    const [{ service, endpoint, set, family }] = group;
    const name = `${service.namespace}/${service.name}`;
    const clients = [...new Set(group.flatMap((one) => one.set.elements.map(({ key }) => keyText(key))))];
    return finding({
      code: 'affinity-to-removed-endpoint',
      summary: `On ${listed(nodesOf(group))} session affinity sends ${listed(clients)} to ${endpoint.address} for ${name}, an endpoint that is gone: every new connection, ${group.some(isForGood) ? 'for good' : 'until the affinity runs out'}.`,
      services: [name],
      nodes: nodesOf(group),
      evidence: group.map((one) => ({
        kind: 'element',
        node: one.node,
        family: one.family,
        table: 'kube-proxy',
        set: one.set.name,
        text: one.set.elements.map(({ key }) => keyText(key)).join(', '),
      })),
      reproduce: `nft list set ${family} kube-proxy ${set.name}`,
      remedy:
        'kube-proxy deletes the set together with the endpoint: look why it does not write its rules on this node.',
    });
  });
}

/** A client without a timeout, whom no rule added. */
const isForGood = ({ set }: ReturnType<typeof heldClients>[number]): boolean =>
  set.elements.some(({ key, timeout, expires }) => {
    const own = typeof key === 'object' && key.kind === 'elem' ? key : undefined;
    return (timeout ?? own?.timeout ?? 0) === 0 && (expires ?? own?.expires) === undefined;
  });

const keyText = (key: unknown): string =>
  typeof key === 'object' && key !== null && 'val' in key ? String(key.val) : String(key);
