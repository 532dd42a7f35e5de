/** Which reader a node has, and reading it: the agent where one runs, else a pod with nft, else nothing. */
import 'server-only';
import { AGENT_LIMITS, type AgentLimits, readByAgent } from './agent-reader';
import { type AgentWay, type DirectTls, directWay, proxyWay } from './agent-way';
import type { BodyCache } from './body-cache';
import { EXEC_LIMITS, type ExecLimits } from './exec';
import { readByExec } from './exec-reader';
import type { KubeClient } from './kube-client';
import { limited } from './limited';
import type { NodePod } from './node-pods';
import type { ReadOutcome } from './node-reading';

/** `auto`: the agent, and where it does not answer, a pod with nft. */
export type ReadBy = 'auto' | 'agent' | 'exec';
export interface ReadersOptions {
  readonly client: KubeClient;
  readonly bodies: BodyCache;
  readonly readBy: ReadBy;
  /** By node; goes before `readBy`. */
  readonly readNodeBy?: ReadonlyMap<string, ReadBy> | undefined;
  readonly agentToken: () => Promise<string | undefined>;
  /** In the cluster: agents are asked directly. */
  readonly agentTls?: DirectTls | undefined;
  readonly agentLimits?: AgentLimits;
  readonly execLimits?: ExecLimits;
  /** Readings of a node are not closer to each other than this. */
  readonly restMs?: { readonly agent: number; readonly exec: number };
}
export interface ChosenReader {
  /** For people. */
  readonly name: string;
  readonly kind: 'agent' | 'exec';
  readonly read: (signal: AbortSignal) => Promise<ReadOutcome>;
  readonly restMs: number;
  /** Without the API server it cannot be asked. */
  readonly throughApi: boolean;
  /** What to look at where it fails. */
  readonly remedy?: string;
}
const AGENTS_AT_ONCE = 64;
const EXECS_AT_ONCE = 8;
const REST_MS = { agent: 500, exec: 5000 } as const;
const EXEC_ORDER: readonly NodePod['role'][] = ['named', 'debug', 'kube-proxy'];

export class NodeReaders {
  readonly #options: ReadersOptions;
  readonly #agents = limited(AGENTS_AT_ONCE);
  readonly #execs = limited(EXECS_AT_ONCE);

  constructor(options: ReadersOptions) {
    this.#options = options;
  }

  wayTo(pod: NodePod): AgentWay {
    const { client, agentTls, agentToken } = this.#options;
    return agentTls !== undefined && this.#isDirect(pod)
      ? directWay(pod, agentTls, agentToken)
      : proxyWay(client, pod, agentToken);
  }

  /** The readers of a node, the first choice first. @param pods those on it */
  of(node: string, pods: readonly NodePod[]): readonly ChosenReader[] {
    const readBy = this.#options.readNodeBy?.get(node) ?? this.#options.readBy;
    const here = pods.filter((pod) => pod.running);
    const agents = here.filter(({ role }) => role === 'agent').map((pod) => this.#agent(pod));
    const execs = EXEC_ORDER.flatMap((role) => here.filter((pod) => pod.role === role)).map((pod) => this.#exec(pod));
    switch (readBy) {
      case 'auto':
        return [...agents, ...execs];
      case 'agent':
        return agents;
      case 'exec':
        return execs;
    }
  }

  #isDirect(pod: NodePod): boolean {
    return this.#options.agentTls !== undefined && pod.scheme === 'https' && pod.address !== undefined;
  }

  #agent(pod: NodePod): ChosenReader {
    const { bodies, agentLimits = AGENT_LIMITS } = this.#options;
    const way = this.wayTo(pod);
    return {
      name: 'agent',
      kind: 'agent',
      restMs: (this.#options.restMs ?? REST_MS).agent,
      throughApi: !this.#isDirect(pod),
      remedy: `See what its agent says: kubectl -n ${pod.namespace} logs ${pod.name}.`,
      read: (signal) => this.#agents(() => readByAgent(pod.node, way, bodies, agentLimits, signal)),
    };
  }

  #exec(pod: NodePod): ChosenReader {
    const { client, execLimits = EXEC_LIMITS } = this.#options;
    return {
      name: `exec in ${pod.namespace}/${pod.name}`,
      kind: 'exec',
      restMs: (this.#options.restMs ?? REST_MS).exec,
      throughApi: true,
      read: (signal) => this.#execs(() => readByExec(client.access, pod, execLimits, signal)),
    };
  }
}
