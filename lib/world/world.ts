/**
 * The frozen state of one node at one moment: everything a trace may look at. What was not read is `known: false` with the
 * reason, never an empty list.
 */
import type { EndpointOrder } from '../cluster/endpoint-order';
import type { Ruleset } from '../nft/model';

export type Known<T> = { readonly known: true; readonly value: T } | { readonly known: false; readonly why: string };

/** IPv4 as an unsigned 32-bit number, IPv6 as an unsigned 128-bit bigint; the family is known from the context. */
export type IpValue = number | bigint;
export type IpFamily = 'ip' | 'ip6';

export interface IpPrefix {
  readonly addr: IpValue;
  readonly len: number;
}

export interface LinkAddress {
  readonly family: IpFamily;
  readonly local: IpValue;
  readonly prefixLen: number;
  /** The other end of a point-to-point address (`address` in `ip -j addr`). */
  readonly peer?: IpValue;
  readonly broadcast?: IpValue;
  /** `global`, `link`, `host`, … */
  readonly scope: string;
  readonly secondary: boolean;
  readonly deprecated: boolean;
  readonly tentative: boolean;
}

/** A device that puts packets into other packets. */
export interface Tunnel {
  /** `ipip`, `vxlan`, `wireguard`, … */
  readonly kind: string;
  /** Its ends, where they are configured. */
  readonly local?: IpValue;
  readonly remote?: IpValue;
  /** IP protocol of the packets around; `inner`: that of the packet itself. Undefined: UDP. */
  readonly protocol?: number | 'inner';
  /** Destination port of UDP, where it is known. */
  readonly port?: number;
  /** Number of the virtual network. */
  readonly id?: number;
  /** Without a configured end it sends to the next hop. */
  readonly byNexthop: boolean;
  /** Routes or programs give the ends (`external`). */
  readonly external: boolean;
}

/** One interface; addresses in the order of `ip addr`, which the kernel's source address selection follows. */
export interface Link {
  readonly index: number;
  readonly name: string;
  readonly mtu: number;
  /** `ether`, `loopback`, `none`, … */
  readonly type: string;
  /** `bridge`, `veth`, `vlan`, `vrf`, `dummy`, …; undefined when link.json is absent or names no kind. */
  readonly kind: string | undefined;
  readonly mac: string | undefined;
  readonly up: boolean;
  readonly flags: readonly string[];
  readonly group: string;
  /** Name of the bridge, bond or VRF it belongs to. */
  readonly master: string | undefined;
  /** For bridges: the per-bridge nf_call_iptables / ip6tables / arptables switches. */
  readonly nfCall?: { readonly ip: boolean; readonly ip6: boolean; readonly arp: boolean };
  /** Of a port of a bridge: whether it sends frames back out of the port they came in by. */
  readonly hairpin?: boolean;
  readonly addresses: readonly LinkAddress[];
  readonly tunnel?: Tunnel;
  /** Name of the XDP program at it; empty where the listing names none. Absent: none is there. */
  readonly xdp?: string;
  /** Not in the capture: a packet is said to arrive on it. `name`: so is its name. */
  readonly assumed?: 'index' | 'name';
}

export interface Nexthop {
  readonly gateway?: IpValue;
  /** Family of the gateway where it differs (`via inet6`). */
  readonly gatewayFamily?: IpFamily;
  readonly dev?: string;
  readonly weight: number;
  readonly dead: boolean;
  /** What the route makes of the packet: `mpls`, `ip`, `bpf`, `seg6`, …. */
  readonly encap?: string;
}

export type RouteType =
  | 'unicast'
  | 'local'
  | 'broadcast'
  | 'multicast'
  | 'anycast'
  | 'unreachable'
  | 'blackhole'
  | 'prohibit'
  | 'throw'
  | 'nat';

export interface Route {
  readonly family: IpFamily;
  /** `main`, `local`, `default` or the number as text. */
  readonly table: string;
  readonly type: RouteType;
  readonly dst: IpPrefix;
  /** IPv6 source-specific routes. */
  readonly from?: IpPrefix;
  readonly metric: number;
  readonly tos: number;
  readonly scope: string | undefined;
  readonly prefsrc?: IpValue;
  readonly protocol: string | undefined;
  /** One for ordinary routes; none for unreachable, blackhole, prohibit, throw. */
  readonly nexthops: readonly Nexthop[];
  /** Lock of the MTU and the like are not modelled; `mtu` as printed. */
  readonly mtu?: number;
  readonly flags: readonly string[];
}

export interface PolicyRule {
  readonly family: IpFamily;
  readonly priority: number;
  readonly not: boolean;
  readonly src?: IpPrefix;
  readonly dst?: IpPrefix;
  readonly iif?: string;
  readonly oif?: string;
  readonly fwmark?: number;
  readonly fwmask?: number;
  readonly tos?: number;
  readonly ipproto?: number;
  readonly sport?: readonly [number, number];
  readonly dport?: readonly [number, number];
  readonly uidRange?: readonly [number, number];
  /** The number that a tunnel with many (`external`) read from the packet; other packets have 0 (fib_rule_match). */
  readonly tunId?: number;
  readonly l3mdev: boolean;
  readonly suppressPrefixLen?: number;
  readonly action:
    | { readonly kind: 'table'; readonly table: string }
    | { readonly kind: 'unreachable' | 'blackhole' | 'prohibit' }
    | { readonly kind: 'goto'; readonly priority: number }
    | { readonly kind: 'nop' };
}

export interface Neighbour {
  readonly family: IpFamily;
  readonly dst: IpValue;
  readonly dev: string;
  readonly mac: string | undefined;
  /** `PERMANENT`, `REACHABLE`, `STALE`, `DELAY`, `FAILED`, `INCOMPLETE`, … */
  readonly state: readonly string[];
}

export interface CtTuple {
  readonly src: IpValue;
  readonly dst: IpValue;
  /** Protocol number. */
  readonly protocol: number;
  /** Ports; `'random'` where the kernel picked one by chance and nobody can know it. */
  readonly sport?: number | 'random';
  readonly dport?: number | 'random';
  readonly icmpType?: number;
  readonly icmpCode?: number;
  readonly icmpId?: number | 'random';
}

/** One entry of the connection tracking table. */
export interface CtEntry {
  readonly family: IpFamily;
  readonly original: CtTuple;
  readonly reply: CtTuple;
  /** `confirmed`, `seen-reply`, `assured`, `snat`, `dnat`, … in the words of nft's ct status. */
  readonly status: readonly string[];
  readonly tcpState?: string;
  readonly mark: number;
  readonly zone: number;
  readonly helper?: string;
  /** Seconds left. */
  readonly timeout?: number;
  readonly id?: string;
  readonly labels?: readonly number[];
}

export interface ListeningSocket {
  readonly protocol: 'tcp' | 'udp' | 'sctp' | 'udplite';
  /** undefined: any address of that family; with `family` undefined: dual-stack wildcard. */
  readonly address?: IpValue;
  readonly family?: IpFamily;
  readonly port: number;
  readonly device?: string;
  /** IP_TRANSPARENT; undefined: the list does not say. */
  readonly transparent: boolean | undefined;
}

/** One rule of `iptables-save`, the parameters behind `xt` expressions. `args` is the rest of the line, split into words. */
export interface IptablesRule {
  readonly table: string;
  readonly chain: string;
  readonly args: readonly string[];
  readonly counters?: readonly [number, number];
}
export interface IptablesSave {
  readonly family: IpFamily;
  readonly rules: readonly IptablesRule[];
}

/** A chain of a table of legacy iptables. */
export interface LegacyChain {
  readonly table: string;
  readonly chain: string;
  /** `ACCEPT`, `DROP`; `-` for a chain of the user's. */
  readonly policy: string;
  readonly rules: number;
}

export interface World {
  readonly ruleset: Known<Ruleset>;
  readonly links: Known<readonly Link[]>;
  readonly routes: { readonly ip: Known<readonly Route[]>; readonly ip6: Known<readonly Route[]> };
  readonly rules: { readonly ip: Known<readonly PolicyRule[]>; readonly ip6: Known<readonly PolicyRule[]> };
  readonly neighbours: Known<readonly Neighbour[]>;
  /** True where an on-link address missing from `neighbours` is known not to answer. */
  readonly neighboursComplete: boolean;
  /** `net.ipv4.ip_forward` → `1`. A key the kernel does not have is absent. */
  readonly sysctl: Known<ReadonlyMap<string, string>>;
  readonly conntrack: Known<readonly CtEntry[]>;
  readonly sockets: Known<readonly ListeningSocket[]>;
  /** `sockets` were not captured: they are those that the cluster's objects promise, and there may be others. */
  readonly socketsPromised?: boolean;
  readonly iptables: { readonly ip: Known<IptablesSave>; readonly ip6: Known<IptablesSave> };
  /** Tables of legacy iptables (IPv4) that exist in the kernel and that nft does not show. */
  readonly legacyTables: readonly string[];
  /** What `iptables-legacy-save` printed of them. */
  readonly legacySave: Known<readonly LegacyChain[]>;
  /** The same of legacy ip6tables. A capture that did not look for tables does not know them; undefined: there are none. */
  readonly legacyTables6?: Known<readonly string[]>;
  readonly legacySave6?: Known<readonly LegacyChain[]>;
  /** `tcp 30080`, of all Services; undefined where no objects of a cluster are there. */
  readonly nodePorts?: Known<ReadonlySet<string>> | undefined;
  /** Port of a bridge by MAC address, as far as known; no capture holds it yet. */
  readonly fdb?: ReadonlyMap<string, string>;
  /** Of a redacted capture: how the original addresses of endpoints were ordered. */
  readonly endpointOrder?: EndpointOrder | undefined;
  /** True where conntrack and defragmentation are active for both families whatever the ruleset says (the recorded cases). */
  readonly conntrackAlways?: boolean;
}
