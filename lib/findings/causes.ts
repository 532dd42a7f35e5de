/** Which findings follow from which: a fault often shows itself several times. */
import type { Cause, Finding, FindingCode } from './finding';

/** Codes that may be the cause of a code, where they touch a node and a Service in common. */
const CAUSES: Partial<Readonly<Record<FindingCode, readonly FindingCode[]>>> = {
  'service-missing-on-node': ['comment-too-long', 'proxy-table-missing'],
  'service-stale-on-node': ['comment-too-long'],
  'endpoint-missing-on-node': [
    'comment-too-long',
    'proxy-table-missing',
    'service-missing-on-node',
    'endpoint-stale-on-node',
  ],
  'endpoint-stale-on-node': ['comment-too-long', 'service-stale-on-node'],
  'node-unreadable': ['reader-too-old'],
  'capture-incomplete': ['node-unreadable', 'reader-too-old'],
  'conntrack-stale-udp': ['endpoint-stale-on-node'],
  'conntrack-to-removed-endpoint': ['endpoint-stale-on-node'],
  'affinity-to-removed-endpoint': ['endpoint-stale-on-node'],
  'pod-route-missing': ['endpoint-not-a-pod-address', 'endpoint-stale-on-node'],
  'nodeport-address-not-served': ['proxy-rules-altered'],
  'masquerade-missing': ['proxy-rules-altered'],
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
      .filter((other) => isOfKind(one, other))
      .map(({ nodes, services }) => ({ code, nodes, services })),
  );
}

/** Of what somebody changed in kube-proxy's table only what can have such a consequence. */
function isOfKind({ code, nodes, services }: Finding, other: Finding): boolean {
  // kube-proxy that is behind has the old endpoints in place of the new: the same lag, where all that lack some have others too many.
  if (code === 'endpoint-missing-on-node' && other.code === 'endpoint-stale-on-node')
    return [nodes, services].every((mine, at) => mine.every((one) => [other.nodes, other.services][at]?.includes(one)));
  const { evidence } = other;
  const changed = ALTERED[code];
  if (changed === undefined) return true;
  return evidence.some((one) => one.kind === 'difference' && changed.test(one.name) && nodes.includes(one.node));
}

/** Names of chains and sets: addresses that serve NodePorts; what tells pods from others, from 1.36 and before. */
const ALTERED: Partial<Readonly<Record<FindingCode, RegExp>>> = {
  'nodeport-address-not-served': /^nodeport-ips$/,
  'masquerade-missing': /^(services$|service-)/,
};

/** The finding that a cause names. */
export const causeIn = (findings: readonly Finding[], cause: Cause): Finding | undefined =>
  findings.find((one) => isOf(cause, one));

/** None means all. */
const shares = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === 0 || b.length === 0 || a.some((name) => b.includes(name));

const isOf = (cause: Cause, { code, nodes, services }: Finding): boolean =>
  cause.code === code && cause.nodes === nodes && cause.services === services;
