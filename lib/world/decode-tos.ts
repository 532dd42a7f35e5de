import type { At } from '../net/json-cursor';

/** Names of /etc/iproute2/rt_dsfield that are not AFxy or CSx. */
const NAMED = new Map([
  ['default', 0],
  ['lowdelay', 0x10],
  ['throughput', 0x08],
  ['reliability', 0x04],
  ['EF', 0xb8],
]);

/** The type of service as iproute2 prints it: `0x10`, or a name of rt_dsfield (`AF21`, `CS6`, `EF`). Undefined when absent. */
export function decodeTos(item: At | undefined): number | undefined {
  if (item === undefined) return undefined;
  if (typeof item.value !== 'string' || /^(0x)?\d/.test(item.value)) return item.integerOrText(0, 255);
  const assured = /^AF([1-4])([1-3])$/.exec(item.value);
  if (assured !== null) return Number(assured[1]) * 32 + Number(assured[2]) * 8;
  const selector = /^CS([0-7])$/.exec(item.value);
  if (selector !== null) return Number(selector[1]) * 32;
  return NAMED.get(item.value) ?? item.fail(`unknown type of service ${JSON.stringify(item.value)}`);
}
