import { parseAddress } from './address';

/** An address prefix of either family. */
export type Prefix =
  | { readonly family: 'ip'; readonly addr: number; readonly len: number }
  | { readonly family: 'ip6'; readonly addr: bigint; readonly len: number };

/** `10.0.0.0/8`, `fd00::/64`, or a lone address as a prefix of full length; undefined for anything else. */
export function parsePrefix(text: string): Prefix | undefined {
  const slash = text.indexOf('/');
  const ip = parseAddress(slash === -1 ? text : text.slice(0, slash));
  if (ip === undefined) return undefined;
  const bits = ip.family === 'ip' ? 32 : 128;
  const len = slash === -1 ? String(bits) : text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(len) || Number(len) > bits) return undefined;
  return ip.family === 'ip'
    ? { family: 'ip', addr: ip.value, len: Number(len) }
    : { family: 'ip6', addr: ip.value, len: Number(len) };
}
