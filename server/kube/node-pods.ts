/** Pods that can read the node they run on: agents, and pods with nft. */
import 'server-only';
import { at, decoding } from '@/lib/net/json-cursor';

/** `app.kubernetes.io/name` of the agent's pods (deploy/). */
const AGENT_LABEL = 'nftscope-agent';
/** The DaemonSet of deploy/agent. */
const AGENTS = 'nftscope/nftscope-agent';
/** `app.kubernetes.io/name` of a pod that the user made for reading (debug-pod.ts). */
const DEBUG_LABEL = 'nftscope-debug';
/** Where debug-pod.ts puts them, and where kube-proxy is. */
export const SYSTEM_NAMESPACE = 'kube-system';
/** The agent's port where its container names none (server/cli/agent-command.ts). */
const AGENT_PORT = 9632;

export interface NodePod {
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
  readonly role: 'agent' | 'named' | 'debug' | 'kube-proxy';
  readonly container: string;
  readonly running: boolean;
  readonly address: string | undefined;
  readonly port: number;
  readonly scheme: 'http' | 'https';
  /** Of a kube-proxy, by the tag of its image: `v1.36.2`. */
  readonly version: string | undefined;
}

/** A pod that looks as if it could read its node and is not asked. */
export interface RefusedPod {
  readonly node: string;
  readonly claims: NodePod['role'];
  /** For people, after "not asked: ". */
  readonly why: string;
}
export type PodUse =
  | { readonly kind: 'reads'; readonly pod: NodePod }
  | { readonly kind: 'refused'; readonly pod: RefusedPod };

/** Which pods may read nodes (docs/cluster.md, Which pods are asked): DaemonSets as `NAMESPACE/NAME`. */
export interface NamedPods {
  readonly agents?: string | undefined;
  readonly exec?: string | undefined;
  /** The namespace of debug pods. */
  readonly debugIn?: string | undefined;
}

/**
 * What a pod object is good for; undefined for all pods that read no node. Labels, owners and nodeName are what the pod's maker wrote:
 * what is trusted is who may make pods in a namespace, so every way names its namespace. And a pod without hostNetwork has a network,
 * and rules, of its own.
 */
export function podUse(object: unknown, named: NamedPods): PodUse | undefined {
  const decoded = decoding((): PodUse | undefined => {
    const metadata = at(object).key('metadata');
    const spec = at(object).key('spec');
    const node = spec.optional('nodeName')?.string();
    if (node === undefined) return undefined;
    const labels = (metadata.optional('labels')?.value ?? {}) as { readonly [key: string]: unknown };
    const label = labels['app.kubernetes.io/name'];
    const owner = (metadata.optional('ownerReferences')?.items() ?? []).find(
      (one) => one.optional('kind')?.string() === 'DaemonSet' && one.optional('controller')?.boolean() === true,
    );
    const namespace = metadata.key('namespace').string();
    const name = metadata.key('name').string();
    const set = owner === undefined ? undefined : `${namespace}/${owner.key('name').string()}`;
    const containers = spec.optional('containers')?.items() ?? [];
    const proxy = containers.find((one) => one.key('name').string() === 'kube-proxy');
    const isHost = spec.optional('hostNetwork')?.boolean() === true;
    const { agents = AGENTS, debugIn = SYSTEM_NAMESPACE } = named;
    const isNamed = named.exec !== undefined && set === named.exec;
    const isDebug = label === DEBUG_LABEL;
    const isProxy = proxy !== undefined && isHost;
    const claims =
      set === agents || label === AGENT_LABEL
        ? 'agent'
        : isNamed
          ? 'named'
          : isDebug
            ? 'debug'
            : isProxy
              ? 'kube-proxy'
              : undefined;
    if (claims === undefined) return undefined;
    const isRunning =
      at(object).optional('status')?.optional('phase')?.string() === 'Running' &&
      metadata.optional('deletionTimestamp') === undefined;
    const refused = (why: string): PodUse | undefined =>
      isRunning ? { kind: 'refused', pod: { node, claims, why: `${namespace}/${name} ${why}` } } : undefined;
    if (claims === 'agent' && set !== agents) return refused(`is no pod of the DaemonSet ${agents} (--agents)`);
    if (claims === 'debug' && namespace !== debugIn)
      return refused(`is no debug pod of the namespace ${debugIn} (--debug-in)`);
    if (claims === 'kube-proxy' && namespace !== SYSTEM_NAMESPACE)
      return refused(`is no kube-proxy of the namespace ${SYSTEM_NAMESPACE} (--exec-in)`);
    if (!isHost) return refused('has a network of its own (no hostNetwork): its rules are not those of the node');
    const role = claims;
    const container = role === 'kube-proxy' ? proxy : containers[0];
    if (container === undefined) return undefined;
    const ports = container.optional('ports')?.items() ?? [];
    const port = ports.find((one) => ['http', 'https'].includes(one.optional('name')?.string() ?? '')) ?? ports[0];
    const status = at(object).optional('status');
    const pod: NodePod = {
      namespace,
      name,
      node,
      role,
      container: container.key('name').string(),
      running: isRunning,
      address: status?.optional('podIP')?.string(),
      port: port?.key('containerPort').integer(1, 65535) ?? AGENT_PORT,
      scheme: port?.optional('name')?.string() === 'http' ? 'http' : 'https',
      version: proxy === undefined ? undefined : tagOf(proxy.optional('image')?.string() ?? ''),
    };
    return { kind: 'reads', pod };
  });
  return decoded.ok ? decoded.value : undefined;
}

/** `registry.k8s.io/kube-proxy:v1.36.2@sha256:…` → `v1.36.2` */
const tagOf = (image: string): string | undefined => /:(v\d[^@/:]*)(@|$)/.exec(image)?.[1];
