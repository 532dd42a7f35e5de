import { expect, test } from 'vitest';
import type { Chain, Family, Table } from '../nft/model';
import { ownerOf } from './owners';

const chain = (name: string): Chain => ({
  name,
  handle: 1,
  rules: [],
  ...(/^[A-Z]+$/.test(name) && {
    base: { type: 'filter', hook: 'forward', prio: 0, policy: 'accept', devices: [] } as const,
  }),
});
const table = (family: Family, name: string, chains: readonly string[]): Table => ({
  family,
  name,
  handle: 1,
  flags: [],
  objects: [],
  sets: [],
  flowtables: [],
  chains: chains.map(chain),
});

test.each<readonly [Family, string, readonly string[], string, string]>([
  ['ip', 'kube-proxy', ['filter-input', 'services'], 'kp', 'kube-proxy'],
  ['ip', 'kube-proxy', [], 'ot', 'not recognised'],
  ['ip6', 'kube-proxy', ['nat-prerouting'], 'kp', 'kube-proxy'],
  // kube-proxy has one table for IPv4 and one for IPv6, and no other.
  ['inet', 'kube-proxy', ['nat-prerouting', 'services'], 'ot', 'not recognised'],
  ['inet', 'tailscale', ['input'], 'ot', 'Tailscale'],
  ['inet', 'tailscaled', ['input'], 'ot', 'not recognised'],
  ['inet', 'kindnet-ipmasq', ['postrouting'], 'cn', 'kindnet'],
  ['inet', 'firewalld', ['filter_INPUT'], 'fd', 'firewalld'],
  ['ip', 'calico', ['filter-cali-FORWARD'], 'ca', 'calico'],
  ['ip', 'cni_hostport', ['hostports'], 'cn', 'CNI port mapping'],
  ['ip', 'nat', ['PREROUTING', 'DOCKER'], 'dk', 'docker'],
  ['ip', 'mangle', ['KUBE-IPTABLES-HINT', 'KUBE-KUBELET-CANARY'], 'ot', 'kubelet'],
  ['ip', 'mangle', ['FORWARD', 'KUBE-KUBELET-CANARY'], 'ot', 'iptables-nft'],
  ['ip', 'nat', ['PREROUTING', 'KUBE-SERVICES'], 'kp', 'kube-proxy'],
  ['ip', 'filter', ['FORWARD', 'KUBE-SERVICES', 'DOCKER-USER'], 'ot', 'iptables-nft (kube-proxy, docker)'],
  ['ip', 'filter', ['FORWARD', 'ufw-user-input'], 'uf', 'ufw'],
  ['ip', 'raw', ['PREROUTING'], 'ot', 'iptables-nft'],
  ['ip', 'nat', ['prerouting'], 'ot', 'not recognised'],
  ['inet', 'edge-lb', ['pre'], 'ot', 'not recognised'],
  ['ip', 'libvirt_network', ['guest_output', 'guest_nat'], 'ot', 'libvirt'],
  ['ip', 'libvirt_network', ['forward'], 'ot', 'libvirt'],
  ['inet', 'fw4', ['forward'], 'uf', 'OpenWrt firewall'],
  ['ip', 'wg-quick-wg0', ['preraw', 'premangle', 'postmangle'], 'ot', 'wg-quick'],
  ['inet', 'crowdsec', ['input'], 'ot', 'CrowdSec'],
  ['ip6', 'crowdsec6', ['crowdsec6-chain'], 'ot', 'CrowdSec'],
  ['inet', 'kube-router', ['forward'], 'cn', 'kube-router'],
  ['inet', 'antrea', ['forward'], 'cn', 'Antrea'],
  ['ip', 'lxc', ['postrouting'], 'ot', 'LXC'],
  ['inet', 'lxc', ['input', 'forward'], 'ot', 'LXC'],
  ['inet', 'lxd', ['in.lxdbr0'], 'ot', 'LXD'],
  ['inet', 'mullvad', ['prerouting', 'output'], 'ot', 'Mullvad VPN'],
  ['inet', 'fw40', ['forward'], 'ot', 'not recognised'],
  ['ip', 'filter', ['INPUT', 'ts-input'], 'ot', 'Tailscale'],
  ['ip', 'filter', ['FORWARD', 'LIBVIRT_FWI'], 'ot', 'libvirt'],
  ['ip', 'filter', ['FORWARD', 'ts-forward', 'DOCKER'], 'ot', 'iptables-nft (docker, Tailscale)'],
  ['ip', 'io.systemd.nat', ['prerouting'], 'ot', 'systemd'],
  ['inet', 'netavark', ['NETAVARK-HOSTPORT-DNAT'], 'dk', 'podman'],
  ['ip', 'cilium', ['CILIUM_PRE'], 'cn', 'cilium'],
])('%s %s %j: %s %s', (family, name, chains, key, want) => {
  expect(ownerOf(table(family, name, chains))).toMatchObject({ key, name: want });
});

test.each([
  ['inet', ['nat-prerouting'], /whose family is ip or ip6/],
  ['ip', ['input'], /none of its chains/],
] as const)('a table %s kube-proxy of somebody else says why it is not kube-proxy', (family, chains, how) => {
  expect(ownerOf(table(family, 'kube-proxy', chains)).how).toMatch(how);
});
