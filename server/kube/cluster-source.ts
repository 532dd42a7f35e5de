/** A cluster as a source: its objects from the API server, its nodes through agents or pods that have nft. */
import 'server-only';
import type { Following } from '@/lib/fleet/following';
import type { ReadingCost } from '@/lib/fleet/reading-cost';
import { failed, ok, type Result } from '@/lib/net/result';
import type { Failure } from '@/lib/world/capture-files';
import { inTurns } from '../sessions/in-turns';
import { sourceProblems } from '../sources/problems';
import type { ClusterCapture, NodeCapture, NodeEntry, Source, SourceChange } from '../sources/source';
import type { AgentEventTimes } from './agent-events';
import { AgentStreams } from './agent-streams';
import type { TurnTimes } from './agent-turns';
import { BodyCache } from './body-cache';
import { ClusterObjects, type ObjectsChange } from './cluster-objects';
import { debugPodCommands } from './debug-pod';
import type { KubeAccess } from './kube-access';
import { KubeClient } from './kube-client';
import { kubeProblems } from './kube-problems';
import type { Times } from './list-watch';
import type { NamedPods, NodePod } from './node-pods';
import { NodeReaders, type ReadersOptions } from './node-readers';
import { captureOfParts, type NodeReading, part, unreadable } from './node-reading';
import { describeTrouble } from './trouble';

export interface ClusterSourceOptions
  extends Partial<
    Pick<ReadersOptions, 'readBy' | 'readNodeBy' | 'agentToken' | 'agentTls' | 'agentLimits' | 'execLimits' | 'restMs'>
  > {
  readonly access: KubeAccess;
  readonly named?: NamedPods;
  readonly times?: Partial<Times>;
  readonly agentTimes?: AgentEventTimes;
  /** Streams of agents to keep open; the others are asked in turn. */
  readonly streamsMax?: number;
  readonly turnTimes?: TurnTimes;
  /** Changes of objects that come together are told as one. */
  readonly quietMs?: number;
  readonly cacheBytes?: number;
}

const CACHE_BYTES = 400e6;
/** Every change of objects makes what follows from them be made anew: not more often than this. */
const QUIET_MS = 2000;
/** What failed is read again after this time, or ten times what it took, where its agent says that there is a ruleset. */
const AGAIN_MS = 30_000;
/** A list that is not followed holds for so long. */
const LISTED_MS = 3000;

interface LastReading {
  readonly by: string;
  readonly capture: NodeCapture;
  readonly failure: Failure | undefined;
  /** SHA-256 of the listing. */
  readonly listing?: string | undefined;
  /** Not read again before this time (performance.now). */
  readonly notBefore: number;
  /** A failed one, while its agent is heard: read again after this time. */
  readonly againAt?: number;
}

interface Places {
  readonly nodes: readonly string[];
  readonly pods: readonly NodePod[];
  /** Node objects; where they may not be read, the nodes of pods that can read them. */
  readonly names: readonly string[];
  readonly isNode: (name: string) => boolean;
  readonly podsOn: (node: string) => readonly NodePod[];
}

function placesOf(nodes: readonly string[], pods: readonly NodePod[]): Places {
  const byNode = new Map<string, NodePod[]>();
  for (const pod of pods) {
    const here = byNode.get(pod.node);
    if (here === undefined) byNode.set(pod.node, [pod]);
    else here.push(pod);
  }
  const names = nodes.length > 0 ? nodes : [...byNode.keys()].sort();
  const known = new Set(names);
  return { nodes, pods, names, isNode: (name) => known.has(name), podsOn: (node) => byNode.get(node) ?? [] };
}

export function clusterSource(options: ClusterSourceOptions): Source {
  return new ClusterSource(options);
}

class ClusterSource implements Source {
  readonly #options: ClusterSourceOptions;
  readonly #objects: ClusterObjects;
  readonly #readers: NodeReaders;
  /** What is shown of a node that is not asked: without the contents. */
  readonly #last = new Map<string, LastReading>();
  /** Nodes that changed since they were last asked for. */
  readonly #dirty = new Set<string>();
  readonly #bodies: BodyCache;
  /** While it is watched. */
  readonly #streams = new Set<AgentStreams>();
  #placed: Places | undefined;
  #listedAt = Number.NEGATIVE_INFINITY;

  constructor(options: ClusterSourceOptions) {
    const { access, named = {}, times, cacheBytes = CACHE_BYTES } = options;
    this.#options = options;
    const client = new KubeClient(access);
    this.#bodies = new BodyCache(cacheBytes);
    this.#objects = new ClusterObjects({ client, named, ...(times !== undefined && { times }) });
    this.#readers = new NodeReaders({
      readBy: 'auto',
      agentToken: async () => undefined,
      ...options,
      client,
      bodies: this.#bodies,
    });
  }

  describe() {
    return { kind: 'cluster', name: this.#options.access.context, live: true } as const;
  }

  async nodes(signal: AbortSignal): Promise<Result<readonly NodeEntry[]>> {
    if (signal.aborted) return failed(sourceProblems.cancelled());
    await this.#refresh(signal);
    const names = this.#names();
    if (names.length === 0) {
      const problem = this.#whyNoNodes();
      if (problem !== undefined) return failed(problem);
    }
    return ok(names.map((name) => this.#entry(name)));
  }

  async cluster(signal: AbortSignal): Promise<Result<ClusterCapture>> {
    if (signal.aborted) return failed(sourceProblems.cancelled());
    await this.#refresh(signal);
    return ok({ files: await inTurns(this.#objects.files()) });
  }

  async node(name: string, signal: AbortSignal): Promise<Result<NodeCapture>> {
    if (signal.aborted) return failed(sourceProblems.cancelled());
    if (!this.#objects.isFollowing || !this.#places().isNode(name)) await this.#refresh(signal);
    if (signal.aborted) return failed(sourceProblems.cancelled());
    const names = this.#names();
    if (!this.#places().isNode(name))
      return failed((names.length === 0 ? this.#whyNoNodes() : undefined) ?? sourceProblems.noSuchNode(name, names));
    const last = this.#last.get(name);
    if (last !== undefined && performance.now() < last.notBefore) return ok(last.capture);
    this.#dirty.delete(name);
    let capture = await this.#read(name, signal);
    // It changed while it was read: who asked after the change must not get what was before.
    for (let again = 0; this.#dirty.has(name) && again < 3 && !signal.aborted; again++) {
      this.#dirty.delete(name);
      capture = await this.#read(name, signal);
    }
    if (signal.aborted) return failed(sourceProblems.cancelled());
    // It went while it was read: it is not unreadable, it is gone.
    if (this.#last.get(name)?.failure !== undefined) {
      if (!this.#objects.isFollowing) await this.#refresh(signal, true);
      if (!this.#places().isNode(name)) {
        this.#last.delete(name);
        return failed(sourceProblems.noSuchNode(name, this.#names()));
      }
    }
    return ok(capture);
  }

  watch(tell: (change: SourceChange) => void, signal: AbortSignal): void {
    const objects = this.#objects;
    let before = this.#shape();
    let isDue = false;
    const changed = (node: string) => {
      this.#dirty.add(node);
      this.#forget(node);
      tell({ kind: 'node', node });
    };
    const streams = new AgentStreams(
      (pod) => this.#readers.wayTo(pod),
      {
        changed,
        // An unreadable node whose ruleset does not change would stay unreadable: nothing else would tell that it is worth a try.
        heard: (node, isBack) => {
          const last = this.#last.get(node);
          if (last?.failure === undefined || (!isBack && performance.now() < (last.againAt ?? 0))) return;
          this.#last.set(node, { ...last, againAt: performance.now() + AGAIN_MS });
          changed(node);
        },
        lost: (why) =>
          tell(why === undefined ? { kind: 'back', what: 'agents' } : { kind: 'lost', what: 'agents', why }),
        shown: (node) => this.#last.get(node)?.listing,
      },
      signal,
      { max: this.#options.streamsMax, times: this.#options.agentTimes, turnTimes: this.#options.turnTimes },
    );
    this.#streams.add(streams);
    signal.addEventListener('abort', () => this.#streams.delete(streams), { once: true });
    const due = () => {
      isDue = false;
      if (signal.aborted) return;
      streams.follow(this.#agentPods());
      const now = this.#shape();
      tell({ kind: now === before ? 'cluster' : 'nodes' });
      before = now;
    };
    const hear = (change: ObjectsChange) => {
      switch (change.kind) {
        case 'lost':
          tell(
            change.why === undefined
              ? { kind: 'back', what: 'the API server' }
              : { kind: 'lost', what: 'the API server', why: change.why },
          );
          return;
        case 'changed':
          if (isDue) return;
          isDue = true;
          setTimeout(due, this.#options.quietMs ?? QUIET_MS).unref();
          return;
      }
    };
    const stop = objects.listen(hear);
    signal.addEventListener('abort', stop, { once: true });
    objects.follow(signal);
    streams.follow(this.#agentPods());
  }

  attend(node: string): void {
    for (const streams of this.#streams) streams.attend(node);
  }

  following(): (node: string) => Following {
    const [streams] = this.#streams;
    const known = streams?.following();
    return (node) => known?.get(node) ?? { kind: 'not' };
  }

  async #refresh(signal: AbortSignal, now = false): Promise<void> {
    const age = performance.now() - this.#listedAt;
    if (!now && !this.#objects.isFollowing && age < LISTED_MS) return;
    await this.#objects.refresh(signal);
    this.#listedAt = performance.now();
  }

  #agentPods() {
    return this.#objects.pods.filter(({ role, running }) => role === 'agent' && running);
  }

  /** Which nodes there are, and what reads them. */
  #shape(): string {
    return this.#names()
      .map((name) => `${name} ${this.#readerName(name)}`)
      .join('\n');
  }

  #names(): readonly string[] {
    return this.#places().names;
  }

  /** What follows from the objects, made once for all who ask until they change. */
  #places(): Places {
    const { nodes, pods } = this.#objects;
    if (this.#placed?.nodes !== nodes || this.#placed.pods !== pods) this.#placed = placesOf(nodes, pods);
    return this.#placed;
  }

  #whyNoNodes() {
    const state = this.#objects.state('nodes.json');
    if (state.kind !== 'lost') return undefined;
    const { trouble } = state;
    if (trouble.kind === 'unauthorized') return kubeProblems.unauthorized();
    if (trouble.kind === 'forbidden') return kubeProblems.noNodes(describeTrouble(trouble));
    return kubeProblems.unreachable(
      this.#options.access.server,
      trouble.kind === 'unreachable' ? trouble.why : describeTrouble(trouble),
    );
  }

  #entry(name: string): NodeEntry {
    const last = this.#last.get(name);
    const reader = this.#readerName(name);
    if (reader === undefined) {
      const problem = kubeProblems.noReader(name, this.#remedy(name));
      return { name, listing: 'absent', fault: problem, capturedAt: undefined, reader: 'nothing' };
    }
    return {
      name,
      listing: last?.failure ?? 'unread',
      capturedAt: last?.failure === undefined ? last?.capture.capturedAt : undefined,
      reader: last?.by ?? reader,
    };
  }

  #readerName(name: string): string | undefined {
    return this.#readers.of(name, this.#places().podsOn(name))[0]?.name;
  }

  #remedy(node: string): string {
    const context = this.#options.access.inCluster ? undefined : this.#options.access.context;
    return `Install the agent (docs/agent.md), or run a pod that can be asked, and remove it afterwards:\n${debugPodCommands({ node, context }).create}`;
  }

  async #read(name: string, signal: AbortSignal): Promise<NodeCapture> {
    const readers = this.#readers.of(name, this.#places().podsOn(name));
    const refused: string[] = [];
    let failure: Failure = {
      command: `reading ${name}`,
      exitStatus: null,
      stderr: kubeProblems.noReader(name, '').say,
    };
    const began = performance.now();
    for (const { name: by, kind, restMs, read } of readers) {
      const outcome = await read(signal);
      const rest = Math.max(restMs, kind === 'exec' ? 3 * (performance.now() - began) : 0);
      if (outcome.ok) {
        const cost = costOf(outcome.value, performance.now() - began);
        const capture = { ...captureOfParts(this.#withKubeProxy(name, outcome.value)), cost };
        const shown = refused.length === 0 ? by : `${by} (${refused.join('; ')})`;
        const listed = outcome.value.parts.get('nft.json');
        const listing = listed?.kind === 'read' ? listed.sha256 : undefined;
        return this.#keep(name, {
          by: shown,
          capture,
          failure: undefined,
          listing,
          notBefore: performance.now() + rest,
        });
      }
      failure = outcome.failure;
      refused.push(`${by} failed: ${failure.stderr.trim().split('\n')[0] ?? ''}`);
    }
    const stderr = refused.length > 1 ? refused.join('\n') : failure.stderr;
    const capture = unreadable({ ...failure, stderr }, new Date().toISOString());
    const by = readers[0]?.name ?? 'nothing';
    const againAt = performance.now() + Math.max(AGAIN_MS, 10 * (performance.now() - began));
    const notBefore = Number.NEGATIVE_INFINITY;
    return this.#keep(name, { by, capture, failure: { ...failure, stderr }, notBefore, againAt });
  }

  /** Contents are held where they are used; here only until the next reading is allowed. */
  #keep(name: string, last: LastReading): NodeCapture {
    this.#last.set(name, last);
    const timer = setTimeout(
      () => {
        if (this.#last.get(name) === last) this.#forget(name);
      },
      Math.max(last.notBefore - performance.now(), 0),
    );
    timer.unref();
    return last.capture;
  }

  #forget(name: string): void {
    const last = this.#last.get(name);
    if (last === undefined) return;
    const capture = { ...last.capture, files: new Map() };
    this.#last.set(name, { ...last, capture, notBefore: Number.NEGATIVE_INFINITY });
  }

  /** The version of kube-proxy is that of its image: nothing on the node tells it. */
  #withKubeProxy(node: string, reading: NodeReading): NodeReading {
    const kubeProxy = this.#places()
      .podsOn(node)
      .find((pod) => pod.version !== undefined)?.version;
    const versions = reading.parts.get('versions.json');
    if (kubeProxy === undefined || (versions !== undefined && versions.kind !== 'read')) return reading;
    try {
      const known = versions === undefined ? {} : (JSON.parse(Buffer.from(versions.content).toString()) as object);
      const content = Buffer.from(JSON.stringify({ ...known, kubeProxy }));
      return { ...reading, parts: new Map([...reading.parts, ['versions.json', part(content)]]) };
    } catch {
      return reading;
    }
  }
}

/** By exec only the size is known: the programs run in one script. */
function costOf({ parts, cost }: NodeReading, tookMs: number): ReadingCost {
  const listing = parts.get('nft.json');
  const bytes = listing?.kind === 'read' ? listing.content.length : undefined;
  return {
    tookMs: Math.round(tookMs),
    listing: cost?.listing ?? (bytes === undefined ? null : { wallMs: null, cpuMs: null, bytes }),
    follow: cost?.follow ?? null,
  };
}
