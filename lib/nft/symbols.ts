/**
 * The names nft knows for numbers. Values are the numbers in the packet, or bit masks where the type is a bit field.
 *
 * Source of every table, unless it says otherwise: the output of `nft describe TYPE` (nft 1.0.6), which lists names and values.
 */

export interface SymbolTable {
  /** Every name that nft accepts, aliases included. */
  readonly byName: ReadonlyMap<string, number>;
  /** The name that nft prints: the first one listed where several share a value. */
  readonly byValue: ReadonlyMap<number, string>;
}

type Entries = Readonly<Record<string, number>>;

/** `aliases` are accepted and never printed. */
function table(entries: Entries, aliases: Entries = {}): SymbolTable {
  const byName = new Map<string, number>(Object.entries(entries));
  const byValue = new Map<number, string>();
  for (const [name, value] of byName) {
    if (!byValue.has(value)) byValue.set(value, name);
  }
  for (const [name, value] of Object.entries(aliases)) {
    if (!byName.has(name)) byName.set(name, value);
  }
  return { byName, byValue };
}

export const CT_STATE = table({ invalid: 1, established: 2, related: 4, new: 8, untracked: 64 });

export const CT_STATUS = table({
  expected: 1,
  'seen-reply': 2,
  assured: 4,
  confirmed: 8,
  snat: 0x10,
  dnat: 0x20,
  dying: 0x200,
});

export const CT_DIR = table({ original: 0, reply: 1 });

export const CT_EVENT = table({
  new: 1,
  related: 2,
  destroy: 4,
  reply: 8,
  assured: 0x10,
  protoinfo: 0x20,
  helper: 0x40,
  mark: 0x80,
  seqadj: 0x100,
  secmark: 0x200,
  label: 0x400,
});

export const TCP_FLAG = table({ fin: 1, syn: 2, rst: 4, psh: 8, ack: 0x10, urg: 0x20, ecn: 0x40, cwr: 0x80 });

export const ICMP_TYPE = table({
  'echo-reply': 0,
  'destination-unreachable': 3,
  'source-quench': 4,
  redirect: 5,
  'echo-request': 8,
  'router-advertisement': 9,
  'router-solicitation': 10,
  'time-exceeded': 11,
  'parameter-problem': 12,
  'timestamp-request': 13,
  'timestamp-reply': 14,
  'info-request': 15,
  'info-reply': 16,
  'address-mask-request': 17,
  'address-mask-reply': 18,
});

export const ICMPV6_TYPE = table({
  'destination-unreachable': 1,
  'packet-too-big': 2,
  'time-exceeded': 3,
  'parameter-problem': 4,
  'echo-request': 128,
  'echo-reply': 129,
  'mld-listener-query': 130,
  'mld-listener-report': 131,
  'mld-listener-done': 132,
  'mld-listener-reduction': 132,
  'nd-router-solicit': 133,
  'nd-router-advert': 134,
  'nd-neighbor-solicit': 135,
  'nd-neighbor-advert': 136,
  'nd-redirect': 137,
  'router-renumbering': 138,
  'ind-neighbor-solicit': 141,
  'ind-neighbor-advert': 142,
  'mld2-listener-report': 143,
});

/** Also the codes of `reject with icmp …`. */
export const ICMP_CODE = table({
  'net-unreachable': 0,
  'host-unreachable': 1,
  'prot-unreachable': 2,
  'port-unreachable': 3,
  'frag-needed': 4,
  'net-prohibited': 9,
  'host-prohibited': 10,
  'admin-prohibited': 13,
});

/** Also the codes of `reject with icmpv6 …`. */
export const ICMPV6_CODE = table({
  'no-route': 0,
  'admin-prohibited': 1,
  'addr-unreachable': 3,
  'port-unreachable': 4,
  'policy-fail': 5,
  'reject-route': 6,
});

/** Codes of `reject with icmpx …`, which stand for a code of either family. */
export const ICMPX_CODE = table({
  'no-route': 0,
  'port-unreachable': 1,
  'host-unreachable': 2,
  'admin-prohibited': 3,
});

export const IGMP_TYPE = table({
  'membership-query': 17,
  'membership-report-v1': 18,
  'membership-report-v2': 22,
  'membership-report-v3': 34,
  'leave-group': 23,
});

export const DSCP = table({
  cs0: 0x00,
  cs1: 0x08,
  cs2: 0x10,
  cs3: 0x18,
  cs4: 0x20,
  cs5: 0x28,
  cs6: 0x30,
  cs7: 0x38,
  df: 0x00,
  be: 0x00,
  lephb: 0x01,
  af11: 0x0a,
  af12: 0x0c,
  af13: 0x0e,
  af21: 0x12,
  af22: 0x14,
  af23: 0x16,
  af31: 0x1a,
  af32: 0x1c,
  af33: 0x1e,
  af41: 0x22,
  af42: 0x24,
  af43: 0x26,
  va: 0x2c,
  ef: 0x2e,
});

export const ECN = table({ 'not-ect': 0, ect1: 1, ect0: 2, ce: 3 });

export const ETHER_TYPE = table({
  ip: 0x0800,
  arp: 0x0806,
  ip6: 0x86dd,
  '8021q': 0x8100,
  '8021ad': 0x88a8,
  vlan: 0x8100,
});

/**
 * Names from the protocols file of the host that ran nft; these are Debian 12's. The aliases are the names of other
 * distributions' files and of nft's own grammar, so that a listing from another host reads the same.
 */
export const INET_PROTO = table(
  {
    ip: 0,
    icmp: 1,
    igmp: 2,
    ggp: 3,
    ipencap: 4,
    st: 5,
    tcp: 6,
    egp: 8,
    igp: 9,
    pup: 12,
    udp: 17,
    hmp: 20,
    'xns-idp': 22,
    rdp: 27,
    'iso-tp4': 29,
    dccp: 33,
    xtp: 36,
    ddp: 37,
    'idpr-cmtp': 38,
    ipv6: 41,
    'ipv6-route': 43,
    'ipv6-frag': 44,
    idrp: 45,
    rsvp: 46,
    gre: 47,
    esp: 50,
    ah: 51,
    skip: 57,
    'ipv6-icmp': 58,
    'ipv6-nonxt': 59,
    'ipv6-opts': 60,
    rspf: 73,
    vmtp: 81,
    eigrp: 88,
    ospf: 89,
    'ax.25': 93,
    ipip: 94,
    etherip: 97,
    encap: 98,
    pim: 103,
    ipcomp: 108,
    vrrp: 112,
    l2tp: 115,
    isis: 124,
    sctp: 132,
    fc: 133,
    'mobility-header': 135,
    udplite: 136,
    'mpls-in-ip': 137,
    manet: 138,
    hip: 139,
    shim6: 140,
    wesp: 141,
    rohc: 142,
    ethernet: 143,
  },
  {
    hopopt: 0,
    ipv4: 4,
    'ip-encap': 4,
    st2: 5,
    cbt: 7,
    'ipv6-auth': 51,
    'ipv6-crypt': 50,
    icmpv6: 58,
    icmp6: 58,
    rspvp: 46,
    ospfigp: 89,
    ospf3: 89,
    comp: 108,
    mh: 135,
    carp: 112,
    mptcp: 262,
  },
);

export const NF_PROTO = table({ ipv4: 2, ipv6: 10 });

export const PKT_TYPE = table({ host: 0, unicast: 0, broadcast: 1, multicast: 2, other: 3 });

export const ARP_OP = table({ request: 1, reply: 2, rrequest: 3, rreply: 4, inrequest: 8, inreply: 9, nak: 10 });

export const FIB_ADDRTYPE = table({
  unspec: 0,
  unicast: 1,
  local: 2,
  broadcast: 3,
  anycast: 4,
  multicast: 5,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
});

/** ARPHRD_* numbers. */
export const IFACE_TYPE = table({ ether: 1, ppp: 512, ipip: 768, ipip6: 769, loopback: 772, sit: 776, ipgre: 778 });

export const MH_TYPE = table({
  'binding-refresh-request': 0,
  'home-test-init': 1,
  'careof-test-init': 2,
  'home-test': 3,
  'careof-test': 4,
  'binding-update': 5,
  'binding-acknowledgement': 6,
  'binding-error': 7,
  'fast-binding-update': 8,
  'fast-binding-acknowledgement': 9,
  'fast-binding-advertisement': 10,
  'experimental-mobility-header': 11,
  'home-agent-switch-message': 12,
});

export const DCCP_PKTTYPE = table({
  request: 0,
  response: 1,
  data: 2,
  ack: 3,
  dataack: 4,
  closereq: 5,
  close: 6,
  reset: 7,
  sync: 8,
  syncack: 9,
});

export const WEEKDAY = table({ Sunday: 0, Monday: 1, Tuesday: 2, Wednesday: 3, Thursday: 4, Friday: 5, Saturday: 6 });

export const BOOLEAN = table({ missing: 0, exists: 1 });

/** Subtypes of the MPTCP option, RFC 8684 section 8; names as listed by nft 1.1 (earlier versions print numbers). */
export const MPTCP_SUBTYPE = table({
  'mp-capable': 0,
  'mp-join': 1,
  dss: 2,
  'add-addr': 3,
  'remove-addr': 4,
  'mp-prio': 5,
  'mp-fail': 6,
  'mp-fastclose': 7,
  'mp-tcprst': 8,
});

/** Option kinds of TCP, from the IANA registry of TCP parameters. `sack0` to `sack3` are blocks of one option. */
export const TCP_OPTION = table(
  {
    eol: 0,
    nop: 1,
    maxseg: 2,
    window: 3,
    'sack-perm': 4,
    sack: 5,
    timestamp: 8,
    md5sig: 19,
    mptcp: 30,
    fastopen: 34,
  },
  { mss: 2, 'sack-permitted': 4, sack0: 5, sack1: 5, sack2: 5, sack3: 5 },
);

/** Option types of IPv4, RFC 791 (with the copy flag) and RFC 2113. */
export const IP_OPTION = table({ rr: 7, lsrr: 131, ssrr: 137, ra: 148 });

/** Chunk types of SCTP, RFC 9260, 4820, 5061 and 3758; measured with `nft --debug=netlink`. */
export const SCTP_CHUNK = table({
  data: 0,
  init: 1,
  'init-ack': 2,
  sack: 3,
  heartbeat: 4,
  'heartbeat-ack': 5,
  abort: 6,
  shutdown: 7,
  'shutdown-ack': 8,
  error: 9,
  'cookie-echo': 10,
  'cookie-ack': 11,
  ecne: 12,
  cwr: 13,
  'shutdown-complete': 14,
  'asconf-ack': 128,
  'forward-tsn': 192,
  asconf: 193,
});

/** Next-header numbers of IPv6 extension headers; `rt0`, `rt2` and `srh` are types of one routing header. */
export const IPV6_EXTHDR = table(
  { hbh: 0, rt: 43, frag: 44, dst: 60, mh: 135 },
  { rt0: 43, rt2: 43, rt4: 43, srh: 43 },
);

/** The first line of iproute2's `group` file; other names are local to a host. */
export const DEVGROUP = table({ default: 0 });

/** The first line of iproute2's `rt_realms` file; other names are local to a host. */
export const REALM = table({ cosmos: 0 });
