/** The Services that a rule is about, by the addresses and ports it names. */
import type { Cluster, Service } from '../cluster/cluster';
import { type Literal, visitStatementLiterals } from '../explain/literals';
import { inPrefix, parseAddress } from '../net/address';
import { parsePrefix } from '../net/prefix';
import type { Immediate, Rule } from '../nft/model';
import { nameOf } from './services';

type AddressTest = (text: string) => boolean;
type PortTest = (port: number) => boolean;

/** None where it names neither, or where it names them all. O(Services + endpoints). */
export function servicesInRule({ statements }: Pick<Rule, 'statements'>, cluster: Cluster): readonly string[] {
  const literals: Literal[] = [];
  for (const one of statements) visitStatementLiterals(one, (literal) => literals.push(literal));
  return servicesNamed(
    literals.flatMap((one) => addressTest(one) ?? []),
    literals.flatMap((one) => portTest(one) ?? []),
    cluster,
  );
}

/** The same for the words of a rule of iptables. */
export function servicesInWords(words: readonly string[], cluster: Cluster): readonly string[] {
  const after = (...options: readonly string[]) => words.filter((_, at) => options.includes(words[at - 1] ?? ''));
  const addresses = after('-d', '-s', '--ctorigdst', '--to-destination').flatMap((text) => {
    const prefix = parsePrefix(text.replace(/:\d+$/, ''));
    return prefix === undefined ? [] : [inNetwork(prefix.family, prefix.addr, prefix.len)];
  });
  const ports = after('--dport', '--dports', '--sport', '--sports').flatMap((text) =>
    text.split(',').map((part): PortTest => {
      const [from, to = from] = part.split(':').map(Number);
      return (port) => Number(from) <= port && port <= Number(to);
    }),
  );
  return servicesNamed(addresses, ports, cluster);
}

function servicesNamed(
  addresses: readonly AddressTest[],
  ports: readonly PortTest[],
  cluster: Cluster,
): readonly string[] {
  if (addresses.length + ports.length === 0 || !cluster.services.known) return [];
  const endpoints = endpointsOf(cluster);
  const isMeant = (service: Service): boolean => {
    const { clusterIPs, externalIPs, loadBalancerIPs } = service;
    const own = endpoints.get(nameOf(service));
    const all = [...clusterIPs, ...externalIPs, ...loadBalancerIPs, ...(own?.addresses ?? [])];
    const numbers = [
      ...service.ports.flatMap(({ port, nodePort }) => (nodePort === undefined ? [port] : [port, nodePort])),
      ...(own?.ports ?? []),
    ];
    return (
      (addresses.length === 0 || all.some((text) => addresses.some((test) => test(text)))) &&
      (ports.length === 0 || numbers.some((number) => ports.some((test) => test(number))))
    );
  };
  const found = cluster.services.value.filter(isMeant).map(nameOf);
  return found.length === cluster.services.value.length ? [] : found;
}

const inNetwork =
  (family: 'ip' | 'ip6', addr: number | bigint, len: number): AddressTest =>
  (text) => {
    const one = parseAddress(text);
    return one?.family === family && inPrefix(one.value, addr, len);
  };

function endpointsOf({ endpointSlices }: Cluster) {
  const found = new Map<string, { readonly addresses: string[]; readonly ports: number[] }>();
  for (const { namespace, service, endpoints, ports } of endpointSlices.known ? endpointSlices.value : []) {
    const key = `${namespace}/${service}`;
    const of = found.get(key) ?? { addresses: [], ports: [] };
    found.set(key, of);
    of.addresses.push(...endpoints.flatMap(({ addresses }) => addresses));
    of.ports.push(...ports.flatMap(({ port }) => port ?? []));
  }
  return found;
}

function addressTest(literal: Literal): AddressTest | undefined {
  if (literal.type?.base !== 'address' || !/^ipv[46]_addr$/.test(literal.type.name)) return undefined;
  const number = (value: Immediate) => (typeof value === 'string' ? parseAddress(value) : undefined);
  switch (literal.kind) {
    case 'prefix': {
      const network = number(literal.addr);
      return network === undefined ? undefined : inNetwork(network.family, network.value, literal.len);
    }
    case 'range':
    case 'value': {
      const [first, last] =
        literal.kind === 'range'
          ? [number(literal.from), number(literal.to)]
          : [number(literal.value), number(literal.value)];
      if (first === undefined || last === undefined) return undefined;
      return (text) => {
        const one = parseAddress(text);
        return one?.family === first.family && first.value <= one.value && one.value <= last.value;
      };
    }
  }
}

function portTest(literal: Literal): PortTest | undefined {
  if (literal.type?.name !== 'inet_service') return undefined;
  if (literal.kind === 'prefix') return undefined;
  const [from, to] = literal.kind === 'range' ? [literal.from, literal.to] : [literal.value, literal.value];
  return (port) => Number(from) <= port && port <= Number(to);
}
