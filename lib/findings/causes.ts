/** Which findings follow from which: a fault often shows itself several times. */
import type { Cause, Finding, FindingCode } from './finding';

/** Codes that may be the cause of a code, where they touch a node and a Service in common. */
const CAUSES: Partial<Readonly<Record<FindingCode, readonly FindingCode[]>>> = {
  'service-missing-on-node': ['comment-too-long', 'proxy-table-missing'],
  'service-stale-on-node': ['comment-too-long'],
  'endpoint-missing-on-node': ['comment-too-long', 'proxy-table-missing', 'service-missing-on-node'],
  'endpoint-stale-on-node': ['comment-too-long', 'service-stale-on-node'],
  'node-unreadable': ['reader-too-old'],
  'capture-incomplete': ['node-unreadable', 'reader-too-old'],
  'conntrack-stale-udp': ['endpoint-stale-on-node'],
  'conntrack-to-removed-endpoint': ['endpoint-stale-on-node'],
  'affinity-to-removed-endpoint': ['endpoint-stale-on-node'],
  'pod-route-missing': ['endpoint-not-a-pod-address', 'endpoint-stale-on-node'],
  'nodeport-address-not-served': ['proxy-rules-altered'],
  'nodes-disagree': [
    'drop-before-proxy',
    'drop-after-proxy',
    'nat-captured',
    'dnat-after-proxy-hidden',
    'notrack-service-traffic',
    'priority-tie',
    'mark-bits-overlap',
    'nd-dropped',
    'icmp-needed-dropped',
    'masquerade-missing',
  ],
};

/** The findings with their causes, the most serious root cause first, each followed by its consequences. */
export function inOrder(findings: readonly Finding[]): readonly Finding[] {
  const caused = findings.map((one) => ({ ...one, causes: causesOf(one, findings) }));
  const roots = caused.filter(({ causes }) => causes.length === 0).sort(bySeverity);
  const ordered = new Set<Finding>();
  const add = (one: Finding): void => {
    if (ordered.has(one)) return;
    ordered.add(one);
    for (const other of caused) if (other.causes.some((cause) => isOf(cause, one))) add(other);
  };
  for (const root of roots) add(root);
  for (const one of caused) add(one);
  return [...ordered];
}

const RANK = { error: 0, warning: 1, info: 2 } as const;

/** Of one severity first what hits all Services, then what hits the most. */
function bySeverity(a: Finding, b: Finding): number {
  const width = ({ services }: Finding): number => (services.length === 0 ? Number.MAX_SAFE_INTEGER : services.length);
  return RANK[a.severity] - RANK[b.severity] || width(b) - width(a);
}

function causesOf(one: Finding, all: readonly Finding[]): readonly Cause[] {
  return (CAUSES[one.code] ?? []).flatMap((code) =>
    all
      .filter((other) => other.code === code && shares(other.nodes, one.nodes) && shares(other.services, one.services))
      .filter((other) => one.code !== 'nodeport-address-not-served' || isOfNodePorts(other, one.nodes))
      .map(({ nodes, services }) => ({ code, nodes, services })),
  );
}

/** Whether what somebody changed is the set of addresses that serve NodePorts. */
const isOfNodePorts = ({ evidence }: Finding, nodes: readonly string[]): boolean =>
  evidence.some((one) => one.kind === 'difference' && one.name === 'nodeport-ips' && nodes.includes(one.node));

/** The finding that a cause names. */
export const causeIn = (findings: readonly Finding[], cause: Cause): Finding | undefined =>
  findings.find((one) => isOf(cause, one));

/** None means all. */
const shares = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === 0 || b.length === 0 || a.some((name) => b.includes(name));

const isOf = (cause: Cause, { code, nodes, services }: Finding): boolean =>
  cause.code === code && cause.nodes === nodes && cause.services === services;
