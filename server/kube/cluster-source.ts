/** A cluster as a source: its objects from the API server, its nodes through agents or pods that have nft. */
import 'server-only';
import type { Following } from '@/lib/fleet/following';
import type { ReadingCost } from '@/lib/fleet/reading-cost';
import { failed, ok, type Problem, type Result } from '@/lib/net/result';
import type { Failure, FileReading } from '@/lib/world/capture-files';
import { inTurns } from '../sessions/in-turns';
import { sourceProblems } from '../sources/problems';
import type { ClusterCapture, NodeCapture, NodeEntry, RawFiles, Source, SourceChange } from '../sources/source';
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
import type { NamedPods, NodePod, RefusedPod } from './node-pods';
import { type ChosenReader, NodeReaders, type ReadersOptions } from './node-readers';
import { captureOfParts, type NodeReading, type PartReading, part, unreadable } from './node-reading';
import { describeTrouble, passes } from './trouble';

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
  /** A node that could not be read is read again after this time. */
  readonly againMs?: number;
}

const CACHE_BYTES = 400e6;
/** Every change of objects makes what follows from them be made anew: not more often than this. */
const QUIET_MS = 2000;
/** What failed is read again after this time, where its agent says that there is a ruleset. */
const AGAIN_MS = 30_000;
/** Whether the API server is there is asked in so short a time, and not more often than this. */
const ALIVE_WAIT_MS = 5000;
const ALIVE_MS = 1000;
const NOT_ASKED_MAX = 3;
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
  /** The API server was not there: to be read once it is. */
  readonly isDue?: boolean;
}

/** What is needed to give the last reading that came again; contents are held by their hash. */
interface Came {
  readonly by: string;
  readonly capture: Omit<NodeCapture, 'files'>;
  readonly parts: ReadonlyMap<string, string | Failure>;
  readonly listing: string | undefined;
}
/** Somebody who watches. */
interface Watcher {
  readonly streams: AgentStreams;
  readonly changed: (node: string) => void;
}

interface Places {
  readonly nodes: readonly string[];
  readonly uses: ClusterObjects['pods'];
  /** Node objects; where they may not be read, the nodes of pods that can read them. */
  readonly names: readonly string[];
  readonly isNode: (name: string) => boolean;
  readonly podsOn: (node: string) => readonly NodePod[];
  readonly agents: readonly NodePod[];
  /** Pods on it that look as if they could read it. */
  readonly notAskedOn: (node: string) => readonly RefusedPod[];
}

function placesOf(nodes: readonly string[], uses: ClusterObjects['pods']): Places {
  const byNode = groupedBy(uses.pods);
  const notAsked = new Map<string, RefusedPod[]>();
  const told = (pod: RefusedPod): void => {
    const here = notAsked.get(pod.node);
    if (here === undefined) notAsked.set(pod.node, [pod]);
    else here.push(pod);
  };
  for (const one of uses.refused) told(one);
  for (const [node, here] of byNode) {
    // A DaemonSet never runs two on a node in the node's network: one of them is not what it says, and none gets the token.
    const agents = here.filter(isRunningAgent);
    if (agents.length < 2) continue;
    told({
      node,
      claims: 'agent',
      why: `${agents.map(({ namespace, name }) => `${namespace}/${name}`).join(' and ')} all claim to be its agent`,
    });
    byNode.set(
      node,
      here.filter((pod) => !agents.includes(pod)),
    );
  }
  const names = nodes.length > 0 ? nodes : [...byNode.keys()].sort();
  const known = new Set(names);
  return {
    nodes,
    uses,
    names,
    isNode: (name) => known.has(name),
    podsOn: (node) => byNode.get(node) ?? [],
    agents: [...byNode.values()].flatMap((here) => here.filter(isRunningAgent)),
    notAskedOn: (node) => notAsked.get(node) ?? [],
  };
}

const isRunningAgent = ({ role, running }: NodePod): boolean => role === 'agent' && running;

function groupedBy(pods: readonly NodePod[]): Map<string, readonly NodePod[]> {
  const byNode = new Map<string, NodePod[]>();
  for (const pod of pods) {
    const here = byNode.get(pod.node);
    if (here === undefined) byNode.set(pod.node, [pod]);
    else here.push(pod);
  }
  return byNode;
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
  readonly #came = new Map<string, Came>();
  /** While it is watched. */
  readonly #watchers = new Set<Watcher>();
  readonly #client: KubeClient;
  #alive: { readonly at: number; readonly why: Promise<string | undefined> } | undefined;
  #placed: Places | undefined;
  #isRefreshing = false;
  #listedAt = Number.NEGATIVE_INFINITY;

  constructor(options: ClusterSourceOptions) {
    const { access, named = {}, times, cacheBytes = CACHE_BYTES } = options;
    this.#options = options;
    const client = new KubeClient(access);
    this.#client = client;
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

  get #againMs(): number {
    return this.#options.againMs ?? AGAIN_MS;
  }

  describe() {
    return { kind: 'cluster', name: this.#options.access.context, live: true } as const;
  }

  origin(): string {
    const { context, server } = this.#options.access;
    return `${server} ${context}`;
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
        this.#came.delete(name);
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
          if (last === undefined || (last.failure === undefined && last.isDue !== true)) return;
          if (!isBack && performance.now() < (last.againAt ?? 0)) return;
          this.#last.set(node, { ...last, againAt: performance.now() + this.#againMs });
          changed(node);
        },
        lost: (why) =>
          tell(why === undefined ? { kind: 'back', what: 'agents' } : { kind: 'lost', what: 'agents', why }),
        shown: (node) => this.#last.get(node)?.listing,
      },
      signal,
      { max: this.#options.streamsMax, times: this.#options.agentTimes, turnTimes: this.#options.turnTimes },
    );
    const watcher = { streams, changed };
    this.#watchers.add(watcher);
    signal.addEventListener('abort', () => this.#watchers.delete(watcher), { once: true });
    const due = () => {
      isDue = false;
      if (signal.aborted) return;
      streams.follow(this.#agentPods());
      const now = this.#shape();
      tell({ kind: now === before ? 'cluster' : 'nodes' });
      before = now;
    };
    const tellLost = (why: string | undefined) =>
      tell(
        why === undefined ? { kind: 'back', what: 'the API server' } : { kind: 'lost', what: 'the API server', why },
      );
    const hear = (change: ObjectsChange) => {
      switch (change.kind) {
        case 'lost':
          tellLost(change.why);
          if (change.why === undefined)
            for (const [node, { isDue: due }] of this.#last) if (due === true) changed(node);
          return;
        case 'changed':
          if (isDue) return;
          isDue = true;
          setTimeout(due, this.#options.quietMs ?? QUIET_MS).unref();
          return;
      }
    };
    const stop = objects.listen(hear);
    if (objects.lost !== undefined) tellLost(objects.lost);
    signal.addEventListener('abort', stop, { once: true });
    objects.follow(signal);
    streams.follow(this.#agentPods());
  }

  attend(node: string): void {
    for (const { streams } of this.#watchers) streams.attend(node);
  }

  following(): (node: string) => Following {
    const [watcher] = this.#watchers;
    const known = watcher?.streams.following();
    return (node) => known?.get(node) ?? { kind: 'not' };
  }

  async due(): Promise<{ readonly all: boolean; readonly nodes: readonly string[] }> {
    const none = { all: false, nodes: [] };
    const objects = this.#objects;
    // Who watches hears of it.
    if (objects.isFollowing) return none;
    const now = performance.now();
    const isListDue = objects.lost !== undefined && !this.#isRefreshing && now - this.#listedAt >= LISTED_MS;
    const failed = [...this.#last].filter(
      ([, last]) => (last.failure !== undefined || last.isDue === true) && now >= (last.againAt ?? 0),
    );
    if (!isListDue && failed.length === 0) return none;
    if ((await this.#outage()) !== undefined) return none;
    // Once is enough, until they were read.
    for (const [node, last] of failed) this.#last.set(node, { ...last, againAt: now + this.#againMs });
    return { all: isListDue && !this.#isRefreshing, nodes: failed.map(([node]) => node) };
  }

  unreachable(): (node: string) => string | undefined {
    const { outage } = this.#objects;
    return (node) => (outage !== undefined && this.#isThroughApi(this.#readersOf(node)) ? outage : undefined);
  }

  async #refresh(signal: AbortSignal, now = false): Promise<void> {
    const age = performance.now() - this.#listedAt;
    if (!now && !this.#objects.isFollowing && age < LISTED_MS) return;
    this.#isRefreshing = true;
    await this.#objects.refresh(signal).finally(() => {
      this.#isRefreshing = false;
    });
    this.#listedAt = performance.now();
  }

  #agentPods() {
    return this.#places().agents;
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
    const { nodes, pods: uses } = this.#objects;
    if (this.#placed?.nodes !== nodes || this.#placed.uses !== uses) this.#placed = placesOf(nodes, uses);
    return this.#placed;
  }

  #whyNoNodes() {
    const state = this.#objects.state('nodes.json');
    if (state.kind !== 'lost') return undefined;
    const { trouble } = state;
    if (trouble.kind === 'unauthorized') return kubeProblems.unauthorized(trouble.why);
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
      const problem = this.#noReader(name);
      return { name, listing: 'absent', fault: problem, capturedAt: undefined, reader: 'nothing' };
    }
    return {
      name,
      listing: last?.failure ?? 'unread',
      capturedAt: last?.failure === undefined ? last?.capture.capturedAt : undefined,
      reader: last?.by ?? reader,
    };
  }

  /** Nothing is known that reads the node: there is nothing, or the pods could not be listed. */
  #noReader(name: string): Problem {
    const state = this.#objects.state('pods.json');
    const isUnlisted = state.kind === 'lost' && (state.trouble.kind === 'forbidden' || !this.#objects.hasPods);
    if (isUnlisted) return kubeProblems.noPods(name, describeTrouble(state.trouble));
    return kubeProblems.noReader(name, this.#notAsked(name, false), this.#remedy(name));
  }

  #readersOf(name: string): readonly ChosenReader[] {
    return this.#readers.of(name, this.#places().podsOn(name));
  }

  #isThroughApi(readers: readonly ChosenReader[]): boolean {
    return readers.length > 0 && readers.every(({ throughApi }) => throughApi);
  }

  #readerName(name: string): string | undefined {
    return this.#readersOf(name)[0]?.name;
  }

  /** Somebody else's kube-proxy is nothing to tell where the node is read. */
  #notAsked(node: string, isRead: boolean): readonly string[] {
    const all = this.#places()
      .notAskedOn(node)
      .filter(({ claims }) => !isRead || claims !== 'kube-proxy');
    // Whoever may make pods could write a page of them.
    const more = all.length > NOT_ASKED_MAX ? [`${all.length - NOT_ASKED_MAX} more are not asked`] : [];
    return [...all.slice(0, NOT_ASKED_MAX).map(({ why }) => `not asked: ${why}`), ...more];
  }

  #remedy(node: string): string {
    const context = this.#options.access.inCluster ? undefined : this.#options.access.context;
    return `Install the agent (docs/agent.md), or run a pod that can be asked, and remove it afterwards:\n${debugPodCommands({ node, context, namespace: this.#options.named?.debugIn }).create}`;
  }

  async #read(name: string, signal: AbortSignal): Promise<NodeCapture> {
    const readers = this.#readersOf(name);
    const needsApi = this.#isThroughApi(readers);
    const known = needsApi && this.#objects.outage !== undefined ? await this.#outage() : undefined;
    if (known !== undefined) return this.#asBefore(name, known);
    const refused: string[] = [];
    const { say, do: remedy } = this.#noReader(name);
    let failure: Failure = { command: `reading ${name}`, exitStatus: null, stderr: say, remedy };
    const began = performance.now();
    for (const { name: by, kind, restMs, read, remedy } of readers) {
      const outcome = await read(signal);
      const rest = Math.max(restMs, kind === 'exec' ? 3 * (performance.now() - began) : 0);
      if (outcome.ok) {
        const reading = this.#held(this.#withKubeProxy(name, outcome.value));
        const cost = costOf(reading, performance.now() - began);
        const notes = [...refused, ...this.#notAsked(name, true)];
        const shown = notes.length === 0 ? by : `${by} (${notes.join('; ')})`;
        const capture = { ...captureOfParts(reading), cost, reader: shown };
        const listed = reading.parts.get('nft.json');
        const listing = listed?.kind === 'read' ? listed.sha256 : undefined;
        this.#came.set(name, { by: shown, capture: withoutFiles(capture), parts: hashesOf(reading), listing });
        return this.#keep(name, {
          by: shown,
          capture,
          failure: undefined,
          listing,
          notBefore: performance.now() + rest,
        });
      }
      failure = remedy === undefined ? outcome.failure : { ...outcome.failure, remedy };
      refused.push(`${by} failed: ${failure.stderr.trim().split('\n')[0] ?? ''}`);
    }
    const why = needsApi && !signal.aborted ? await this.#outage() : undefined;
    if (why !== undefined) return this.#asBefore(name, why);
    const stderr = refused.length > 1 ? refused.join('\n') : failure.stderr;
    const by = readers[0]?.name ?? 'nothing';
    const capture = { ...unreadable({ ...failure, stderr }, new Date().toISOString()), reader: by };
    const againAt = performance.now() + this.#againMs;
    this.#tryAgain(name);
    const notBefore = Number.NEGATIVE_INFINITY;
    return this.#keep(name, { by, capture, failure: { ...failure, stderr }, notBefore, againAt });
  }

  /** Why the API server does not answer; asked once for all who want to know. What it answers does not matter. */
  #outage(): Promise<string | undefined> {
    const now = performance.now();
    if (this.#alive === undefined || now - this.#alive.at > ALIVE_MS) {
      const right = { verb: 'get', resource: '/version', group: '' };
      const why = this.#client
        .json('/version', { signal: new AbortController().signal, milliseconds: ALIVE_WAIT_MS, right })
        .then((answer) => (answer.ok || !passes(answer.trouble) ? undefined : describeTrouble(answer.trouble)));
      this.#alive = { at: now, why };
    }
    return this.#alive.why;
  }

  /** The node as it was read last. Where that was let go, or never was, it is said why nothing is known. */
  #asBefore(name: string, why: string): NodeCapture {
    const came = this.#came.get(name);
    const files = came === undefined ? undefined : this.#filesOf(came);
    const by = came?.by ?? this.#readerName(name) ?? 'nothing';
    const rest = { by, isDue: true, notBefore: Number.NEGATIVE_INFINITY };
    if (came !== undefined && files !== undefined)
      return this.#keep(name, {
        ...rest,
        capture: { ...came.capture, files, notAnew: why },
        failure: undefined,
        listing: came.listing,
      });
    const failure = {
      command: `reading ${name}`,
      exitStatus: null,
      stderr: why,
      remedy: 'It is read once the API server answers: kubectl version tells whether it does.',
    };
    const capture = { ...unreadable(failure, new Date().toISOString()), reader: by, notAnew: why };
    return this.#keep(name, { ...rest, capture, failure });
  }

  #filesOf({ parts }: Came): RawFiles | undefined {
    const files = new Map<string, FileReading<Uint8Array>>();
    for (const [file, one] of parts) {
      const content = typeof one === 'string' ? this.#bodies.get(one) : undefined;
      if (typeof one !== 'string') files.set(file, { kind: 'failed', failure: one });
      else if (content === undefined) return undefined;
      else files.set(file, { kind: 'read', content });
    }
    return files;
  }

  /** Equal contents are one, whoever read them. */
  #held({ parts, ...rest }: NodeReading): NodeReading {
    const held = [...parts].map(([file, one]): readonly [string, PartReading] => [
      file,
      one.kind === 'read' ? { ...one, content: this.#bodies.put(one.sha256, one.content) } : one,
    ]);
    return { ...rest, parts: new Map(held) };
  }

  /** An agent may be well again while its stream stayed open: then nothing would tell it. */
  #tryAgain(name: string): void {
    const timer = setTimeout(() => {
      const last = this.#last.get(name);
      if (last?.failure === undefined || performance.now() < (last.againAt ?? 0)) return;
      for (const { streams, changed } of this.#watchers) {
        const kind = streams.following().get(name)?.kind;
        if (kind === 'heard' || kind === 'asked') changed(name);
      }
    }, this.#againMs + 1);
    timer.unref();
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

const withoutFiles = ({ files: _files, ...rest }: NodeCapture): Omit<NodeCapture, 'files'> => rest;

const hashesOf = ({ parts }: NodeReading): ReadonlyMap<string, string | Failure> =>
  new Map([...parts].map(([file, one]) => [file, one.kind === 'read' ? one.sha256 : one.failure]));

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
