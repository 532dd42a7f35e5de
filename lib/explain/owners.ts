/** Who wrote a table, recognised by its name and the chains in it. Names alone are a hint; the sentence says what was seen. */
import type { Family, Table } from '../nft/model';

/** Colours and letters are fixed per key; `ot` is not recognised. */
export type OwnerKey = 'kp' | 'cn' | 'fd' | 'dk' | 'uf' | 'ca' | 'ot';

export interface Owner {
  readonly key: OwnerKey;
  readonly name: string;
  /** How it was recognised. */
  readonly how: string;
}

interface Sign {
  readonly key: OwnerKey;
  readonly name: string;
  /** Name of a table of its own. */
  readonly table?: RegExp;
  /** Families of its own tables, where it writes no others. */
  readonly families?: readonly Family[];
  /** Chains that must be there, in a table of its own or of iptables. */
  readonly chain: RegExp;
}

const SIGNS: readonly Sign[] = [
  {
    key: 'kp',
    name: 'kube-proxy',
    table: /^kube-proxy$/,
    // One for each family of IP (pkg/proxy/nftables: knftables.IPv4Family, IPv6Family).
    families: ['ip', 'ip6'],
    chain: /^(nat-prerouting|cluster-ips-check|services)$/,
  },
  { key: 'cn', name: 'kindnet', table: /^kindnet/, chain: /./ },
  { key: 'fd', name: 'firewalld', table: /^firewalld/, chain: /^(filter|nat|mangle|raw)_/ },
  { key: 'dk', name: 'docker', table: /^docker/, chain: /./ },
  { key: 'dk', name: 'podman', table: /^netavark$/, chain: /./ },
  { key: 'uf', name: 'ufw', table: /^ufw/, chain: /./ },
  { key: 'ca', name: 'calico', table: /^calico$/, chain: /cali-/ },
  { key: 'cn', name: 'flannel', table: /^flannel/, chain: /./ },
  { key: 'cn', name: 'cilium', table: /^cilium/, chain: /./ },
  { key: 'cn', name: 'CNI port mapping', table: /^cni_hostport$/, chain: /^hostports$/ },
  { key: 'cn', name: 'kube-ovn', table: /^kube-ovn/, chain: /./ },
  { key: 'cn', name: 'kube-network-policies', table: /^kube-network-policies/, chain: /./ },
  { key: 'uf', name: 'NixOS firewall', table: /^nixos-fw$/, chain: /./ },
  { key: 'cn', name: 'kube-router', table: /^kube-router/, chain: /./ },
  { key: 'cn', name: 'Antrea', table: /^antrea/, chain: /./ },
  { key: 'uf', name: 'OpenWrt firewall', table: /^fw4$/, chain: /./ },
  // No colour of their own: the name beside the letters says who it is.
  { key: 'ot', name: 'libvirt', table: /^libvirt_network$/, chain: /./ },
  { key: 'ot', name: 'systemd', table: /^io\.systemd\.nat$/, chain: /./ },
  { key: 'ot', name: 'LXD', table: /^(lxd|incus)$/, chain: /^(fwd|in|out|pstrt)\./ },
  { key: 'ot', name: 'fail2ban', table: /^f2b-table$/, chain: /^f2b-/ },
  { key: 'ot', name: 'CrowdSec', table: /^crowdsec6?$/, chain: /./ },
  // wg-quick(8) makes one for each of its devices (cmd_up: add_default).
  { key: 'ot', name: 'wg-quick', table: /^wg-quick-/, chain: /./ },
  // lxc-net: `inet lxc` filters, `ip lxc` and `ip6 lxc` masquerade.
  { key: 'ot', name: 'LXC', table: /^lxc$/, chain: /./ },
  // What tailscaled writes itself are chains ts-… in ip filter and ip nat; a table of its name is made for it.
  { key: 'ot', name: 'Tailscale', table: /^tailscale$/, chain: /./ },
  { key: 'ot', name: 'Mullvad VPN', table: /^mullvad/, chain: /./ },
];

/** Chains in the tables that iptables-nft keeps: filter, nat, mangle, raw, security. */
const IPTABLES_SIGNS: readonly Sign[] = [
  { key: 'kp', name: 'kube-proxy', chain: /^KUBE-(SERVICES|PROXY-CANARY)$/ },
  { key: 'dk', name: 'docker', chain: /^DOCKER(-USER)?$/ },
  { key: 'dk', name: 'podman', chain: /^NETAVARK_/ },
  { key: 'uf', name: 'ufw', chain: /^ufw6?-/ },
  { key: 'ca', name: 'calico', chain: /^cali-/ },
  { key: 'cn', name: 'flannel', chain: /^FLANNEL-/ },
  { key: 'cn', name: 'cilium', chain: /^(OLD_)?CILIUM_/ },
  { key: 'cn', name: 'CNI port mapping', chain: /^CNI-(HOSTPORT|DN)-/ },
  { key: 'cn', name: 'weave', chain: /^WEAVE-/ },
  { key: 'cn', name: 'kube-router', chain: /^KUBE-(ROUTER|NWPLCY|POD-FW)-/ },
  { key: 'cn', name: 'Antrea', chain: /^ANTREA-/ },
  { key: 'ot', name: 'Tailscale', chain: /^ts-(input|forward|postrouting)$/ },
  { key: 'ot', name: 'libvirt', chain: /^LIBVIRT_(INP|OUT|FWI|FWO|FWX|PRT)$/ },
  { key: 'ot', name: 'fail2ban', chain: /^f2b-/ },
];
/** Prefixes of names that tell the writer of any of its chains. */
const IPTABLES_PREFIXES: readonly Sign[] = [
  ...IPTABLES_SIGNS.filter(({ name }) => name !== 'kube-proxy'),
  { key: 'dk', name: 'docker', chain: /^DOCKER-/ },
  { key: 'ot', name: 'Tailscale', chain: /^ts-/ },
  { key: 'ot', name: 'libvirt', chain: /^LIBVIRT_/ },
];
const IPTABLES_TABLES = /^(filter|nat|mangle|raw|security)$/;
const IPTABLES_CHAINS = /^(PREROUTING|INPUT|FORWARD|OUTPUT|POSTROUTING)$/;

export function ownerOf(table: Table): Owner {
  const names = table.chains.map((chain) => chain.name);
  for (const sign of SIGNS) {
    if (!sign.table?.test(table.name) || sign.families?.includes(table.family) === false) continue;
    const chain = names.find((name) => sign.chain.test(name));
    if (chain !== undefined)
      return { key: sign.key, name: sign.name, how: `by the table's name and its chain ${chain}` };
  }
  return iptablesOwner(table, names) ?? notRecognised(table);
}

function iptablesOwner(table: Table, names: readonly string[]): Owner | undefined {
  const isFamily =
    table.family === 'ip' || table.family === 'ip6' || table.family === 'bridge' || table.family === 'arp';
  if (!isFamily || !IPTABLES_TABLES.test(table.name)) return undefined;
  const found = IPTABLES_SIGNS.flatMap((sign) => {
    const chain = names.find((name) => sign.chain.test(name));
    return chain === undefined ? [] : [{ sign, chain }];
  });
  const [only, ...others] = found;
  if (only !== undefined && others.length === 0) {
    return { key: only.sign.key, name: only.sign.name, how: `by its chain ${only.chain} in a table of iptables-nft` };
  }
  if (only !== undefined) {
    const writers = found.map(({ sign }) => sign.name).join(', ');
    const chains = found.map(({ chain }) => chain).join(', ');
    return {
      key: 'ot',
      name: `iptables-nft (${writers})`,
      how: `shared: by its chains ${chains} in a table of iptables-nft`,
    };
  }
  // Anybody can make a table `ip nat`; the upper-case base chains are those of iptables.
  const base = table.chains.find((chain) => chain.base !== undefined && IPTABLES_CHAINS.test(chain.name));
  if (base === undefined) {
    const own = names.find((name) => KUBELET.test(name));
    return own === undefined
      ? undefined
      : { key: 'ot', name: 'kubelet', how: `by its chain ${own} in a table of iptables-nft` };
  }
  return {
    key: 'ot',
    name: 'iptables-nft',
    how: `by the table's name and its base chain ${base.name}; who ran iptables is unknown`,
  };
}

/** Chains of kubelet beside those of kube-proxy: they are there in every mode (pkg/kubelet/kubelet_network_linux.go). */
const KUBELET = /^KUBE-(IPTABLES-HINT|KUBELET-CANARY|FIREWALL|MARK-DROP)$/;
const KUBE_PROXY =
  /^KUBE-(SERVICES|EXTERNAL-SERVICES|NODEPORTS|PROXY-FIREWALL|PROXY-CANARY|FORWARD|POSTROUTING|MARK-MASQ|(SVC|SVL|EXT|FW|SEP|XLB)-[A-Z2-7]+)$/;

/** Who wrote a chain of a table that several write to; `table` where its name does not tell. */
export function chainOwner({ family, name: tableName }: Table, name: string, table: Owner): Owner {
  if ((family !== 'ip' && family !== 'ip6') || !IPTABLES_TABLES.test(tableName)) return table;
  const how = `by the chain's name ${name}`;
  if (KUBELET.test(name)) return { key: 'ot', name: 'kubelet', how };
  if (KUBE_PROXY.test(name)) return { key: 'kp', name: 'kube-proxy', how };
  const prefixed = IPTABLES_PREFIXES.find(({ chain }) => chain.test(name));
  if (prefixed !== undefined) return { key: prefixed.key, name: prefixed.name, how };
  // Base chains of iptables belong to nobody; their rules tell.
  return IPTABLES_CHAINS.test(name) ? { key: 'ot', name: 'iptables-nft', how } : table;
}

function notRecognised({ family, name }: Table): Owner {
  const namesake = SIGNS.find(({ table }) => table?.test(name));
  const how =
    namesake === undefined
      ? `nothing known writes a table ${family} ${name} with these chains`
      : namesake.families?.includes(family) === false
        ? `it has the name of the tables of ${namesake.name}, whose family is ${namesake.families.join(' or ')}`
        : `it has the name of a table of ${namesake.name}, and none of its chains`;
  return { key: 'ot', name: 'not recognised', how };
}
