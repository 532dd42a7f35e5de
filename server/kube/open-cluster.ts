/** `cluster[:CONTEXT]` and its settings → a source. */
import 'server-only';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { failed, ok, type Result } from '@/lib/net/result';
import { reasonOf } from '../sources/problems';
import type { Source } from '../sources/source';
import type { DirectTls } from './agent-way';
import { clusterSource } from './cluster-source';
import { type KubeChoice, kubeAccess } from './kube-access';
import { kubeProblems } from './kube-problems';
import type { ReadBy } from './node-readers';

/** Survives JSON: `nftscope serve` hands it to the web server in NFTSCOPE_CLUSTERS. */
export interface ClusterSettings {
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  readonly inCluster?: boolean | undefined;
  /** `auto`, `agent`, `exec`, and for single nodes `NODE=agent`, `NODE=exec`. */
  readonly readBy?: readonly string[] | undefined;
  /** DaemonSets as NAMESPACE/NAME. */
  readonly agents?: string | undefined;
  readonly execIn?: string | undefined;
  /** Namespace of debug pods. */
  readonly debugIn?: string | undefined;
  readonly agentTokenFile?: string | undefined;
  readonly agentCaFile?: string | undefined;
  readonly agentServerName?: string | undefined;
}

/** Where a mounted token for the agents is looked for (docs/cluster.md). */
const MOUNTED_TOKEN = '/var/run/secrets/nftscope/token';
const AGENT_NAME = 'nftscope-agent';
/** A token that the kubelet renews is read again. */
const TOKEN_MS = 10_000;

export async function openCluster(settings: ClusterSettings): Promise<Result<Source>> {
  const readBy = readByOf(settings.readBy ?? []);
  if (typeof readBy === 'string') return failed(kubeProblems.wrongSetting(readBy));
  for (const set of [settings.agents, settings.execIn])
    if (set !== undefined && !/^[^/\s]+\/[^/\s]+$/.test(set))
      return failed(kubeProblems.wrongSetting(`"${set}" is no NAMESPACE/NAME of a DaemonSet`));
  if (settings.debugIn !== undefined && !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(settings.debugIn))
    return failed(kubeProblems.wrongSetting(`"${settings.debugIn}" is no name of a namespace`));
  const access = await kubeAccess(choiceOf(settings));
  if (!access.ok) return access;
  let agentTls: DirectTls | undefined;
  if (settings.agentCaFile !== undefined) {
    try {
      const ca = await readFile(settings.agentCaFile);
      agentTls = { ca, serverName: settings.agentServerName ?? AGENT_NAME };
    } catch (error) {
      return failed(kubeProblems.wrongSetting(`${settings.agentCaFile} cannot be read: ${reasonOf(error)}`));
    }
  }
  if (settings.agentTokenFile !== undefined) {
    try {
      await readFile(settings.agentTokenFile);
    } catch (error) {
      return failed(
        kubeProblems.wrongSetting(`the token file ${settings.agentTokenFile} cannot be read: ${reasonOf(error)}`),
      );
    }
  }
  const tokenFile = settings.agentTokenFile ?? (existsSync(MOUNTED_TOKEN) ? MOUNTED_TOKEN : undefined);
  return ok(
    clusterSource({
      access: access.value,
      ...readBy,
      named: { agents: settings.agents, exec: settings.execIn, debugIn: settings.debugIn },
      agentToken: tokenFile === undefined ? async () => undefined : tokenOf(tokenFile),
      agentTls,
    }),
  );
}

/** What the environment says; the options of `nftscope serve` go first. */
export function settingsOf(environment: NodeJS.ProcessEnv): ClusterSettings {
  const text = (name: string) => (environment[name] === '' ? undefined : environment[name]);
  return {
    readBy: text('NFTSCOPE_READ_BY')?.split(','),
    agents: text('NFTSCOPE_AGENTS'),
    execIn: text('NFTSCOPE_EXEC_IN'),
    debugIn: text('NFTSCOPE_DEBUG_IN'),
    agentTokenFile: text('NFTSCOPE_AGENT_TOKEN_FILE'),
    agentCaFile: text('NFTSCOPE_AGENT_CA_FILE'),
    agentServerName: text('NFTSCOPE_AGENT_SERVER_NAME'),
  };
}

/** `cluster` or `cluster:CONTEXT`; undefined for all other sources. A folder of that name is `./cluster`. */
export function clusterNamed(source: string): { readonly context: string | undefined } | undefined {
  const match = /^cluster(?::(.+))?$/.exec(source);
  return match === null ? undefined : { context: match[1] };
}

/** Without any choice: the kubeconfig where there is one, else the service account of this pod. */
function choiceOf({ kubeconfig, context, inCluster }: ClusterSettings): KubeChoice {
  const usual = process.env.KUBECONFIG ?? `${process.env.HOME ?? ''}/.kube/config`;
  const isPod = process.env.KUBERNETES_SERVICE_HOST !== undefined && !usual.split(':').some((path) => existsSync(path));
  const isAsked = inCluster === true || (context === 'in-cluster' && kubeconfig === undefined);
  if (isAsked || (isPod && kubeconfig === undefined && context === undefined)) return { kind: 'in-cluster' };
  return { kind: 'kubeconfig', path: kubeconfig, context };
}

/** A sentence where it makes no sense. */
function readByOf(
  words: readonly string[],
): { readonly readBy: ReadBy; readonly readNodeBy: ReadonlyMap<string, ReadBy> } | string {
  let readBy: ReadBy = 'auto';
  const readNodeBy = new Map<string, ReadBy>();
  for (const word of words) {
    const [, node, way = ''] = /^(?:([^=]+)=)?(.*)$/.exec(word.trim()) ?? [];
    if (way !== 'auto' && way !== 'agent' && way !== 'exec') return `"${word}" is none of auto, agent and exec`;
    if (node === undefined) readBy = way;
    else readNodeBy.set(node, way);
  }
  return { readBy, readNodeBy };
}

function tokenOf(file: string): () => Promise<string | undefined> {
  let kept: { readonly until: number; readonly token: Promise<string | undefined> } | undefined;
  return () => {
    if (kept === undefined || kept.until < performance.now()) {
      const token = readFile(file, 'utf8').then(
        (text) => text.trim(),
        // Without a token the agent says what is missing.
        () => undefined,
      );
      kept = { until: performance.now() + TOKEN_MS, token };
    }
    return kept.token;
  };
}
