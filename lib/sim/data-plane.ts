/** What else than netfilter may handle packets on a node, as far as its interfaces tell. Looked for once for each world. */
import type { Link } from '../world/world';
import type { Reason } from './trace';

export interface DataPlanes {
  /** They may take any packet of the node. */
  readonly node: readonly Reason[];
  /** By the name of an interface: they see what arrives there. */
  readonly arriving: ReadonlyMap<string, Reason>;
}

const reason = (say: string, settle: string): Reason => ({ code: 'another-data-plane', say, settle });

/** Devices that an eBPF data plane makes on each node it runs on, in its own documentation. */
const BY_NAME: ReadonlyMap<string, string> = new Map([
  ['cilium_host', 'Cilium'],
  ['bpfin.cali', 'Calico in eBPF mode'],
]);

const ofNode = (link: Link): Reason | undefined => {
  const plane = BY_NAME.get(link.name);
  if (plane !== undefined)
    return reason(
      `${plane} is on this node (interface ${link.name}): its eBPF programs may take the packet before netfilter does.`,
      `Ask ${plane} what it does with the packet.`,
    );
  // The kernel's switch takes the frames of its ports before they get to the IP layer (net/openvswitch, ovs_vport_receive).
  if (link.kind === 'openvswitch')
    return reason(
      `Open vSwitch is on this node (interface ${link.name}): its flows may take the packet before netfilter does.`,
      'Ask Open vSwitch what it does with the packet (ovs-appctl ofproto/trace).',
    );
  // These pairs are made to carry eBPF programs (drivers/net/netkit.c).
  if (link.kind === 'netkit')
    return reason(
      `The interface ${link.name} is of the kind netkit: eBPF programs there may take the packet before netfilter does.`,
      'Ask whoever loaded the programs what they do with the packet (bpftool net show).',
    );
  return undefined;
};

/** Their packets come in by another device, which runs its program first. */
const STACKED: ReadonlySet<string | undefined> = new Set([
  'bond',
  'team',
  'vlan',
  'macvlan',
  'macvtap',
  'ipvlan',
  'vrf',
  'vxlan',
  'geneve',
  'ipip',
  'sit',
  'gre',
  'gretap',
  'ip6tnl',
  'ip6gre',
  'wireguard',
]);

/** Undefined where nothing but netfilter is seen. Programs at `tc` leave no trace in a listing of interfaces. */
export function dataPlanesOf(links: readonly Link[]): DataPlanes | undefined {
  // One reason for each plane, not for each of its ports.
  const node = new Map<string, Reason>();
  const arriving = new Map<string, Reason>();
  for (const link of links) {
    const found = ofNode(link);
    const key = link.kind === 'openvswitch' || link.kind === 'netkit' ? link.kind : link.name;
    if (found !== undefined && !node.has(key)) node.set(key, found);
    if (link.xdp === undefined) continue;
    const name = link.xdp === '' ? '' : ` (${link.xdp})`;
    const xdp = reason(
      `An XDP program${name} at ${link.name} sees the packet before netfilter does, and may drop, change or redirect it.`,
      `Read the program (bpftool net show dev ${link.name}), or assume that it passes the packet.`,
    );
    arriving.set(link.name, xdp);
    if (link.kind === 'veth') continue;
    for (const other of links) if (STACKED.has(other.kind) && !arriving.has(other.name)) arriving.set(other.name, xdp);
  }
  return node.size === 0 && arriving.size === 0 ? undefined : { node: [...node.values()], arriving };
}
