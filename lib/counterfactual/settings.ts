/** Settings that a trace asked for. */

import type { PacketSpec } from '../net/packet-spec';
import { initialState, type Prepared, traceFrom } from '../sim';
import { prepare } from '../sim/environment';
import type { Change } from './change';

class Asked extends Map<string, string> {
  readonly keys_ = new Set<string>();

  override get(key: string): string | undefined {
    this.keys_.add(key);
    return super.get(key);
  }
}

const SWITCH: readonly string[] = ['0', '1'];
/** Settings with other values than on and off (Documentation/networking/ip-sysctl.rst). */
const VALUES: readonly (readonly [RegExp, readonly string[]])[] = [
  [/\.rp_filter$/, ['2', '0']],
  [/\.(ip_forward|forwarding|route_localnet|accept_local|src_valid_mark|accept_source_route)$/, SWITCH],
  [/bridge-nf-call-(ip|ip6|arp)tables$/, SWITCH],
  [/nf_conntrack_tcp_(be_liberal|loose)$/, SWITCH],
  [/icmp_echo_ignore_(all|broadcasts)$/, SWITCH],
];

/** The other values of every setting that was captured and that decided something on the packet's way, or could have. */
export function settingChanges(p: Prepared, packet: PacketSpec): readonly Change[] {
  const { sysctl } = p.world;
  if (!sysctl.known) return [];
  const asked = new Asked(sysctl.value);
  asked.keys_.clear();
  const watched = prepare({ ...p.world, sysctl: { known: true, value: asked } });
  traceFrom(watched, packet, initialState(watched), { verdictOnly: true });
  return [...asked.keys_].flatMap((key) => changesOf(key, sysctl.value.get(key)));
}

function changesOf(key: string, from: string | undefined): readonly Change[] {
  if (from === undefined) return [];
  if (key === 'net.netfilter.nf_conntrack_max') {
    // Zero is no limit.
    const to = String(Number(from) * 2);
    return from === '0' ? [] : [{ kind: 'sysctl', key, from, to }];
  }
  const values = VALUES.find(([pattern]) => pattern.test(key))?.[1] ?? [];
  return values.filter((to) => to !== from).map((to) => ({ kind: 'sysctl', key, from, to }));
}
