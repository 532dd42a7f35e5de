/** Names of chains and sets that kube-proxy writes: they hold names, addresses and a hash of both, which is computed again. */
import { parseAddress } from '../../net/address';
import { type AddressMap, formatIp } from './address-map';
import { base32, type Hashes } from './hashes';
import type { NameMap } from './name-map';

export interface Renaming {
  readonly hashes: Hashes;
  readonly addresses: AddressMap;
  readonly names: NameMap;
}

/** PREFIX-HASH-NAMESPACE/SERVICE/PROTOCOL/PORTNAME, and __ADDRESS/PORT for an endpoint (kube-proxy, nftables/proxier.go). */
const NFTABLES =
  /^(service|local|external|firewall|endpoint|affinity)-([A-Z2-7]{8})-([^/]+)\/([^/]+)\/(tcp|udp|sctp)\/([^/_]*)(?:__(.*))?$/;
const LONGEST = 240;

/** The name by the replaced names; undefined where it is none of kube-proxy's nftables mode. */
export function renameServiceChain(name: string, { hashes, addresses, names }: Renaming): string | undefined {
  const [, kind, hash, namespace, service, protocol, port, endpoint] = NFTABLES.exec(name) ?? [];
  if (kind === undefined || hash === undefined || namespace === undefined || service === undefined) return undefined;
  const before = name.slice(kind.length + 1 + 8 + 1);
  const part = `${names.name(namespace)}/${names.name(service)}/${protocol}/${names.portName(port ?? '')}`;
  const after = endpoint === undefined ? part : `${part}__${endpointOf(endpoint, addresses)}`;
  // A name that was cut, or whose hash is wrong, keeps its fault.
  const isRight = base32(hashes.sha256(before), 8) === hash;
  const renamed = `${base32(isRight ? hashes.sha256(after) : hashes.keyed(name), 8)}-${after}`;
  const cut = renamed.length > LONGEST ? `${renamed.slice(0, LONGEST - 3)}...` : renamed;
  return `${kind}-${cut}`;
}

/** `10.0.0.1/80`, `fd00..1/80`. Of one that was cut nothing is left but that. */
function endpointOf(text: string, addresses: AddressMap): string {
  const [, host = '', port = ''] = /^(.*)\/(\d+)$/.exec(text) ?? [];
  const address = parseAddress(host) ?? parseAddress(host.replaceAll('.', ':'));
  if (address === undefined) return '...';
  return `${formatIp(addresses.ip(address)).replaceAll(':', '.')}/${port}`;
}

export interface ServicePort {
  readonly namespace: string;
  readonly service: string;
  readonly port: string;
  /** Lower case. */
  readonly protocol: string;
  /** `10.0.0.1:80`, `[fd00::1]:80` */
  readonly endpoints: readonly string[];
}

/** KUBE-SVC-…, KUBE-SEP-… of iptables mode: 16 characters of a hash alone (iptables/proxier.go, portProtoHash). */
const IPTABLES = /\bKUBE-(SVC|SVL|EXT|FW|XLB|SEP)-([A-Z2-7]{16})\b/g;

/** Replaces these names in a text. The hash of a Service that the capture does not have is replaced by another one. */
export class IptablesNames {
  #renamed: ReadonlyMap<string, string> | undefined;

  constructor(
    readonly renaming: Renaming,
    readonly ports: () => readonly ServicePort[],
  ) {}

  replace(text: string): string {
    return text.replace(IPTABLES, (_, kind: string, hash: string) => {
      this.#renamed ??= this.#table();
      const { hashes } = this.renaming;
      return `KUBE-${kind}-${this.#renamed.get(hash) ?? base32(hashes.keyed(`chain/${hash}`), 16)}`;
    });
  }

  #table(): ReadonlyMap<string, string> {
    const { hashes, names, addresses } = this.renaming;
    const renamed = new Map<string, string>();
    const hashOf = (text: string) => base32(hashes.sha256(text), 16);
    const partOf = (namespace: string, service: string, port: string, protocol: string) =>
      `${namespace}/${service}${port === '' ? '' : `:${port}`}${protocol}`;
    for (const { namespace, service, port, protocol, endpoints } of this.ports()) {
      const before = partOf(namespace, service, port, protocol);
      const after = partOf(names.name(namespace), names.name(service), names.portName(port), protocol);
      renamed.set(hashOf(before), hashOf(after));
      for (const endpoint of endpoints) {
        const [, host = '', number = ''] = /^\[?([^\]]*)\]?:(\d+)$/.exec(endpoint) ?? [];
        const other = addresses.text(host) ?? host;
        const replaced = other.includes(':') ? `[${other}]:${number}` : `${other}:${number}`;
        renamed.set(hashOf(before + endpoint), hashOf(after + replaced));
      }
    }
    return renamed;
  }
}
