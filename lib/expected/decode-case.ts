/** One case of recorded kube-proxy rulesets: its `config`, `services` and `endpointSlices` (docs/expected.md). */
import { decodeEndpointSlices, decodeServices } from '../cluster/decode-objects';
import { type At, at, decoding, unwrap } from '../net/json-cursor';
import type { Result } from '../net/result';
import type { Expression, Table } from '../nft/model';
import { addressOf, contains, networkExpression, networkOf, networkSet, type ProxyFamily } from './addresses';
import type { LocalTraffic, ProxyConfiguration } from './configuration';
import { expectedTable } from './expected-table';
import { type Release, releaseOf } from './release';
import { meta, source } from './statements';

const DEFAULT_MARK = 0x4000;
const FAMILIES = { IPv4: 'ip', IPv6: 'ip6' } as const;

/** The tables of the case's families. */
export function expectedOfCase(members: { readonly [name: string]: unknown }): Result<readonly Table[]> {
  return decoding(() => {
    const root = at(members);
    const config = root.key('config');
    const list = (name: string) => ({ items: root.optional(name)?.value ?? [] });
    const objects = {
      services: unwrap(decodeServices(list('services')), 'services'),
      endpointSlices: unwrap(decodeEndpointSlices(list('endpointSlices')), 'endpointSlices'),
    };
    const version = config.key('kubeProxyVersion');
    const release = releaseOf(version.string()) ?? version.fail('kube-proxy before 1.31, or no version');
    return familiesOf(config).map((family) => {
      const node = {
        name: config.key('nodeName').string(),
        zone: config.optional('zone')?.string() || undefined,
        address: nodeAddress(config, family),
      };
      return expectedTable(family, objects, node, configurationOf(config, family, release));
    });
  });
}

function familiesOf(config: At): readonly ProxyFamily[] {
  const words = ['IPv4', 'IPv6'] as const;
  const only = config.optional('ipFamily')?.oneOf(words);
  const all = config.optional('families')?.items();
  return (only === undefined ? (all?.map((one) => one.oneOf(words)) ?? words) : [only]).map((one) => FAMILIES[one]);
}

function configurationOf(config: At, family: ProxyFamily, release: Release): ProxyConfiguration {
  const bit = config.optional('masqueradeBit')?.integer(0, 31);
  const mark = config.optional('masqueradeMark')?.integerOrText(1, 2 ** 32 - 1);
  return {
    release,
    mark: mark ?? (bit === undefined ? DEFAULT_MARK : 2 ** bit),
    masqueradeAll: config.optional('masqueradeAll')?.boolean() ?? false,
    localTraffic: localTraffic(config.optional('detectLocal'), family, release),
    nodePortAddresses: nodePortAddresses(config, family),
    unallocated: serviceNetworks(texts(config.optional('serviceCIDRs')), family),
  };
}

function serviceNetworks(all: readonly string[], family: ProxyFamily): Expression | undefined {
  const networks = all.flatMap((text) => networkOf(text, family) ?? []);
  return networks.length === 0 ? undefined : networkSet(networks, family);
}

const texts = (list: At | undefined): readonly string[] => list?.items().map((one) => one.string()) ?? [];

/** The first CIDR of the family, an interface, or the prefix of interfaces' names (pkg/proxy/util/localdetector.go). */
function localTraffic(detect: At | undefined, family: ProxyFamily, release: Release): LocalTraffic | undefined {
  const mode = detect?.key('mode').oneOf(['ClusterCIDR', 'NodeCIDR', 'BridgeInterface', 'InterfaceNamePrefix', 'none']);
  const byAddress = (all: readonly string[]): LocalTraffic | undefined => {
    const [network] = all.flatMap((text) => networkOf(text.trim(), family) ?? []);
    return network === undefined ? undefined : { left: source(family), right: networkExpression(network, family) };
  };
  const byInterface = (right: string): LocalTraffic => ({ left: meta(release.interfaceKey), right });
  switch (mode) {
    case 'ClusterCIDR':
      return byAddress((detect?.optional('clusterCIDR')?.string() ?? '').split(','));
    case 'NodeCIDR':
      return byAddress(texts(detect?.optional('podCIDRs')));
    case 'BridgeInterface':
      return byInterface(detect?.key('bridgeInterface').string() ?? '');
    case 'InterfaceNamePrefix':
      return byInterface(`${detect?.key('interfaceNamePrefix').string()}*`);
    case 'none':
    case undefined:
      return undefined;
  }
}

/** Local addresses in the CIDRs of the family, without loopback ones. */
function nodePortAddresses(config: At, family: ProxyFamily): 'any' | readonly string[] {
  const networks = texts(config.optional('nodePortAddresses')).flatMap((text) => networkOf(text, family) ?? []);
  // A network of length 0 stands for no choice (pkg/proxy/util/nodeport_addresses.go).
  if (networks.length === 0 || networks.some(({ len }) => len === 0)) return 'any';
  const loopback = networkOf(family === 'ip' ? '127.0.0.0/8' : '::1/128', family);
  return texts(config.optional('localAddresses')).flatMap((text) => {
    const address = addressOf(text.replace(/\/\d+$/, ''), family);
    if (address === undefined || (loopback !== undefined && contains(loopback, address))) return [];
    return networks.some((network) => contains(network, address)) ? [address] : [];
  });
}

/** `nodeIPs` maps families to primary addresses, or lists all local ones beside `primaryNodeIP`. */
function nodeAddress(config: At, family: ProxyFamily): string | undefined {
  const ips = config.optional('nodeIPs');
  const word = family === 'ip' ? 'IPv4' : 'IPv6';
  const primary = config.optional('primaryNodeIP')?.string();
  if (primary !== undefined) return addressOf(primary, family);
  if (ips === undefined) return undefined;
  if (Array.isArray(ips.value)) return texts(ips).find((text) => addressOf(text, family) !== undefined);
  return ips.optional(word)?.string();
}
