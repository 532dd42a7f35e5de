/** The settings of a namespace: those captured, over what the tracer takes for granted where the capture is silent. */

export type Setting = readonly [key: string, value: string];

/** A new namespace takes some values from the host; these are set whatever the host has. */
const BASE: readonly Setting[] = [
  ['net.ipv4.ip_forward', '0'],
  ['net.ipv6.conf.all.forwarding', '0'],
  ...(['all', 'default'] as const).flatMap((name) =>
    ['rp_filter', 'accept_local', 'route_localnet', 'src_valid_mark', 'send_redirects', 'proxy_arp'].map(
      (key): Setting => [`net.ipv4.conf.${name}.${key}`, '0'],
    ),
  ),
  ['net.ipv4.ip_nonlocal_bind', '0'],
  ['net.ipv4.fwmark_reflect', '0'],
  ['net.ipv4.icmp_echo_ignore_all', '0'],
  ['net.ipv4.icmp_echo_ignore_broadcasts', '1'],
  ['net.netfilter.nf_conntrack_checksum', '1'],
  ['net.netfilter.nf_conntrack_tcp_loose', '1'],
  ['net.netfilter.nf_conntrack_tcp_be_liberal', '0'],
  ['net.bridge.bridge-nf-call-iptables', '0'],
  ['net.bridge.bridge-nf-call-ip6tables', '0'],
  ['net.bridge.bridge-nf-call-arptables', '0'],
];

/** Nothing of the node: keeps the kernel from sending on its own, and from counting answers. These win over captured values. */
const QUIET: readonly Setting[] = [
  ['net.ipv4.icmp_ratelimit', '0'],
  ['net.ipv6.icmp.ratelimit', '0'],
  ['net.ipv4.tcp_synack_retries', '0'],
  ['net.ipv6.conf.default.addr_gen_mode', '1'],
  ['net.ipv6.conf.default.accept_dad', '0'],
  ['net.ipv6.conf.default.accept_ra', '0'],
  ['net.ipv6.conf.default.router_solicitations', '0'],
  ['net.ipv6.conf.default.mldv1_unsolicited_report_interval', '1'],
  ['net.ipv6.conf.default.mldv2_unsolicited_report_interval', '1'],
];

/** Only settings of a namespace; what else a capture holds stays out. */
const ALLOWED =
  /^net\.(ipv4\.(conf\.|ip_|fwmark_|icmp_|fib_multipath_|tcp_l3mdev)|ipv6\.(conf\.|fwmark_|ip_nonlocal)|bridge\.bridge-nf-|netfilter\.nf_conntrack_)/;
/** Sizes and times: they decide nothing about one packet in an empty table, and a namespace may not set all of them. */
const IDLE = /nf_conntrack_(max|count|buckets|expect_max)|timeout|ip_local_port_range|ip_default_ttl$/;

const CONF = /^net\.ipv[46]\.conf\.([^.]+)\./;

export interface SysctlPlan {
  /** Before there are interfaces: they inherit from it. */
  readonly first: readonly Setting[];
  /** Once the interfaces are there. */
  readonly links: readonly Setting[];
}

export function sysctlPlan(captured: ReadonlyMap<string, string>, links: readonly string[]): SysctlPlan {
  const wanted = new Map(BASE);
  for (const [key, value] of captured) if (ALLOWED.test(key) && !IDLE.test(key)) wanted.set(key, value);
  for (const [key, value] of QUIET) wanted.set(key, value);
  const names = new Set(links);
  const first: Setting[] = [];
  const later: Setting[] = [];
  for (const setting of wanted) {
    const name = CONF.exec(setting[0])?.[1];
    if (name === undefined || name === 'all' || name === 'default') first.push(setting);
    else if (names.has(name.replaceAll('/', '.'))) later.push(setting);
  }
  // Writing ip_forward resets what depends on it, writing conf.all what the interfaces have.
  first.sort((a, b) => rank(a[0]) - rank(b[0]));
  return { first, links: later };
}

const rank = (key: string): number =>
  key === 'net.ipv4.ip_forward' ? 0 : key.includes('.conf.all.') ? 1 : key.includes('.conf.default.') ? 2 : 3;

/** True where a setting that could not be made may change what happens to a packet. */
export function settingMatters([key, value]: Setting, hasBridge: boolean): boolean {
  if (QUIET.some(([quiet]) => quiet === key)) return false;
  if (key.startsWith('net.bridge.')) return hasBridge && value !== '0';
  // Not there at all, and wanted as it is without it: an older or smaller kernel.
  return !BASE.some(([base, usual]) => base === key && usual === value);
}
