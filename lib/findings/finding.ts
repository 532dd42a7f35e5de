/** What a diagnosis says: one problem with its evidence. The meaning of a code never changes; texts may (docs/findings.md). */

/** `error`: traffic is lost or misrouted now; `warning`: it will be, or is for some packets; `info`: worth knowing. */
export type Severity = 'error' | 'warning' | 'info';

/** Every code with its severity, by what is looked at. */
export const SEVERITIES = {
  // The cluster's state.
  'no-endpoints': 'error',
  'no-ready-endpoints': 'error',
  'endpoint-port-mismatch': 'error',
  'endpoint-not-a-pod-address': 'error',
  'external-policy-no-local-endpoint': 'info',
  'internal-policy-no-local-endpoint': 'warning',
  'source-ranges-block': 'warning',
  'clusterip-unallocated': 'error',
  'clusterip-port-undefined': 'error',
  'comment-too-long': 'error',
  // A node against the cluster.
  'proxy-table-missing': 'error',
  'service-missing-on-node': 'error',
  'service-stale-on-node': 'warning',
  'endpoint-missing-on-node': 'error',
  'endpoint-stale-on-node': 'error',
  'proxy-rules-altered': 'error',
  'proxy-not-nftables': 'warning',
  'proxy-leftovers': 'warning',
  'legacy-iptables-active': 'warning',
  'nodes-disagree': 'warning',
  // Other tables on the path.
  'drop-before-proxy': 'error',
  'drop-after-proxy': 'error',
  'nat-captured': 'error',
  'dnat-after-proxy-hidden': 'warning',
  'notrack-service-traffic': 'error',
  'priority-tie': 'warning',
  'mark-bits-overlap': 'warning',
  'nd-dropped': 'error',
  'icmp-needed-dropped': 'warning',
  // Settings and routes of a node.
  'forwarding-off': 'error',
  'pod-route-missing': 'error',
  'rp-filter-strict': 'error',
  'bridge-nf-off': 'error',
  'conntrack-full': 'error',
  'nodeport-address-not-served': 'error',
  'localhost-nodeport': 'error',
  'masquerade-missing': 'warning',
  // Connections.
  'conntrack-stale-udp': 'error',
  'conntrack-without-nat': 'error',
  'conntrack-to-removed-endpoint': 'warning',
  'affinity-to-removed-endpoint': 'error',
  // Reading.
  'node-unreadable': 'error',
  'reader-too-old': 'error',
  'version-below-minimum': 'warning',
  'capture-incomplete': 'info',
} as const satisfies Readonly<Record<string, Severity>>;

export type FindingCode = keyof typeof SEVERITIES;

/** One thing to look at. `text` is as nft, the file or the object has it, or a sentence about it. */
export type Evidence =
  | {
      readonly kind: 'rule';
      readonly node: string;
      readonly family: string;
      readonly table: string;
      readonly chain: string;
      readonly handle: number;
      readonly text: string;
    }
  | {
      readonly kind: 'chain';
      readonly node: string;
      readonly family: string;
      readonly table: string;
      readonly chain: string;
      readonly text: string;
    }
  | {
      readonly kind: 'element';
      readonly node: string;
      readonly family: string;
      readonly table: string;
      readonly set: string;
      readonly text: string;
    }
  | {
      readonly kind: 'table';
      readonly node: string;
      readonly family: string;
      readonly table: string;
      readonly text: string;
    }
  /** What kube-proxy should have written and what is there; null where there is nothing. */
  | {
      readonly kind: 'difference';
      readonly node: string;
      readonly family: string;
      readonly table: string;
      readonly name: string;
      readonly expected: string | null;
      readonly actual: string | null;
    }
  | {
      readonly kind: 'object';
      readonly object: 'Service' | 'EndpointSlice' | 'Pod' | 'Node';
      /** Empty for Nodes. */
      readonly namespace: string;
      readonly name: string;
      readonly text: string;
    }
  | { readonly kind: 'address'; readonly node?: string; readonly address: string; readonly text: string }
  | { readonly kind: 'interface'; readonly node: string; readonly name: string; readonly text: string }
  | { readonly kind: 'route'; readonly node: string; readonly text: string }
  | { readonly kind: 'sysctl'; readonly node: string; readonly key: string; readonly value: string }
  | { readonly kind: 'conntrack'; readonly node: string; readonly text: string }
  | { readonly kind: 'version'; readonly node: string; readonly of: string; readonly version: string }
  /** A file of the capture, and how its reading went. */
  | { readonly kind: 'reading'; readonly node: string; readonly file: string; readonly text: string }
  /** A packet that shows it, and how it ends there. */
  | { readonly kind: 'packet'; readonly node: string; readonly packet: object; readonly text: string };

/** A finding that this one follows from. */
export interface Cause {
  readonly code: FindingCode;
  readonly nodes: readonly string[];
  readonly services: readonly string[];
}

export interface Finding {
  readonly code: FindingCode;
  readonly severity: Severity;
  /** One sentence. */
  readonly summary: string;
  /** `NAMESPACE/NAME`, sorted; none: it is not bound to particular Services. */
  readonly services: readonly string[];
  /** Sorted; none: the cluster's state, the same on every node. */
  readonly nodes: readonly string[];
  readonly evidence: readonly Evidence[];
  /** Sentences: what was taken for granted. */
  readonly assumptions: readonly string[];
  /** A command that shows it. */
  readonly reproduce: string;
  /** What to do about it, a sentence or two. */
  readonly remedy: string;
  /** Findings that this one is a consequence of; none: it is a root cause. */
  readonly causes: readonly Cause[];
}

/** What a check says; the rest follows from the code, and causes are worked out for all together. */
export type FindingParts = Omit<Finding, 'severity' | 'causes' | 'assumptions'> &
  Partial<Pick<Finding, 'severity' | 'assumptions'>>;

/** Names sorted and each once; `severity` only where an asked connection makes it another. */
export function finding({ services, nodes, ...parts }: FindingParts): Finding {
  return {
    severity: SEVERITIES[parts.code],
    assumptions: [],
    ...parts,
    services: sortedNames(services),
    nodes: sortedNames(nodes),
    causes: [],
  };
}

/** Each once, node-2 before node-10. */
export const sortedNames = (names: readonly string[]): readonly string[] =>
  [...new Set(names)].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));

/** For people: `rule ip filter FORWARD handle 7 on node-1: …`. */
export function evidenceText(one: Evidence): string {
  switch (one.kind) {
    case 'rule':
      return `${one.node}: rule ${one.family} ${one.table} ${one.chain} handle ${one.handle}: ${one.text}`;
    case 'chain':
      return `${one.node}: chain ${one.family} ${one.table} ${one.chain}: ${one.text}`;
    case 'element':
      return `${one.node}: ${one.family} ${one.table} ${one.set}: ${one.text}`;
    case 'table':
      return `${one.node}: table ${one.family} ${one.table}: ${one.text}`;
    case 'difference': {
      const where = `${one.node}: ${one.family} ${one.table}${one.name === '' ? '' : ` ${one.name}`}`;
      const is = one.actual === null ? 'is not there' : `is: ${one.actual}`;
      return one.expected === null ? `${where}: too much: ${one.actual}` : `${where}: expected: ${one.expected}; ${is}`;
    }
    case 'object':
      return `${one.object} ${one.namespace === '' ? one.name : `${one.namespace}/${one.name}`}: ${one.text}`;
    case 'address':
      return `${one.node === undefined ? '' : `${one.node}: `}address ${one.address}: ${one.text}`;
    case 'interface':
      return `${one.node}: interface ${one.name}: ${one.text}`;
    case 'route':
      return `${one.node}: route: ${one.text}`;
    case 'sysctl':
      return `${one.node}: ${one.key} = ${one.value}`;
    case 'conntrack':
      return `${one.node}: connection: ${one.text}`;
    case 'version':
      return `${one.node}: ${one.of} ${one.version}`;
    case 'reading':
      return `${one.node}: ${one.file}: ${one.text}`;
    case 'packet':
      return `${one.node}: packet ${JSON.stringify(one.packet)}: ${one.text}`;
  }
}
