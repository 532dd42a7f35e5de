/** What can be wrong with a cluster: stable codes, what is wrong, what to do about it. */
import 'server-only';
import type { Problem } from '@/lib/net/result';

/** Others say it in a sentence of their own, with its full stop. */
const bare = (why: string): string => why.replace(/\.+$/, '');

export const kubeProblems = {
  noConfig: (why: string): Problem => ({
    code: 'KUBE-001',
    say: `The kubeconfig cannot be used: ${bare(why)}.`,
    do: 'Give --kubeconfig FILE, or check it with kubectl config view.',
  }),
  noContext: (context: string | undefined, known: readonly string[]): Problem => ({
    code: 'KUBE-002',
    say: context === undefined ? 'The kubeconfig has no current context.' : `There is no context "${context}".`,
    do: known.length === 0 ? 'The kubeconfig has no context at all.' : `Give --context; there is ${known.join(', ')}.`,
  }),
  notInCluster: (why: string): Problem => ({
    code: 'KUBE-003',
    say: `This is no pod with a service account: ${bare(why)}.`,
    do: 'Give --kubeconfig instead of --in-cluster.',
  }),
  unreachable: (server: string, why: string): Problem => ({
    code: 'KUBE-004',
    say: `The API server ${server} does not answer: ${bare(why)}.`,
    do: 'Check the address, the network and the certificates with kubectl version.',
  }),
  /** @param why there are none at all */
  unauthorized: (why: string | undefined): Problem => ({
    code: 'KUBE-005',
    say:
      why === undefined
        ? 'The API server does not accept the credentials.'
        : `There are no credentials for the API server: ${bare(why)}.`,
    do:
      why === undefined
        ? 'They may have expired: log in again, and try kubectl auth whoami.'
        : 'Check the user of the context with kubectl config view, log in again, and try kubectl auth whoami.',
  }),
  noNodes: (right: string): Problem => ({
    code: 'KUBE-006',
    say: `The nodes of the cluster cannot be named: ${right}`,
    do: 'docs/cluster.md has the rights that nftscope uses.',
  }),
  /** @param notAsked pods that look as if they could */
  noReader: (node: string, notAsked: readonly string[], remedy: string): Problem => ({
    code: 'KUBE-007',
    say: `Nothing on ${node} can be asked: it has no agent, and no pod with nft${notAsked.map((why) => `; ${why}`).join('')}.`,
    do: remedy,
  }),
  /** @param why the pods on it are not known, of which one may read it */
  noPods: (node: string, why: string): Problem => ({
    code: 'KUBE-009',
    say: `Whether anything on ${node} can be asked is not known, as its pods are not: ${bare(why)}.`,
    do: why.startsWith('missing right')
      ? 'Grant the right to nftscope; docs/cluster.md has all that it uses.'
      : 'See why the API server does not list pods: kubectl get pods -A.',
  }),
  wrongSetting: (why: string): Problem => ({
    code: 'KUBE-008',
    say: `The settings of the cluster cannot be used: ${bare(why)}.`,
    do: 'docs/cluster.md has the settings.',
  }),
} as const;
