/** Comments that nftables refuses, so that kube-proxy can write nothing any more. */
import { backendsOf, chooseEndpoints, endpointKey } from '../../expected/endpoints';
import { releaseOf } from '../../expected/release';
import { servicePorts } from '../../expected/service-ports';
import type { Context, NodeContext } from '../context';
import { type Evidence, type Finding, finding } from '../finding';
import { listed } from '../show';

/** Bytes of a comment on an element: 128 are taken, 129 are not (measured). kube-proxy cuts them from 1.37. */
const LONGEST = 128;

/**
 * Service ports without endpoints have their name as a comment in no-endpoint-services and no-endpoint-nodeports. One that is too long
 * makes every transaction of its family fail.
 *
 * @param drift what is behind on the nodes: it is behind because of this
 */
export function commentFindings(context: Context, drift: readonly Finding[]): readonly Finding[] {
  const found = context.nodes.flatMap((node) => {
    const long = longNames(context, node);
    return long.size === 0 ? [] : [{ node: node.name, long }];
  });
  if (found.length === 0) return [];
  const nodes = found.map(({ node }) => node);
  const long = new Map(found.flatMap((one) => [...one.long]));
  const behind = drift.filter(
    ({ code, nodes: on }) => code !== 'proxy-rules-altered' && on.some((one) => nodes.includes(one)),
  );
  const [first = ''] = long.keys();
  return [
    finding({
      code: 'comment-too-long',
      summary: `The name ${first} is longer than ${LONGEST} bytes and its Service has no endpoints: no sync of kube-proxy succeeds on ${listed(nodes)}.`,
      services: [...new Set([...long.values()]), ...behind.flatMap(({ services }) => services)],
      nodes,
      evidence: [...long].map(([comment, service]): Evidence => {
        const [namespace = '', name = ''] = service.split('/');
        return { kind: 'object', object: 'Service', namespace, name, text: `${comment}: ${comment.length} bytes` };
      }),
      assumptions: ['That kube-proxy is older than 1.37, which cuts such names.'],
      reproduce: 'kubectl -n kube-system logs -l k8s-app=kube-proxy | grep -i comment',
      remedy:
        'Give the Service an endpoint, a shorter name or a shorter port name, or update kube-proxy to 1.37. Until then no change of any Service reaches the nodes.',
    }),
  ];
}

/** The comments that are too long, with their Services. */
function longNames(context: Context, node: NodeContext): ReadonlyMap<string, string> {
  const { services, endpointSlices, nodes } = context.cluster;
  const found = new Map<string, string>();
  if (!services.known || !endpointSlices.known || !node.isNftables) return found;
  const told = node.expected?.ok === true ? node.expected.value[0]?.configuration.release : undefined;
  const release = told ?? releaseOf(node.input.versions.kubeProxy ?? '');
  if (release === undefined || release.commentBytes !== undefined) return found;
  const zone = nodes.known ? nodes.value.find(({ name }) => name === node.name)?.zone : undefined;
  const known = { name: node.name, zone, address: undefined };
  for (const family of ['ip', 'ip6'] as const) {
    for (const port of servicePorts(services.value, family, release)) {
      const comment = `${port.namespace}/${port.service}${port.port === '' ? '' : `:${port.port}`}`;
      // Names of objects are ASCII, so characters are bytes.
      if (comment.length <= LONGEST) continue;
      const { internalLocal, externalLocal } = port;
      const accessible = port.nodePort !== undefined || port.loadBalancerIPs.length + port.externalIPs.length > 0;
      const backends = backendsOf(endpointSlices.value, family, known, release);
      const key = endpointKey(port.namespace, port.service, port.port, port.protocol.toUpperCase());
      const policy = { internalLocal, externalLocal, accessible };
      const { cluster = [], local = [] } = chooseEndpoints(backends.get(key) ?? [], policy, known, release);
      const isRefused = (isLocal: boolean) => (isLocal ? local : cluster).length === 0;
      if (isRefused(internalLocal) || (accessible && isRefused(externalLocal)))
        found.set(comment, `${port.namespace}/${port.service}`);
    }
  }
  return found;
}
