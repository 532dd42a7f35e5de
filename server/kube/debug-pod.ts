/** A pod for a node that nothing can be asked on. It is printed for the user to run: nftscope creates nothing by itself. */
import 'server-only';
import { createHash } from 'node:crypto';
import { SYSTEM_NAMESPACE } from './node-pods';

/** Has nft, ip, conntrack and ss. */
const IMAGE = 'nicolaka/netshoot:v0.13';

export interface DebugPodOptions {
  readonly node: string;
  readonly namespace?: string | undefined;
  readonly image?: string | undefined;
  readonly context?: string | undefined;
}

/** By its label the pod is found, and used, once it runs (server/kube/node-pods.ts). */
export function debugPodManifest({ node, namespace = SYSTEM_NAMESPACE, image = IMAGE }: DebugPodOptions): string {
  return `apiVersion: v1
kind: Pod
metadata:
  name: ${podName(node)}
  namespace: ${written(namespace)}
  labels:
    app.kubernetes.io/name: nftscope-debug
spec:
  nodeName: ${written(node)}
  hostNetwork: true
  restartPolicy: Never
  # It ends by itself.
  activeDeadlineSeconds: 3600
  automountServiceAccountToken: false
  tolerations:
    - operator: Exists
  containers:
    - name: nft
      image: ${written(image)}
      command: [sleep, "3600"]
      securityContext:
        # Listing the ruleset needs NET_ADMIN in the node's network namespace, and nothing else.
        capabilities:
          drop: [ALL]
          add: [NET_ADMIN]
`;
}

export function debugPodCommands(options: DebugPodOptions): { readonly create: string; readonly remove: string } {
  const { node, namespace = SYSTEM_NAMESPACE, context } = options;
  const kubectl = context === undefined ? 'kubectl' : `kubectl --context ${quoted(context)}`;
  return {
    create: `${kubectl} apply -f - <<'EOF'\n${debugPodManifest(options)}EOF`,
    remove: `${kubectl} -n ${namespace} delete pod ${podName(node)}`,
  };
}

/** For a shell: names of contexts may have any characters. */
const quoted = (word: string): string => (/^[\w.:/@-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);

/** A string to YAML too: node names, namespaces and images may look like numbers. */
const written = (text: string): string => JSON.stringify(text);

const NAME_MAX = 63;

/** A DNS label (RFC 1123), one for each node: what a label has no room for is told apart by a hash. */
function podName(node: string): string {
  const plain = `nftscope-debug-${node}`;
  if (!plain.includes('.') && plain.length <= NAME_MAX) return plain;
  const hash = createHash('sha256').update(node).digest('hex').slice(0, 8);
  return `${plain.replaceAll('.', '-').slice(0, NAME_MAX - 9)}-${hash}`;
}
