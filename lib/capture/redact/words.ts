/** Texts that may hold addresses, names and comments → the same texts with the replacements. */
import { formatMac, parseAddress, parseMac } from '../../net/address';
import { type AddressMap, formatIp } from './address-map';
import { base32 } from './hashes';
import { type IptablesNames, type Renaming, renameServiceChain } from './kube-proxy-names';
import { COMMENT_BYTES } from './name-map';

const ADDRESS4 = /(?<![\w.])(\d{1,3}(?:\.\d{1,3}){3})(?:\/(\d{1,2})(?![\d.]))?(?!\w|\.\d)/g;
const ADDRESS6 =
  /(?<![\w:.])((?:[0-9a-fA-F]{0,4}:){2,7}(?:[0-9a-fA-F]{0,4}|\d{1,3}(?:\.\d{1,3}){3}))(?:\/(\d{1,3})(?!\d))?(?![\w:])/g;
const MAC = /(?<![\w:])[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}(?![\w:])/g;
/** Interfaces that udev names after their MAC address (systemd.net-naming-scheme(7)), and ids of bridges: PRIORITY.MAC. */
const ENX = /\benx([0-9a-f]{12})\b/g;
const BRIDGE_ID = /\b([0-9a-f]{4})\.([0-9a-f]{1,2}(?::[0-9a-f]{1,2}){5})(?![\w:])/g;

/** What kube-proxy and the kubelet write themselves. */
const PLAIN_COMMENTS: ReadonlySet<string> = new Set([
  'rules for kube-proxy',
  'service hairpin connections',
  'Active ClusterIPs',
  'IPs that accept NodePort traffic',
  'vmap to drop or reject packets to services with no endpoints',
  'vmap to drop or reject packets to service nodeports with no endpoints',
  'destinations that are subject to LoadBalancerSourceRanges',
  'ClusterIP, ExternalIP and LoadBalancer IP traffic',
  'NodePort traffic',
  'helper for @no-endpoint-services / @no-endpoint-nodeports',
  'Reject traffic to invalid ports of ClusterIPs',
  'Drop traffic to unallocated ClusterIPs',
  'masquerade all clusterIP traffic',
  'masquerade clusterIP traffic from outside cluster',
  'short-circuit pod traffic',
  'masquerade local traffic',
  'short-circuit local traffic',
  'masquerade',
  'masquerade hairpin traffic',
  'kubernetes load balancer firewall',
  'kubernetes health check service ports',
  'kubernetes externally-visible service portals',
  'kubernetes forwarding rules',
  'kubernetes forwarding conntrack rule',
  'kubernetes service portals',
  'kubernetes service nodeports; NOTE: this must be the last rule in this chain',
  'kubernetes service traffic requiring SNAT',
  'kubernetes postrouting rules',
  'block incoming localnet connections',
]);
/** `NAMESPACE/NAME:PORT words`: kube-proxy's, in both modes. */
const SERVICE_COMMENT =
  /^(?:(masquerade traffic for|pod traffic for|route LOCAL traffic for|masquerade LOCAL traffic for) )?([a-z0-9][a-z0-9.-]*)\/([a-z0-9][a-z0-9.-]*)(?::([a-z0-9-]+))?((?: (?:has no endpoints|has no local endpoints|cluster IP|loadbalancer IP|external IP|external destinations|health check node port|traffic not accepted by KUBE-FW-[A-Z2-7]{16})|:?)| -> (\S+))$/;

/** Words that are nft's, iptables' or kube-proxy's own, also where an object is called so. */
const PROTECTED: ReadonlySet<string> = new Set(
  (
    'filter nat mangle raw security input forward output prerouting postrouting ingress egress route bridge ' +
    'services masquerading firewall-check nodeport-endpoints-check service-endpoints-check endpoints-check cluster-ips-check ' +
    'reject-chain mark-for-masquerade cluster-ips service-ips service-nodeports no-endpoint-services no-endpoint-nodeports ' +
    'firewall-ips nodeport-ips hairpin-connections kube-proxy'
  ).split(' '),
);

/** Users and groups that every system has. */
const PLAIN_NAMES: ReadonlySet<string> = new Set(['root', 'default', 'nobody']);

export class Words {
  /** Those that the listing has; its text has them in other places. */
  readonly #named = new Set<string>();

  constructor(
    readonly renaming: Renaming,
    readonly iptables: IptablesNames,
    /** Names of the cluster's objects. */
    readonly objects: ReadonlySet<string>,
    /** Comments of ports of Services that kube-proxy cut, from 1.37 on, and the whole ones. */
    readonly cut: ReadonlyMap<string, string> = new Map(),
  ) {}

  get #addresses(): AddressMap {
    return this.renaming.addresses;
  }

  /** Addresses, prefixes and MAC addresses, wherever they are in it. */
  scrub(text: string): string {
    return text
      .replace(BRIDGE_ID, (_, priority: string, mac: string) => `${priority}.${this.#bridgeMac(mac)}`)
      .replace(MAC, (mac) => this.#addresses.text(mac) ?? mac)
      .replace(ENX, (_, digits: string) => `enx${this.#enx(digits)}`)
      .replace(ADDRESS6, (whole, address: string, len?: string) => this.network(address, len) ?? whole)
      .replace(ADDRESS4, (whole, address: string, len?: string) => this.network(address, len) ?? whole);
  }

  /** An address, or a network where a length is given; undefined for anything else. */
  network(address: string, len?: string): string | undefined {
    const ip = parseAddress(address);
    if (ip === undefined) return undefined;
    if (len === undefined) return formatIp(this.#addresses.ip(ip));
    // What is too long for a prefix is something else.
    if (Number(len) > (ip.family === 'ip' ? 32 : 128)) return `${formatIp(this.#addresses.ip(ip))}/${len}`;
    return `${formatIp(this.#addresses.network(ip, Number(len)))}/${len}`;
  }

  /** A table, chain, set or other object of nft. Names of the cluster's objects in it are replaced; the rest says whose it is. */
  identifier(name: string): string {
    const chain = renameServiceChain(name, this.renaming);
    if (chain !== undefined) return chain;
    if (PROTECTED.has(name.toLowerCase())) return name;
    return this.iptables.replace(this.scrub(this.#replaceObjects(name)));
  }

  /** What people called a user, a group or a label; nft's text has it too. */
  named(name: string): string {
    if (PLAIN_NAMES.has(name)) return name;
    this.#named.add(name);
    return this.renaming.names.name(name);
  }

  /** The same, with no names of users, groups and labels yet: those of another node. */
  anew(): Words {
    return new Words(this.renaming, this.iptables, this.objects, this.cut);
  }

  isNamed(name: string): boolean {
    return this.#named.has(name);
  }

  /** One that nft takes becomes one that nft takes. */
  comment(comment: string): string {
    if (comment === '' || PLAIN_COMMENTS.has(comment)) return comment;
    const redacted = this.#comment(this.cut.get(comment) ?? comment);
    return comment.length <= COMMENT_BYTES ? redacted.slice(0, COMMENT_BYTES) : redacted;
  }

  #comment(comment: string): string {
    const [, head, namespace, service, port, tail = '', endpoint] = SERVICE_COMMENT.exec(comment) ?? [];
    if (namespace !== undefined && service !== undefined) {
      const { names } = this.renaming;
      const part = `${names.name(namespace)}/${names.name(service)}${port === undefined ? '' : `:${names.portName(port)}`}`;
      const rest = endpoint === undefined ? this.iptables.replace(tail) : ` -> ${this.scrub(endpoint)}`;
      return `${head === undefined ? '' : `${head} `}${part}${rest}`;
    }
    return `redacted ${base32(this.renaming.hashes.keyed(`comment/${comment}`), 8).toLowerCase()}`;
  }

  /** Whole words of it that are names of objects: `allow-shop-in` with a namespace `shop`. */
  #replaceObjects(text: string): string {
    const parts = text.split(/([-_./:])/);
    if (parts.length > 41) return text;
    let out = '';
    for (let from = 0; from < parts.length; ) {
      let to = parts.length;
      // The longest name that begins here; parts and what separates them alternate.
      for (; to > from; to -= 1) {
        const name = parts.slice(from, to).join('');
        if ((from % 2 === 0 && to % 2 === 1 && name.length >= 3 && this.objects.has(name)) || to === from + 1) break;
      }
      const name = parts.slice(from, to).join('');
      out += this.objects.has(name) && name.length >= 3 && !PROTECTED.has(name) ? this.renaming.names.name(name) : name;
      from = to;
    }
    return out;
  }

  #enx(digits: string): string {
    const mac = parseMac((digits.match(/../g) ?? []).join(':')) ?? 0;
    return formatMac(this.#addresses.mac(mac)).replaceAll(':', '');
  }

  #bridgeMac(text: string): string {
    const full = text
      .split(':')
      .map((part) => part.padStart(2, '0'))
      .join(':');
    return (this.#addresses.text(full) ?? full)
      .split(':')
      .map((part) => Number.parseInt(part, 16).toString(16))
      .join(':');
  }
}
