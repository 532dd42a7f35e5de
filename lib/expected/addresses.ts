/** Addresses and networks as kube-proxy reads them and nft lists them. */
import { formatAddress, parseAddress } from '../net/address';
import { parsePrefix } from '../net/prefix';
import type { Expression } from '../nft/model';

export type ProxyFamily = 'ip' | 'ip6';

/** Leading zeros in decimal parts are removed (ParseIPSloppy of k8s.io/utils/net). */
const sloppy = (text: string): string => text.replace(/(^|\.)0+(?=\d)/g, '$1');

/** The canonical text of an address of the family; undefined for anything else. */
export function addressOf(text: string, family: ProxyFamily): string | undefined {
  const found = parseAddress(sloppy(text));
  return found?.family === family ? formatAddress(found.value) : undefined;
}

export interface Network {
  readonly first: bigint;
  readonly last: bigint;
  readonly len: number;
}

const BITS = { ip: 32, ip6: 128 } as const;

/** A network of the family, with its host bits cut off; a lone address is one of full length. Undefined for anything else. */
export function networkOf(text: string, family: ProxyFamily): Network | undefined {
  const found = parsePrefix(sloppy(text));
  if (found?.family !== family) return undefined;
  const host = (1n << BigInt(BITS[family] - found.len)) - 1n;
  const first = BigInt(found.addr) & ~host;
  return { first, last: first | host, len: found.len };
}

export function contains(network: Network, address: string): boolean {
  const found = parseAddress(address);
  const value = found === undefined ? undefined : BigInt(found.value);
  return value !== undefined && network.first <= value && value <= network.last;
}

const textOf = (value: bigint, family: ProxyFamily): string =>
  formatAddress(family === 'ip' ? Number(value) : BigInt(value));

/** One network as nft lists it: that of full length is an address. */
export function networkExpression({ first, len }: Network, family: ProxyFamily): Expression {
  const addr = textOf(first, family);
  return len === BITS[family] ? addr : { kind: 'prefix', addr, len };
}

/**
 * What nft lists of `{ NETWORK, NETWORK … }`: a set of one is that one; several are sorted, and those that overlap or touch are
 * one interval, printed as a network where it is one (measured: nft 1.0.6).
 */
export function networkSet(networks: readonly Network[], family: ProxyFamily): Expression {
  const [only, ...more] = networks;
  if (only !== undefined && more.length === 0) return networkExpression(only, family);
  const merged: { first: bigint; last: bigint }[] = [];
  for (const { first, last } of [...networks].sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0))) {
    const before = merged.at(-1);
    if (before === undefined || first > before.last + 1n) merged.push({ first, last });
    else if (last > before.last) before.last = last;
  }
  return { kind: 'set', elements: merged.map(({ first, last }) => ({ key: interval(first, last, family) })) };
}

function interval(first: bigint, last: bigint, family: ProxyFamily): Expression {
  const size = last - first + 1n;
  const isNetwork = (size & (size - 1n)) === 0n && first % size === 0n;
  if (!isNetwork) return { kind: 'range', from: textOf(first, family), to: textOf(last, family) };
  return networkExpression({ first, last, len: BITS[family] - (size.toString(2).length - 1) }, family);
}
