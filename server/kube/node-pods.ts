/** Pods that can read the node they run on: agents, and pods with nft. */
import 'server-only';
import { at, decoding } from '@/lib/net/json-cursor';

/** `app.kubernetes.io/name` of the agent's pods (deploy/). */
const AGENT_LABEL = 'nftscope-agent';
/** That of a pod that the user made for reading (debug-pod.ts). */
const DEBUG_LABEL = 'nftscope-debug';
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

/** Pods of a DaemonSet that are used in the place of those that are found: `NAMESPACE/NAME`. */
export interface NamedPods {
  readonly agents?: string | undefined;
  readonly exec?: string | undefined;
}

/** What a pod object is good for; undefined for all pods that read no node. */
export function nodePod(object: unknown, named: NamedPods): NodePod | undefined {
  const decoded = decoding(() => {
    const metadata = at(object).key('metadata');
    const spec = at(object).key('spec');
    const node = spec.optional('nodeName')?.string();
    if (node === undefined) return undefined;
    const labels = (metadata.optional('labels')?.value ?? {}) as { readonly [key: string]: unknown };
    const owner = (metadata.optional('ownerReferences')?.items() ?? []).find(
      (one) => one.optional('kind')?.string() === 'DaemonSet',
    );
    const namespace = metadata.key('namespace').string();
    const set = owner === undefined ? undefined : `${namespace}/${owner.key('name').string()}`;
    const containers = spec.optional('containers')?.items() ?? [];
    const proxy = containers.find((one) => one.key('name').string() === 'kube-proxy');
    const isAgent =
      named.agents === undefined ? labels['app.kubernetes.io/name'] === AGENT_LABEL : set === named.agents;
    const isNamed = named.exec !== undefined && set === named.exec;
    const isDebug = labels['app.kubernetes.io/name'] === DEBUG_LABEL;
    const isProxy = proxy !== undefined && spec.optional('hostNetwork')?.boolean() === true;
    const role = isAgent ? 'agent' : isNamed ? 'named' : isDebug ? 'debug' : isProxy ? 'kube-proxy' : undefined;
    const container = role === 'kube-proxy' ? proxy : containers[0];
    if (role === undefined || container === undefined) return undefined;
    const ports = container.optional('ports')?.items() ?? [];
    const port = ports.find((one) => ['http', 'https'].includes(one.optional('name')?.string() ?? '')) ?? ports[0];
    const status = at(object).optional('status');
    const pod: NodePod = {
      namespace,
      name: metadata.key('name').string(),
      node,
      role,
      container: container.key('name').string(),
      running:
        status?.optional('phase')?.string() === 'Running' && metadata.optional('deletionTimestamp') === undefined,
      address: status?.optional('podIP')?.string(),
      port: port?.key('containerPort').integer(1, 65535) ?? AGENT_PORT,
      scheme: port?.optional('name')?.string() === 'http' ? 'http' : 'https',
      version: proxy === undefined ? undefined : tagOf(proxy.optional('image')?.string() ?? ''),
    };
    return pod;
  });
  return decoded.ok ? decoded.value : undefined;
}

/** `registry.k8s.io/kube-proxy:v1.36.2@sha256:…` → `v1.36.2` */
const tagOf = (image: string): string | undefined => /:(v\d[^@/:]*)(@|$)/.exec(image)?.[1];
