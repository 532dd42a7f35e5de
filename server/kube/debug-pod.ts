/** A pod for a node that nothing can be asked on. It is printed for the user to run: nftscope creates nothing by itself. */
import 'server-only';

/** Has nft, ip, conntrack and ss. */
const IMAGE = 'nicolaka/netshoot:v0.13';

export interface DebugPodOptions {
  readonly node: string;
  readonly namespace?: string | undefined;
  readonly image?: string | undefined;
  readonly context?: string | undefined;
}

/** By its label the pod is found, and used, once it runs (server/kube/node-pods.ts). */
export function debugPodManifest({ node, namespace = 'kube-system', image = IMAGE }: DebugPodOptions): string {
  return `apiVersion: v1
kind: Pod
metadata:
  name: ${podName(node)}
  namespace: ${namespace}
  labels:
    app.kubernetes.io/name: nftscope-debug
spec:
  nodeName: ${node}
  hostNetwork: true
  restartPolicy: Never
  # It ends by itself.
  activeDeadlineSeconds: 3600
  automountServiceAccountToken: false
  tolerations:
    - operator: Exists
  containers:
    - name: nft
      image: ${image}
      command: [sleep, "3600"]
      securityContext:
        # Listing the ruleset needs NET_ADMIN in the node's network namespace, and nothing else.
        capabilities:
          drop: [ALL]
          add: [NET_ADMIN]
`;
}

export function debugPodCommands(options: DebugPodOptions): { readonly create: string; readonly remove: string } {
  const { node, namespace = 'kube-system', context } = options;
  const kubectl = context === undefined ? 'kubectl' : `kubectl --context ${quoted(context)}`;
  return {
    create: `${kubectl} apply -f - <<'EOF'\n${debugPodManifest(options)}EOF`,
    remove: `${kubectl} -n ${namespace} delete pod ${podName(node)}`,
  };
}

/** For a shell: names of contexts may have any characters. */
const quoted = (word: string): string => (/^[\w.:/@-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);

/** A DNS label of at most 63 characters (RFC 1123). */
const podName = (node: string): string => `nftscope-debug-${node.replaceAll('.', '-')}`.slice(0, 63).replace(/-+$/, '');
