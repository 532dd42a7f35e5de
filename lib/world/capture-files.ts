/** The files of a node in a capture bundle, each the raw output of one command, and what is unknown without it. */
export interface CaptureFile {
  readonly name: string;
  readonly command: string;
  /** What cannot be said without it, a sentence. */
  readonly without: string;
  /** Readings that every capture should have; the others exist on some nodes only. */
  readonly expected: boolean;
}

const file = (name: string, command: string, without: string, expected = true): CaptureFile => ({
  name,
  command,
  without,
  expected,
});

/** Of redacted captures only: no reading of a node has it. */
export const ENDPOINT_ORDER_FILE = 'endpoint-order.json';

export const NODE_FILES = [
  file('nft.json', 'nft -j list ruleset', 'Nothing is known about the rules.'),
  file(
    'nft.txt',
    'nft -a list ruleset',
    'What nft leaves out of its JSON is unknown: some comments and flags, map updates.',
  ),
  file('addr.json', 'ip -j addr show', 'Which addresses are local is unknown.'),
  file('link.json', 'ip -j -d link show', 'Kinds of interfaces and members of bridges are unknown.'),
  file('route4.json', 'ip -j -4 route show table all', 'IPv4 routing decisions are unknown.'),
  file('route6.json', 'ip -j -6 route show table all', 'IPv6 routing decisions are unknown.'),
  file('rule4.json', 'ip -j -4 rule show', 'Policy routing of IPv4 is unknown.'),
  file('rule6.json', 'ip -j -6 rule show', 'Policy routing of IPv6 is unknown.'),
  file('neigh.json', 'ip -j neigh show', 'Whether neighbours answer is unknown.'),
  file('conntrack.txt', 'conntrack -L -o extended,id', 'Open connections are unknown.'),
  file('sysctl.txt', 'sysctl', 'Settings such as forwarding and the reverse path filter are unknown.'),
  file('versions.json', 'nft --version, uname -r', 'The versions of kernel, nft and kube-proxy are unknown.'),
  file('sockets.txt', 'ss -Hltun', 'What listens on the node is unknown.', false),
  file('iptables-save.txt', 'iptables-save', 'The parameters of xt expressions (IPv4) are unknown.', false),
  file('ip6tables-save.txt', 'ip6tables-save', 'The parameters of xt expressions (IPv6) are unknown.', false),
  file(
    'ip_tables_names.txt',
    'cat /proc/net/ip_tables_names',
    'Tables of legacy iptables, which nft does not show, are unknown.',
    false,
  ),
  file(
    'iptables-legacy-save.txt',
    'iptables-legacy-save',
    'The rules in tables of legacy iptables are unknown.',
    false,
  ),
  file(
    'ip6_tables_names.txt',
    'cat /proc/net/ip6_tables_names',
    'Tables of legacy ip6tables, which nft does not show, are unknown.',
    false,
  ),
  file(
    'ip6tables-legacy-save.txt',
    'ip6tables-legacy-save',
    'The rules in tables of legacy ip6tables are unknown.',
    false,
  ),
  file(ENDPOINT_ORDER_FILE, 'nftscope capture --redact', 'How endpoints are ordered is taken from addresses.', false),
  file('capture.json', 'date', 'When this was read is unknown.', false),
] as const satisfies readonly CaptureFile[];

/** Files that say how a reading went, not what was read. */
export const ERRORS_FILE = 'errors.json';

export const CLUSTER_FILES = [
  file(
    'services.json',
    'kubectl get services -A -o json',
    'The ruleset cannot be compared with the cluster; Services have no names.',
  ),
  file('endpointslices.json', 'kubectl get endpointslices -A -o json', 'Nothing is known about endpoints.'),
  file('nodes.json', 'kubectl get nodes -o json', 'Zones, pod networks and roles of nodes are unknown.'),
  file('pods.json', 'kubectl get pods -A -o json', 'Addresses cannot be named.'),
  file('namespaces.json', 'kubectl get namespaces -o json', 'Labels of namespaces are unknown.'),
  file('networkpolicies.json', 'kubectl get networkpolicies -A -o json', 'Network policies cannot be named.'),
  file('version.json', 'kubectl get --raw /version', 'The version of the cluster is unknown.'),
  file('servicecidrs.json', 'kubectl get servicecidrs -o json', 'The networks of ClusterIPs are unknown.', false),
  file(
    'kube-proxy.json',
    'kubectl -n kube-system get configmap kube-proxy',
    'The configuration of kube-proxy is unknown.',
    false,
  ),
] as const satisfies readonly CaptureFile[];

/** A reading that was tried and failed, as errors.json has it. `exitStatus` null: it did not end by itself. */
export interface Failure {
  readonly command: string;
  readonly exitStatus: number | null;
  readonly stderr: string;
  /** What to do about it, where that is another thing than about an nft that failed. */
  readonly remedy?: string | undefined;
}

/** What a source has of one file. */
export type FileReading<T = string> =
  | { readonly kind: 'read'; readonly content: T }
  | { readonly kind: 'absent' }
  | { readonly kind: 'failed'; readonly failure: Failure };

/** `nft -j list ruleset crashed (exit status 139): …`; 128 + n is death by signal n. */
export function describeFailure({ command, exitStatus, stderr, remedy }: Failure): string {
  const how =
    exitStatus === null
      ? // No command, then, that a limit of time ended.
        remedy === undefined
        ? 'was stopped'
        : 'failed'
      : exitStatus > 128
        ? `crashed (exit status ${exitStatus}, signal ${exitStatus - 128})`
        : `failed (exit status ${exitStatus})`;
  const said = stderr.trim().split('\n')[0]?.replace(/\.$/, '') ?? '';
  return `${command} ${how}${said === '' ? '' : `: ${said}`}`;
}
