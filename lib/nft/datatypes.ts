/**
 * nft's datatypes: width, byte order, symbols, and how nft writes a number of the type. And the value of a literal.
 *
 * Source of names, widths and bases: `nft describe` (nft 1.0.6). Source of the written forms: listings of nft 1.0.6, 1.1.3
 * and 1.1.7.
 */
import { parseIpv4, parseIpv6 } from '../net/address';
import type { SymbolTable } from './symbols';
import * as symbols from './symbols';

export type { SymbolTable } from './symbols';

/** How nft writes a number that has no name, and whether strings and names of the type stand in double quotes. */
export interface LiteralFormat {
  readonly radix: 10 | 16;
  /** Least number of digits after `0x`; 1 means no padding. */
  readonly digits: number;
  readonly quoted: boolean;
}

export type DataTypeBase = 'integer' | 'bitmask' | 'string' | 'address' | 'boolean' | 'verdict';

export interface DataType {
  /** As in `type NAME` of a set; `integer` for every plain number. */
  readonly name: string;
  /** Width; strings have their longest length, `integer` without a field has 0. */
  readonly bits: number;
  readonly byteOrder: 'network' | 'host';
  readonly base: DataTypeBase;
  readonly symbols?: SymbolTable;
  readonly format: LiteralFormat;
}

const DECIMAL: LiteralFormat = { radix: 10, digits: 1, quoted: false };
const HEX: LiteralFormat = { radix: 16, digits: 1, quoted: false };
const hex = (digits: number): LiteralFormat => ({ radix: 16, digits, quoted: false });
const QUOTED: LiteralFormat = { radix: 10, digits: 1, quoted: true };

type Optional = { readonly symbols?: SymbolTable; readonly format?: LiteralFormat };

function define(
  name: string,
  bits: number,
  byteOrder: 'network' | 'host',
  base: DataTypeBase,
  { symbols: table, format = DECIMAL }: Optional = {},
): DataType {
  return table === undefined
    ? { name, bits, byteOrder, base, format }
    : { name, bits, byteOrder, base, symbols: table, format };
}

const INTEGER = define('integer', 0, 'network', 'integer');
export const BOOLEAN = define('boolean', 1, 'host', 'boolean', { symbols: symbols.BOOLEAN });
export const STRING = define('string', 128, 'host', 'string', { format: QUOTED });
const VERDICT = define('verdict', 0, 'host', 'verdict');
export const IPV4_ADDR = define('ipv4_addr', 32, 'network', 'address');
export const IPV6_ADDR = define('ipv6_addr', 128, 'network', 'address');
export const ETHER_ADDR = define('ether_addr', 48, 'network', 'address');
export const INET_SERVICE = define('inet_service', 16, 'network', 'integer');
export const INET_PROTO = define('inet_proto', 8, 'network', 'integer', { symbols: symbols.INET_PROTO });
export const ETHER_TYPE = define('ether_type', 16, 'network', 'integer', {
  symbols: symbols.ETHER_TYPE,
  format: hex(4),
});
export const ARP_OP = define('arp_op', 16, 'network', 'integer', { symbols: symbols.ARP_OP });
export const NF_PROTO = define('nf_proto', 8, 'host', 'integer', { symbols: symbols.NF_PROTO });
export const MARK = define('mark', 32, 'host', 'integer', { format: hex(8) });
export const IFACE_INDEX = define('iface_index', 32, 'host', 'integer', { format: QUOTED });
export const IFNAME = define('ifname', 128, 'host', 'string', { format: QUOTED });
export const IFACE_TYPE = define('iface_type', 16, 'host', 'integer', { symbols: symbols.IFACE_TYPE });
export const UID = define('uid', 32, 'host', 'integer');
export const GID = define('gid', 32, 'host', 'integer');
export const REALM = define('realm', 32, 'host', 'integer', { symbols: symbols.REALM, format: QUOTED });
export const DEVGROUP = define('devgroup', 32, 'host', 'integer', { symbols: symbols.DEVGROUP, format: QUOTED });
export const PKT_TYPE = define('pkt_type', 8, 'host', 'integer', { symbols: symbols.PKT_TYPE });
/** `meta priority`: two 16-bit halves, written `1:ffff` in hexadecimal without `0x`; `none` is 0:0, `root` ffff:ffff. */
export const CLASSID = define('classid', 32, 'host', 'integer');
export const TCP_FLAG = define('tcp_flag', 8, 'network', 'bitmask', { symbols: symbols.TCP_FLAG, format: HEX });
export const DCCP_PKTTYPE = define('dccp_pkttype', 4, 'network', 'integer', {
  symbols: symbols.DCCP_PKTTYPE,
  format: hex(2),
});
export const DSCP = define('dscp', 6, 'network', 'integer', { symbols: symbols.DSCP, format: hex(2) });
export const ECN = define('ecn', 2, 'network', 'integer', { symbols: symbols.ECN, format: HEX });
export const ICMP_TYPE = define('icmp_type', 8, 'network', 'integer', { symbols: symbols.ICMP_TYPE });
export const ICMPV6_TYPE = define('icmpv6_type', 8, 'network', 'integer', { symbols: symbols.ICMPV6_TYPE });
export const ICMP_CODE = define('icmp_code', 8, 'network', 'integer', { symbols: symbols.ICMP_CODE });
export const ICMPV6_CODE = define('icmpv6_code', 8, 'network', 'integer', { symbols: symbols.ICMPV6_CODE });
export const ICMPX_CODE = define('icmpx_code', 8, 'network', 'integer', { symbols: symbols.ICMPX_CODE });
export const IGMP_TYPE = define('igmp_type', 8, 'network', 'integer', { symbols: symbols.IGMP_TYPE });
export const MH_TYPE = define('mh_type', 8, 'network', 'integer', { symbols: symbols.MH_TYPE });
export const MPTCP_SUBTYPE = define('mptcp_subtype', 4, 'network', 'integer', { symbols: symbols.MPTCP_SUBTYPE });
export const FIB_ADDRTYPE = define('fib_addrtype', 32, 'host', 'integer', { symbols: symbols.FIB_ADDRTYPE });
export const CT_STATE = define('ct_state', 32, 'host', 'bitmask', { symbols: symbols.CT_STATE, format: HEX });
export const CT_STATUS = define('ct_status', 32, 'host', 'bitmask', { symbols: symbols.CT_STATUS, format: HEX });
export const CT_EVENT = define('ct_event', 32, 'host', 'bitmask', { symbols: symbols.CT_EVENT, format: HEX });
export const CT_DIR = define('ct_dir', 8, 'host', 'integer', { symbols: symbols.CT_DIR });
/** A literal is the number of a bit, 0 to 127; see {@link parseSymbol}. Names come from a file of the host. */
export const CT_LABEL = define('ct_label', 128, 'host', 'bitmask');
/** A plain bit field without names: `comp flags`. */
export const BITMASK = define('bitmask', 8, 'network', 'bitmask', { format: HEX });
/** `ip frag-off`: flags and offset together, written in hexadecimal from nft 1.1 on. */
export const FRAG_OFF = define('integer', 16, 'network', 'integer', { format: HEX });
/** `ct expiration`: seconds in the JSON, `1m40s` in text. */
export const TIME = define('time', 64, 'host', 'integer');
/** `meta time`: `"2030-01-02 03:04:05"`, in the time zone of the process that ran nft. */
export const META_TIME = define('time', 64, 'host', 'integer', { format: QUOTED });
/** `meta hour`: `"09:30"` or `"09:30:15"`, in the time zone of the process that ran nft. */
export const HOUR = define('hour', 32, 'host', 'integer', { format: QUOTED });
export const DAY = define('day', 8, 'host', 'integer', { symbols: symbols.WEEKDAY, format: QUOTED });
export const CGROUPSV2 = define('cgroupsv2', 64, 'host', 'integer', { format: QUOTED });

const BY_NAME: ReadonlyMap<string, DataType> = new Map(
  [
    INTEGER,
    BOOLEAN,
    STRING,
    VERDICT,
    IPV4_ADDR,
    IPV6_ADDR,
    ETHER_ADDR,
    INET_SERVICE,
    INET_PROTO,
    ETHER_TYPE,
    ARP_OP,
    NF_PROTO,
    MARK,
    IFACE_INDEX,
    IFNAME,
    IFACE_TYPE,
    UID,
    GID,
    REALM,
    DEVGROUP,
    PKT_TYPE,
    CLASSID,
    TCP_FLAG,
    DCCP_PKTTYPE,
    DSCP,
    ECN,
    ICMP_TYPE,
    ICMPV6_TYPE,
    ICMP_CODE,
    ICMPV6_CODE,
    ICMPX_CODE,
    IGMP_TYPE,
    MH_TYPE,
    FIB_ADDRTYPE,
    CT_STATE,
    CT_STATUS,
    CT_EVENT,
    CT_DIR,
    CT_LABEL,
    BITMASK,
    TIME,
    HOUR,
    DAY,
    CGROUPSV2,
  ].map((type) => [type.name, type]),
);

/** The datatype that `type NAME` of a set means. `time` is the relative time of `ct expiration`, as in nft. */
export function dataTypeByName(name: string): DataType | undefined {
  return BY_NAME.get(name);
}

const SIZED = new Map<string, DataType>();

/** A plain number of the given width: the type of most header fields. `radix` 16 for raw payload, which nft writes in hexadecimal. */
export function integerType(bits: number, byteOrder: 'network' | 'host' = 'network', radix: 10 | 16 = 10): DataType {
  const key = `${bits} ${byteOrder} ${radix}`;
  let type = SIZED.get(key);
  if (type === undefined) {
    type = define('integer', bits, byteOrder, 'integer', { format: radix === 16 ? HEX : DECIMAL });
    SIZED.set(key, type);
  }
  return type;
}

/** Types wider than this have bigint values, the others numbers: 48 bits of an Ethernet address are exact in a number. */
const NUMBER_BITS_MAX = 48;

/**
 * The value of a literal as nft prints it: `established` → 2, `echo-request` → 8, `10.0.0.1` → 0x0a000001, `1:ffff` → 0x1ffff,
 * `09:30` → 34200 (seconds since midnight), `true` → 1.
 *
 * A number where the type has at most 48 bits, a bigint where it is wider (`ipv6_addr`, 64-bit counters, `ct_label`).
 * - 64-bit values that nft prints as negative numbers are taken modulo 2^64.
 * - `ct_label`: the literal is the number of a bit, the value has that bit set (`5` → 32n).
 * - `time` (`ct expiration`): seconds, as in the JSON. `meta time`: nanoseconds since the epoch, the text read as UTC.
 *
 * Undefined where the literal has no number: interface names and other strings, and names that a file of the host defines.
 */
export function parseSymbol(type: DataType, literal: string | number | boolean | bigint): bigint | number | undefined {
  if (typeof literal === 'boolean') return literal ? 1 : 0;
  if (typeof literal !== 'string') return type === CT_LABEL ? labelBit(Number(literal)) : sized(type, literal);
  const symbol = type.symbols?.byName.get(literal);
  if (symbol !== undefined) return sized(type, symbol);
  switch (type) {
    case IPV4_ADDR:
      return parseIpv4(literal);
    case IPV6_ADDR:
      return parseIpv6(literal);
    case ETHER_ADDR:
      return parseEtherAddress(literal);
    case CLASSID:
      return parseClassid(literal);
    case HOUR:
      return parseHour(literal);
    case META_TIME:
      return parseMetaTime(literal);
    case CT_LABEL:
      return /^\d{1,3}$/.test(literal) ? labelBit(Number(literal)) : undefined;
    default:
      return type.base === 'string' ? undefined : parseNumber(type, literal);
  }
}

function sized(type: DataType, value: number | bigint): number | bigint {
  if (type.bits > NUMBER_BITS_MAX) {
    const wide = BigInt(value);
    return wide < 0n ? BigInt.asUintN(type.bits, wide) : wide;
  }
  return Number(value);
}

function parseNumber(type: DataType, text: string): number | bigint | undefined {
  if (!/^(0x[0-9a-f]+|\d+)$/i.test(text)) return undefined;
  const value = BigInt(text);
  return type.bits > NUMBER_BITS_MAX || value > BigInt(Number.MAX_SAFE_INTEGER) ? value : Number(value);
}

function labelBit(bit: number): bigint | undefined {
  return Number.isInteger(bit) && bit >= 0 && bit < CT_LABEL.bits ? 1n << BigInt(bit) : undefined;
}

/** `00:11:22:33:44:55` as a 48-bit number. */
function parseEtherAddress(text: string): number | undefined {
  if (!/^[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}$/i.test(text)) return undefined;
  return text.split(':').reduce((value, octet) => value * 256 + Number.parseInt(octet, 16), 0);
}

/** `none`, `root`, `1:ffff`, `1:` and `:10`: two hexadecimal halves. */
function parseClassid(text: string): number | undefined {
  if (text === 'none') return 0;
  if (text === 'root') return 0xffffffff;
  const match = /^([0-9a-f]{0,4}):([0-9a-f]{0,4})$/i.exec(text);
  if (match === null) return undefined;
  return Number.parseInt(match[1] || '0', 16) * 0x10000 + Number.parseInt(match[2] || '0', 16);
}

/** `09:30` or `09:30:15` as seconds since midnight, as written. */
function parseHour(text: string): number | undefined {
  const match = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(text);
  return match === null ? undefined : Number(match[1]) * 3600 + Number(match[2]) * 60 + Number(match[3] ?? 0);
}

/** `2030-01-02 03:04:05` as nanoseconds since the epoch, the unit of the kernel's comparison. */
function parseMetaTime(text: string): bigint | undefined {
  const match = /^(\d{4})-(\d{2})-(\d{2})(?: (\d{2}):(\d{2})(?::(\d{2}))?)?$/.exec(text);
  if (match === null) return /^\d+$/.test(text) ? BigInt(text) * 1_000_000_000n : undefined;
  const [year, month, day, hour, minute, second] = match.slice(1).map((part) => Number(part ?? 0));
  const ms = Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second);
  return BigInt(ms) * 1_000_000n;
}
