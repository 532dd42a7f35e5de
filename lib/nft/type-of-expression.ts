/**
 * The datatype of an expression: what a literal compared with it, or assigned to it, means.
 *
 * Source: `nft describe meta KEY`, `nft describe ct KEY`, … (nft 1.0.6).
 */

import type { DataType } from './datatypes';
import * as t from './datatypes';
import { exthdrField, ipOptionField, payloadField, sctpChunkField, tcpOptionField } from './fields';
import type { Expression } from './model';
import { unreachable } from './model';

const host = (bits: number): DataType => t.integerType(bits, 'host');

const META: ReadonlyMap<string, DataType> = new Map([
  ['length', host(32)],
  ['protocol', t.ETHER_TYPE],
  ['nfproto', t.NF_PROTO],
  ['l4proto', t.INET_PROTO],
  ['priority', t.CLASSID],
  ['mark', t.MARK],
  ['iif', t.IFACE_INDEX],
  ['iifname', t.IFNAME],
  ['iiftype', t.IFACE_TYPE],
  ['iifkind', t.IFNAME],
  ['iifgroup', t.DEVGROUP],
  ['oif', t.IFACE_INDEX],
  ['oifname', t.IFNAME],
  ['oiftype', t.IFACE_TYPE],
  ['oifkind', t.IFNAME],
  ['oifgroup', t.DEVGROUP],
  ['sdif', t.IFACE_INDEX],
  ['sdifname', t.IFNAME],
  ['ibrname', t.IFNAME],
  ['obrname', t.IFNAME],
  ['ibriifname', t.IFNAME],
  ['obriifname', t.IFNAME],
  ['ibrpvid', host(16)],
  ['ibrvproto', t.ETHER_TYPE],
  ['ibrhwaddr', t.ETHER_ADDR],
  ['skuid', t.UID],
  ['skgid', t.GID],
  ['nftrace', host(1)],
  ['broute', host(1)],
  ['rtclassid', t.REALM],
  ['secmark', host(32)],
  ['pkttype', t.PKT_TYPE],
  ['cpu', host(32)],
  ['cgroup', host(32)],
  ['random', host(32)],
  ['ipsec', t.BOOLEAN],
  ['secpath', t.BOOLEAN],
  ['time', t.META_TIME],
  ['day', t.DAY],
  ['hour', t.HOUR],
]);

export function metaType(key: string): DataType | undefined {
  return META.get(key);
}

const CT: ReadonlyMap<string, DataType> = new Map([
  ['state', t.CT_STATE],
  ['direction', t.CT_DIR],
  ['status', t.CT_STATUS],
  ['mark', t.MARK],
  ['expiration', t.TIME],
  ['helper', t.STRING],
  ['label', t.CT_LABEL],
  ['l3proto', t.NF_PROTO],
  ['protocol', t.INET_PROTO],
  ['proto-src', t.INET_SERVICE],
  ['proto-dst', t.INET_SERVICE],
  ['ip saddr', t.IPV4_ADDR],
  ['ip daddr', t.IPV4_ADDR],
  ['ip6 saddr', t.IPV6_ADDR],
  ['ip6 daddr', t.IPV6_ADDR],
  ['bytes', host(64)],
  ['packets', host(64)],
  ['avgpkt', host(64)],
  ['zone', host(16)],
  ['id', host(32)],
  ['event', t.CT_EVENT],
  ['secmark', host(32)],
  ['count', host(32)],
]);

/**
 * Undefined for `saddr` and `daddr` without a family, which nft prints where only the rule's context says ip or ip6: pass
 * `family` then.
 */
export function ctType(key: string, family?: string): DataType | undefined {
  return CT.get(key) ?? (family === undefined ? undefined : CT.get(`${family} ${key}`));
}

/** `nexthop` has the type of the address family; without one, as nft prints it inside families ip and ip6, undefined. */
export function rtType(key: string, family?: string): DataType | undefined {
  switch (key) {
    case 'classid':
      return t.REALM;
    case 'mtu':
      return host(16);
    case 'ipsec':
      return t.BOOLEAN;
    case 'nexthop':
      return addressType(family);
    default:
      return undefined;
  }
}

function addressType(family: string | undefined): DataType | undefined {
  if (family === undefined) return undefined;
  return family === 'ip6' ? t.IPV6_ADDR : t.IPV4_ADDR;
}

function socketType(key: string): DataType | undefined {
  switch (key) {
    case 'transparent':
    case 'wildcard':
      return host(8);
    case 'mark':
      return t.MARK;
    case 'cgroupv2':
      return t.CGROUPSV2;
    default:
      return undefined;
  }
}

/** A `fib` look-up gives an address type, an interface or its name; compared with a boolean it is a test for existence. */
export function fibType(result: string): DataType | undefined {
  switch (result) {
    case 'type':
      return t.FIB_ADDRTYPE;
    case 'oif':
      return t.IFACE_INDEX;
    case 'oifname':
      return t.IFNAME;
    case 'check':
      return t.BOOLEAN;
    default:
      return undefined;
  }
}

function ipsecType(key: string, family?: string): DataType | undefined {
  return key === 'spi' || key === 'reqid' ? host(32) : addressType(family);
}

function tunnelType(key: string): DataType | undefined {
  return key === 'path' ? t.BOOLEAN : host(32);
}

/**
 * The type of an expression; one type per part for a concatenation. Undefined where the expression alone does not say: for
 * literals, set references, maps (the type of their data) and what the model does not know.
 */
export function typeOfExpression(expr: Expression): DataType | readonly DataType[] | undefined {
  if (typeof expr !== 'object') return undefined;
  switch (expr.kind) {
    case 'payload':
      return payloadField(expr.protocol, expr.field)?.type;
    case 'rawPayload':
      return t.integerType(expr.len, 'network', 16);
    case 'exthdr':
      return exthdrField(expr.name, expr.field)?.type;
    case 'tcpOption':
      return tcpOptionField(expr.name, expr.field)?.type;
    case 'rawTcpOption':
      return t.integerType(expr.len);
    case 'ipOption':
      return ipOptionField(expr.name, expr.field)?.type;
    case 'sctpChunk':
      return sctpChunkField(expr.name, expr.field)?.type;
    case 'dccpOption':
      return t.BOOLEAN;
    case 'meta':
      return metaType(expr.key);
    case 'ct':
      return ctType(expr.key, expr.family);
    case 'rt':
      return rtType(expr.key, expr.family);
    case 'fib':
      return fibType(expr.result);
    case 'socket':
      return socketType(expr.key);
    case 'osf':
      return t.STRING;
    case 'ipsec':
      return ipsecType(expr.key, expr.family);
    case 'tunnel':
      return tunnelType(expr.key);
    case 'numgen':
    case 'jhash':
    case 'symhash':
      return host(32);
    case 'concat':
      return concatType(expr.parts);
    case 'binary':
      return firstTyped(expr.operands);
    case 'prefix':
      return typeOfExpression(expr.addr);
    case 'range':
      return typeOfExpression(expr.from) ?? typeOfExpression(expr.to);
    case 'elem':
      return typeOfExpression(expr.val);
    case 'list':
      return firstTyped(expr.items);
    case 'set':
    case 'setref':
    case 'wildcard':
    case 'map':
    case 'unsupported':
      return undefined;
    default:
      return unreachable(expr);
  }
}

function concatType(parts: readonly Expression[]): readonly DataType[] | undefined {
  const types: DataType[] = [];
  for (const part of parts) {
    const type = typeOfExpression(part);
    if (type === undefined || !isDataType(type)) return undefined;
    types.push(type);
  }
  return types;
}

const isDataType = (type: DataType | readonly DataType[]): type is DataType => !Array.isArray(type);

function firstTyped(operands: readonly Expression[]): DataType | readonly DataType[] | undefined {
  for (const operand of operands) {
    const type = typeOfExpression(operand);
    if (type !== undefined) return type;
  }
  return undefined;
}
