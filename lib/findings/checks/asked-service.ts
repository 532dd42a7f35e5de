/** What the Service side says of a connection that is asked about: an address or port that nobody serves, a client that is left out. */
import type { Service } from '../../cluster/cluster';
import { contains } from '../../expected/addresses';
import { servicePorts } from '../../expected/service-ports';
import { formatAddress, inPrefix, parseAddress, shortest } from '../../net/address';
import type { Prefix } from '../../net/prefix';
import type { Question } from '../../reach/walk';
import type { Context } from '../context';
import { type Evidence, type Finding, finding } from '../finding';
import { commonServiceNetwork, podNetworks, serviceNetworks } from '../networks';
import { isServed, nameOf } from '../services';

export function askedServiceFindings(context: Context): readonly Finding[] {
  const { question } = context;
  const { services } = context.cluster;
  if (question === undefined || !services.known) return [];
  const served = services.value.filter(isServed);
  return [
    ...unallocated(context, services.value, question),
    ...undefinedPort(served, question),
    ...leftOut(served, question),
  ];
}

const same = (text: string, asked: string): boolean => {
  const [one, other] = [parseAddress(text), parseAddress(asked)];
  return one !== undefined && one.family === other?.family && one.value === other.value;
};

const serviceEvidence = ({ namespace, name }: Service, text: string): Evidence => ({
  kind: 'object',
  object: 'Service',
  namespace,
  name,
  text,
});

function unallocated(context: Context, services: readonly Service[], { packet }: Question): readonly Finding[] {
  const { daddr } = packet;
  const address = parseAddress(daddr);
  if (address === undefined) return [];
  const holds = ({ family, addr, len }: Prefix): boolean =>
    family === address.family && inPrefix(address.value, addr, len);
  const named = serviceNetworks(context).find(holds);
  const guessed =
    named === undefined && !isTaken(context, daddr) ? commonServiceNetwork(context, address.family) : undefined;
  const network = named ?? (guessed !== undefined && holds(guessed) ? guessed : undefined);
  const isKnown = services.some(({ clusterIPs, externalIPs, loadBalancerIPs }) =>
    [...clusterIPs, ...externalIPs, ...loadBalancerIPs].some((one) => same(one, daddr)),
  );
  if (network === undefined || isKnown) return [];
  const range = `${formatAddress(network.addr)}/${network.len}`;
  return [
    finding({
      code: 'clusterip-unallocated',
      summary: `${daddr} lies in the Service network ${range}, and no Service has it.`,
      services: [],
      nodes: [],
      evidence: [{ kind: 'address', address: daddr, text: `in ${range}, the ClusterIP of no Service` }],
      assumptions: [
        named === undefined
          ? 'That what lies between ClusterIPs is of the Service network.'
          : "That the Service network is what ServiceCIDRs and kube-proxy's rules name.",
      ],
      reproduce: `kubectl get services -A -o wide | grep -w ${daddr}`,
      remedy: 'Ask for the Service by its name: it was deleted, or made anew with another address.',
    }),
  ];
}

/** In a network of pods, or the address of a node. */
const isTaken = (context: Context, text: string): boolean => {
  const address = parseAddress(text);
  const isOfNode =
    context.cluster.nodes.known &&
    context.cluster.nodes.value.some((node) => node.addresses.some((one) => shortest(one) === shortest(text)));
  return (
    isOfNode ||
    podNetworks(context).some(
      ({ family, addr, len }) => family === address?.family && inPrefix(address.value, addr, len),
    )
  );
};

function undefinedPort(services: readonly Service[], { packet }: Question): readonly Finding[] {
  const { daddr, dport, protocol = 'tcp' } = packet;
  const service = services.find(({ clusterIPs }) => clusterIPs.some((one) => same(one, daddr)));
  if (service === undefined) return [];
  const asked = String(protocol).toUpperCase();
  if (service.ports.some((one) => one.port === dport && one.protocol === asked)) return [];
  const ports = service.ports.map(
    ({ port, protocol: of, name }) => `${port}/${of}${name === undefined ? '' : ` (${name})`}`,
  );
  const target = service.ports.find((one) => one.targetPort === dport);
  return [
    finding({
      code: 'clusterip-port-undefined',
      summary: `Service ${nameOf(service)} has no port ${dport}/${asked}${target === undefined ? '' : `: that is the target port of its port ${target.port}`}.`,
      services: [nameOf(service)],
      nodes: [],
      evidence: [serviceEvidence(service, `ClusterIP ${daddr}, ports ${ports.join(', ')}`)],
      reproduce: `kubectl -n ${service.namespace} get service ${service.name}`,
      remedy: `Use ${ports.length === 1 ? 'port' : 'one of'} ${ports.join(', ')}, or give the Service this port.`,
    }),
  ];
}

/** Ranges count for load balancer addresses only, and by family (pkg/proxy/nftables/proxier.go). */
function leftOut(services: readonly Service[], { packet }: Question): readonly Finding[] {
  const { saddr, daddr, dport, protocol = 'tcp', family } = packet;
  if (family === 'arp') return [];
  const port = servicePorts(services, family, { openRange: true }).find(
    (one) =>
      one.number === dport &&
      one.protocol === String(protocol).toLowerCase() &&
      one.loadBalancerIPs.some((address) => same(address, daddr)),
  );
  if (port?.sourceRanges === undefined || port.sourceRanges.some((range) => contains(range, saddr))) return [];
  const service = services.find(({ namespace, name }) => namespace === port.namespace && name === port.service);
  if (service === undefined) return [];
  const ranges = service.loadBalancerSourceRanges.join(', ');
  return [
    finding({
      code: 'source-ranges-block',
      summary: `The loadBalancerSourceRanges of Service ${nameOf(service)} leave out ${saddr}.`,
      services: [nameOf(service)],
      nodes: [],
      evidence: [
        serviceEvidence(service, `loadBalancerSourceRanges: ${ranges}`),
        { kind: 'address', address: saddr, text: 'the client, in none of them' },
      ],
      reproduce: `kubectl -n ${service.namespace} get service ${service.name} -o jsonpath='{.spec.loadBalancerSourceRanges}'`,
      remedy: 'Add the network of the client to the ranges, if it may come.',
    }),
  ];
}
