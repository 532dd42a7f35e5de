/**
 * Where each field of `ip daddr`, `tcp option maxseg size`, `frag id`, … stands, and its datatype.
 *
 * Source: widths and types from `nft describe PROTOCOL FIELD`, offsets from `nft --debug=netlink` (nft 1.0.6, every field);
 * the inner headers of tunnels, which 1.0.6 lacks, from RFC 2784 (gre), RFC 7348 (vxlan) and RFC 8926 (geneve).
 */

import type { DataType } from './datatypes';
import * as t from './datatypes';
import { IP_OPTION, IPV6_EXTHDR, SCTP_CHUNK, TCP_OPTION } from './symbols';

/** Headers that payload is counted from: link layer, network, transport, and what follows a transport header. */
export type HeaderBase = 'll' | 'nh' | 'th' | 'ih';

/** Offset and length in bits from the start of the header that `base` names. */
export interface HeaderField {
  readonly base: HeaderBase;
  readonly offset: number;
  readonly len: number;
  readonly type: DataType;
}

/** A field of an option, chunk or extension header: offset and length in bits from its first byte. */
export interface OptionField {
  /** Option kind, chunk type or next-header number. */
  readonly number: number;
  readonly offset: number;
  readonly len: number;
  readonly type: DataType;
}

/** `[offset, type]` or `[offset, type, len]`, in bits; the length defaults to the type's. */
type Spec = readonly [number, DataType, number?];
type Specs = Readonly<Record<string, Spec>>;

const u = (bits: number): DataType => t.integerType(bits);

const PORTS: Specs = { sport: [0, t.INET_SERVICE], dport: [16, t.INET_SERVICE] };

const ICMP_ID: Specs = { checksum: [16, u(16)], id: [32, u(16)], sequence: [48, u(16)] };

/** The VLAN tag follows the two addresses and the type of the Ethernet header; a second tag stands 32 bits later. */
const VLAN_BITS = 112;

const HEADERS: Readonly<Record<string, readonly [HeaderBase, Specs]>> = {
  ether: ['ll', { daddr: [0, t.ETHER_ADDR], saddr: [48, t.ETHER_ADDR], type: [96, t.ETHER_TYPE] }],
  vlan: [
    'll',
    {
      pcp: [VLAN_BITS, u(3)],
      dei: [VLAN_BITS + 3, u(1)],
      cfi: [VLAN_BITS + 3, u(1)],
      id: [VLAN_BITS + 4, u(12)],
      type: [VLAN_BITS + 16, t.ETHER_TYPE],
    },
  ],
  arp: [
    'nh',
    {
      htype: [0, u(16)],
      ptype: [16, t.ETHER_TYPE],
      hlen: [32, u(8)],
      plen: [40, u(8)],
      operation: [48, t.ARP_OP],
      'saddr ether': [64, t.ETHER_ADDR],
      'saddr ip': [112, t.IPV4_ADDR],
      'daddr ether': [144, t.ETHER_ADDR],
      'daddr ip': [192, t.IPV4_ADDR],
    },
  ],
  ip: [
    'nh',
    {
      version: [0, u(4)],
      hdrlength: [4, u(4)],
      dscp: [8, t.DSCP],
      ecn: [14, t.ECN],
      length: [16, u(16)],
      id: [32, u(16)],
      'frag-off': [48, t.FRAG_OFF],
      ttl: [64, u(8)],
      protocol: [72, t.INET_PROTO],
      checksum: [80, u(16)],
      saddr: [96, t.IPV4_ADDR],
      daddr: [128, t.IPV4_ADDR],
    },
  ],
  ip6: [
    'nh',
    {
      version: [0, u(4)],
      dscp: [4, t.DSCP],
      ecn: [10, t.ECN],
      flowlabel: [12, u(20)],
      length: [32, u(16)],
      nexthdr: [48, t.INET_PROTO],
      hoplimit: [56, u(8)],
      saddr: [64, t.IPV6_ADDR],
      daddr: [192, t.IPV6_ADDR],
    },
  ],
  icmp: ['th', { type: [0, t.ICMP_TYPE], code: [8, t.ICMP_CODE], ...ICMP_ID, gateway: [32, u(32)], mtu: [48, u(16)] }],
  icmpv6: [
    'th',
    {
      type: [0, t.ICMPV6_TYPE],
      code: [8, t.ICMPV6_CODE],
      ...ICMP_ID,
      'parameter-problem': [32, u(32)],
      mtu: [32, u(32)],
      'packet-too-big': [32, u(32)],
      'max-delay': [32, u(16)],
      taddr: [64, t.IPV6_ADDR],
      daddr: [192, t.IPV6_ADDR],
    },
  ],
  igmp: ['th', { type: [0, t.IGMP_TYPE], mrt: [8, u(8)], checksum: [16, u(16)], group: [32, u(32)] }],
  tcp: [
    'th',
    {
      ...PORTS,
      sequence: [32, u(32)],
      ackseq: [64, u(32)],
      doff: [96, u(4)],
      reserved: [100, u(4)],
      flags: [104, t.TCP_FLAG],
      window: [112, u(16)],
      checksum: [128, u(16)],
      urgptr: [144, u(16)],
    },
  ],
  udp: ['th', { ...PORTS, length: [32, u(16)], checksum: [48, u(16)] }],
  udplite: ['th', { ...PORTS, csumcov: [32, u(16)], checksum: [48, u(16)] }],
  th: ['th', PORTS],
  sctp: ['th', { ...PORTS, vtag: [32, u(32)], checksum: [64, u(32)] }],
  dccp: ['th', { ...PORTS, type: [67, t.DCCP_PKTTYPE] }],
  ah: [
    'th',
    {
      nexthdr: [0, t.INET_PROTO],
      hdrlength: [8, u(8)],
      reserved: [16, u(16)],
      spi: [32, u(32)],
      sequence: [64, u(32)],
    },
  ],
  esp: ['th', { spi: [0, u(32)], sequence: [32, u(32)] }],
  comp: ['th', { nexthdr: [0, t.INET_PROTO], flags: [8, t.BITMASK], cpi: [16, u(16)] }],
  gre: ['th', { flags: [0, u(5)], version: [13, u(3)], protocol: [16, t.ETHER_TYPE] }],
  gretap: ['th', {}],
  geneve: ['ih', { type: [16, u(16)], vni: [32, u(24)] }],
  vxlan: ['ih', { flags: [0, u(8)], vni: [32, u(24)] }],
};

const FIELDS: ReadonlyMap<string, HeaderField> = new Map(
  Object.entries(HEADERS).flatMap(([protocol, [base, specs]]) =>
    Object.entries(specs).map(([field, [offset, type, len]]): [string, HeaderField] => [
      `${protocol} ${field}`,
      { base, offset, len: len ?? type.bits, type },
    ]),
  ),
);

/**
 * `payloadField('ip', 'daddr')`. Field names are those of the JSON (`saddr ip` for arp). `vlan` fields are those of the outer
 * tag. `vxlan` and `geneve` stand at the start of the UDP payload (`ih`).
 */
export function payloadField(protocol: string, field: string): HeaderField | undefined {
  return FIELDS.get(`${protocol} ${field}`);
}

const EXISTENCE: Spec = [0, t.BOOLEAN, 8];

function optionField(number: number | undefined, spec: Spec | undefined): OptionField | undefined {
  if (number === undefined || spec === undefined) return undefined;
  const [offset, type, len] = spec;
  return { number, offset, len: len ?? type.bits, type };
}

const EXTHDR_COMMON: Specs = { nexthdr: [0, t.INET_PROTO], hdrlength: [8, u(8)] };

const EXTHDRS: Readonly<Record<string, Specs>> = {
  hbh: EXTHDR_COMMON,
  dst: EXTHDR_COMMON,
  rt: { ...EXTHDR_COMMON, type: [16, u(8)], 'seg-left': [24, u(8)] },
  rt0: { addr: [64, t.IPV6_ADDR] },
  rt2: { addr: [64, t.IPV6_ADDR] },
  srh: { 'last-entry': [32, u(8)], flags: [40, u(8)], tag: [48, u(16)], sid: [64, t.IPV6_ADDR] },
  frag: {
    nexthdr: [0, t.INET_PROTO],
    reserved: [8, u(8)],
    'frag-off': [16, u(13)],
    reserved2: [29, u(2)],
    'more-fragments': [31, u(1)],
    id: [32, u(32)],
  },
  mh: {
    ...EXTHDR_COMMON,
    type: [16, t.MH_TYPE],
    reserved: [24, u(8)],
    checksum: [32, u(16)],
  },
};

/** An IPv6 extension header; without `field` the test for existence. `addr[n]` and `sid[n]` count from 1, as nft does. */
export function exthdrField(name: string, field?: string): OptionField | undefined {
  const header = name === 'rt4' ? 'srh' : name;
  const bracket = field?.indexOf('[') ?? -1;
  const spec = field === undefined ? EXISTENCE : EXTHDRS[header]?.[bracket === -1 ? field : field.slice(0, bracket)];
  const found = optionField(IPV6_EXTHDR.byName.get(name), spec);
  if (found === undefined) return undefined;
  const index = bracket === -1 || field === undefined ? 1 : Number.parseInt(field.slice(bracket + 1), 10);
  if (!Number.isInteger(index) || index < 1) return undefined;
  return { ...found, offset: found.offset + (index - 1) * found.len };
}

const sackBlock = (index: number): Specs => ({ left: [16 + 64 * index, u(32)], right: [48 + 64 * index, u(32)] });

const TCP_OPTION_COMMON: Specs = { kind: [0, u(8)], length: [8, u(8)] };

const TCP_OPTIONS: Readonly<Record<string, Specs>> = {
  eol: { kind: [0, u(8)] },
  nop: { kind: [0, u(8)] },
  maxseg: { ...TCP_OPTION_COMMON, size: [16, u(16)] },
  window: { ...TCP_OPTION_COMMON, count: [16, u(8)] },
  'sack-perm': TCP_OPTION_COMMON,
  sack: { ...TCP_OPTION_COMMON, ...sackBlock(0) },
  sack0: { ...TCP_OPTION_COMMON, ...sackBlock(0) },
  sack1: { ...TCP_OPTION_COMMON, ...sackBlock(1) },
  sack2: { ...TCP_OPTION_COMMON, ...sackBlock(2) },
  sack3: { ...TCP_OPTION_COMMON, ...sackBlock(3) },
  timestamp: { ...TCP_OPTION_COMMON, tsval: [16, u(32)], tsecr: [48, u(32)] },
  md5sig: TCP_OPTION_COMMON,
  mptcp: { ...TCP_OPTION_COMMON, subtype: [16, t.MPTCP_SUBTYPE] },
  fastopen: TCP_OPTION_COMMON,
};

/** A TCP option; without `field` the test for existence. `sack1` is the second block of the option `sack`. */
export function tcpOptionField(name: string, field?: string): OptionField | undefined {
  return optionField(TCP_OPTION.byName.get(name), field === undefined ? EXISTENCE : TCP_OPTIONS[name]?.[field]);
}

const IP_OPTION_COMMON: Specs = { type: [0, u(8)], length: [8, u(8)] };
const IP_ROUTE_OPTION: Specs = { ...IP_OPTION_COMMON, ptr: [16, u(8)], addr: [24, u(32)] };

const IP_OPTIONS: Readonly<Record<string, Specs>> = {
  lsrr: IP_ROUTE_OPTION,
  ssrr: IP_ROUTE_OPTION,
  rr: IP_ROUTE_OPTION,
  ra: { ...IP_OPTION_COMMON, value: [16, u(16)] },
};

/** An IPv4 option; without `field` the test for existence. */
export function ipOptionField(name: string, field?: string): OptionField | undefined {
  return optionField(IP_OPTION.byName.get(name), field === undefined ? EXISTENCE : IP_OPTIONS[name]?.[field]);
}

const SCTP_COMMON: Specs = { type: [0, u(8)], flags: [8, u(8)], length: [16, u(16)] };
const SCTP_INIT: Specs = {
  'init-tag': [32, u(32)],
  'a-rwnd': [64, u(32)],
  'num-outbound-streams': [96, u(16)],
  'num-inbound-streams': [112, u(16)],
  'initial-tsn': [128, u(32)],
};

const SCTP_CHUNKS: Readonly<Record<string, Specs>> = {
  data: { tsn: [32, u(32)], stream: [64, u(16)], ssn: [80, u(16)], ppid: [96, u(32)] },
  init: SCTP_INIT,
  'init-ack': SCTP_INIT,
  sack: {
    'cum-tsn-ack': [32, u(32)],
    'a-rwnd': [64, u(32)],
    'num-gap-ack-blocks': [96, u(16)],
    'num-dup-tsns': [112, u(16)],
  },
  shutdown: { 'cum-tsn-ack': [32, u(32)] },
  ecne: { 'lowest-tsn': [32, u(32)] },
  cwr: { 'lowest-tsn': [32, u(32)] },
  asconf: { seqno: [32, u(32)] },
  'asconf-ack': { seqno: [32, u(32)] },
  'forward-tsn': { 'new-cum-tsn': [32, u(32)] },
};

/** An SCTP chunk; without `field` the test for existence. */
export function sctpChunkField(name: string, field?: string): OptionField | undefined {
  const spec = field === undefined ? EXISTENCE : (SCTP_CHUNKS[name]?.[field] ?? SCTP_COMMON[field]);
  return optionField(SCTP_CHUNK.byName.get(name), spec);
}
