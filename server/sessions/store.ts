/** The sources of this server and the nodes opened of them. One per process. */
import 'server-only';
import { createHash } from 'node:crypto';
import type { AskedConnection } from '@/lib/api/diagnosis';
import { driftView } from '@/lib/api/drift-view';
import type { DiagnosisView, FindingsView } from '@/lib/api/findings-types';
import type { FleetAnswer } from '@/lib/api/fleet-changes';
import type { FleetView } from '@/lib/api/fleet-view';
import { type ReadDrift, type ServiceName, servicePage, servicesView } from '@/lib/api/service-page';
import type { DriftView, ServicePage, ServicesView } from '@/lib/api/service-types';
import type { NodeSummary, ProblemView, Reading, SourceView } from '@/lib/api/types';
import { failed, ok, type Problem, type Result } from '@/lib/net/result';
import { describeFailure, type FileReading } from '@/lib/world/capture-files';
import { openBytes } from '../sources/open-source';
import { singleFlight } from '../sources/single-flight';
import { DEFAULT_LIMITS, type Limits, type NodeCapture, type NodeEntry, type Source } from '../sources/source';
import { Desk } from './desk';
import { Diagnosis } from './diagnosis';
import { driftSweep } from './drifts';
import { Fleet } from './fleet';
import { type Described, lookAt } from './look-at';
import type { NodeSession } from './node-session';
import { Paths } from './paths';
import { openSession } from './session';
import { storeProblems } from './store-problems';
import type { Sweep } from './sweep';

type Origin = SourceView['origin'];

interface Entry {
  readonly id: string;
  readonly origin: Origin;
  readonly argument: string;
  readonly source: Source;
  readonly fleet: Fleet;
  /** Where the nodes of both are decoded. */
  readonly desk: Desk;
  readonly drifts: Sweep<ReadDrift>;
  readonly paths: Paths;
  readonly diagnosis: Diagnosis;
  /** Looked up once for captures, which never change. */
  described: Promise<Result<Described>> | undefined;
  /** The last that was known, changed or not. */
  before: Described | undefined;
  /** How the last reading of each node of a live source went, whoever asked for it. */
  readonly last: ReadonlyMap<string, LastReading>;
}

interface LastReading extends Pick<NodeCapture, 'hash' | 'capturedAt' | 'reader'> {
  readonly listing: FileReading<Uint8Array> | undefined;
}

interface OpenedNode {
  readonly source: string;
  readonly node: string;
  readonly session: Promise<Result<NodeSession>>;
  /** Known once the session is there. */
  capturedAt: string | undefined;
}

/** How many nodes stay decoded, and uploads stay open; the least recently used go first. */
const SESSIONS = 8;
const UPLOADS = 20;

export class Store {
  readonly #entries = new Map<string, Entry>();
  /** In the order of their last use. */
  readonly #opened = new Map<string, OpenedNode>();
  /** Problems that opening nodes met, for the list of nodes, each of one reading. */
  readonly #problems = new Map<string, { readonly problem: Problem; readonly version: string | undefined }>();

  constructor(readonly limits: Limits = DEFAULT_LIMITS) {}

  /** @param argument what names it on the command line; the name it has, unless another is given */
  add(id: string, source: Source, origin: Origin, argument = source.describe().name): Entry {
    const last = new Map<string, LastReading>();
    const single = noting(singleFlight(source), last);
    const desk = new Desk(() => fleet.forget());
    const fleet = new Fleet(single, desk);
    const entry = {
      id,
      origin,
      argument,
      source: single,
      fleet,
      desk,
      drifts: driftSweep(single, desk),
      paths: new Paths(id, single),
      diagnosis: new Diagnosis(single),
      described: undefined,
      before: undefined,
      last,
    };
    this.#entries.set(id, entry);
    return entry;
  }

  /** Refused unless at least its nodes can be named. The same bytes give the same source. */
  async upload(name: string, bytes: Uint8Array, signal: AbortSignal): Promise<Result<SourceView>> {
    const id = `upload-${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}`;
    const known = this.#entries.get(id);
    if (known !== undefined) return this.#view(known, signal);
    const opened = openBytes(name, bytes, this.limits);
    if (!opened.ok) return opened;
    const entry = this.add(id, opened.value, 'uploaded', name);
    const checked = await this.#checkUpload(entry, signal);
    if (!checked.ok) {
      this.#forget(id);
      return checked;
    }
    const uploads = [...this.#entries.values()].filter(({ origin }) => origin === 'uploaded');
    for (const old of uploads.slice(0, Math.max(uploads.length - UPLOADS, 0))) this.#forget(old.id);
    return this.#view(entry, signal);
  }

  /** A listing must decode; of a bundle the layout must be one. */
  async #checkUpload(entry: Entry, signal: AbortSignal): Promise<Result<true>> {
    const described = await this.#describe(entry, signal);
    if (!described.ok) return described;
    if (entry.source.describe().kind !== 'ruleset') return ok(true);
    const [node] = described.value.nodes;
    const session = await this.session(entry.id, node?.name ?? '', signal);
    if (!session.ok) return session;
    const { problem } = session.value;
    return problem === undefined ? ok(true) : failed(problem);
  }

  #forget(id: string): void {
    this.#entries.get(id)?.diagnosis.close();
    this.#entries.get(id)?.desk.close();
    this.#entries.delete(id);
    for (const [key, opened] of this.#opened) if (opened.source === id) this.#drop(key);
  }

  async sources(signal: AbortSignal): Promise<readonly SourceView[]> {
    const views = await Promise.all([...this.#entries.values()].map((entry) => this.#view(entry, signal)));
    return views.flatMap((view) => (view.ok ? [view.value] : []));
  }

  /** Sources that cannot say what nodes they have. */
  async failing(signal: AbortSignal): Promise<readonly { readonly name: string; readonly problem: ProblemView }[]> {
    const views = await Promise.all(
      [...this.#entries.values()].map(async (entry) => ({ entry, view: await this.#view(entry, signal) })),
    );
    return views.flatMap(({ entry, view }) =>
      view.ok ? [] : [{ name: entry.source.describe().name, problem: view.problem }],
    );
  }

  async source(id: string, signal: AbortSignal): Promise<Result<SourceView>> {
    const entry = this.#entries.get(id);
    return entry === undefined ? failed(storeProblems.noSource(id)) : this.#view(entry, signal);
  }

  async readings(id: string, signal: AbortSignal): Promise<Result<readonly Reading[]>> {
    const entry = this.#entries.get(id);
    if (entry === undefined) return failed(storeProblems.noSource(id));
    const described = await this.#describe(entry, signal);
    return described.ok ? ok(described.value.readings) : described;
  }

  /** Paths over the nodes of a source, and what they need of it. */
  async paths(
    id: string,
    signal: AbortSignal,
  ): Promise<Result<{ readonly paths: Paths; readonly described: Described }>> {
    const entry = this.#entries.get(id);
    if (entry === undefined) return failed(storeProblems.noSource(id));
    const described = await this.#describe(entry, signal);
    return described.ok ? ok({ paths: entry.paths, described: described.value }) : described;
  }

  /** Tells of changes of a live source until the signal; undefined for sources that never change. */
  watch(id: string): Source['watch'] {
    const source = this.#entries.get(id)?.source;
    return source?.describe().live === true ? source.watch?.bind(source) : undefined;
  }

  has(id: string): boolean {
    return this.#entries.has(id);
  }

  /** What was read of a node, or of the list of nodes and the cluster, is old: the next question reads anew. */
  changed(id: string, node?: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    entry.fleet.changed(node);
    entry.drifts.changed(node);
    entry.paths.changed(node);
    entry.diagnosis.changed();
    if (node === undefined) entry.described = undefined;
    for (const [key, opened] of this.#opened)
      if (opened.source === id && (node === undefined || opened.node === node)) this.#drop(key);
  }

  /** Somebody looked at this node, and it is still open. */
  isOpen(id: string, node: string): boolean {
    return this.#opened.has(`${id}\0${node}`);
  }

  /** All nodes side by side, as far as they are read; asking again goes on. */
  async fleet(id: string, goOn: boolean, signal: AbortSignal): Promise<Result<FleetView>> {
    const entry = this.#entries.get(id);
    if (entry === undefined) return failed(storeProblems.noSource(id));
    const [view, described] = [await this.#view(entry, signal), await this.#describe(entry, signal)];
    if (!view.ok) return view;
    if (!described.ok) return described;
    return ok(await entry.fleet.view(id, view.value.nodes, described.value, goOn));
  }

  /** The same as what is new since an earlier answer; the whole where nothing is known of that one. */
  async fleetSince(id: string, since: string, signal: AbortSignal): Promise<Result<FleetAnswer>> {
    const view = await this.fleet(id, false, signal);
    return view.ok ? ok(this.#entries.get(id)?.fleet.since(view.value, since) ?? view.value) : view;
  }

  stopFleet(id: string): void {
    this.#entries.get(id)?.fleet.stop();
  }

  /** All Services of the cluster. */
  async services(id: string, signal: AbortSignal): Promise<Result<ServicesView>> {
    const entry = this.#entries.get(id);
    if (entry === undefined) return failed(storeProblems.noSource(id));
    const described = await this.#describe(entry, signal);
    return described.ok ? ok(servicesView(id, described.value.cluster.cluster)) : described;
  }

  /** One Service on all nodes, as far as they are read; asking again goes on. */
  async service(id: string, name: ServiceName, goOn: boolean, signal: AbortSignal): Promise<Result<ServicePage>> {
    const entry = this.#entries.get(id);
    if (entry === undefined) return failed(storeProblems.noSource(id));
    const [view, described] = [await this.#view(entry, signal), await this.#describe(entry, signal)];
    if (!view.ok) return view;
    if (!described.ok) return described;
    const { nodes } = view.value;
    const read = entry.drifts.ask(nodes, described.value, goOn);
    return ok(servicePage({ source: id, nodes, ...read }, described.value.cluster.cluster, name));
  }

  /** Every node against what is expected, as far as they are read; asking again goes on. */
  async drift(id: string, goOn: boolean, signal: AbortSignal): Promise<Result<DriftView>> {
    const entry = this.#entries.get(id);
    if (entry === undefined) return failed(storeProblems.noSource(id));
    const [view, described] = [await this.#view(entry, signal), await this.#describe(entry, signal)];
    if (!view.ok) return view;
    if (!described.ok) return described;
    const { nodes } = view.value;
    return ok(driftView({ source: id, nodes, ...entry.drifts.ask(nodes, described.value, goOn) }));
  }

  stopDrift(id: string): void {
    this.#entries.get(id)?.drifts.stop();
  }

  /** What is wrong, as far as it is known; asking again goes on. */
  findings(id: string, goOn: boolean): Result<FindingsView> {
    const entry = this.#entries.get(id);
    return entry === undefined ? failed(storeProblems.noSource(id)) : ok(entry.diagnosis.view(id, goOn));
  }

  /** How one connection ends, and the findings that explain it. */
  async explain(id: string, asked: AskedConnection, signal: AbortSignal): Promise<Result<DiagnosisView>> {
    const entry = this.#entries.get(id);
    return entry === undefined ? failed(storeProblems.noSource(id)) : entry.diagnosis.ask(asked, signal);
  }

  stopFindings(id: string): void {
    this.#entries.get(id)?.diagnosis.stop();
  }

  /** @param refresh reads a live node again */
  async session(id: string, node: string, signal: AbortSignal, refresh = false): Promise<Result<NodeSession>> {
    const entry = this.#entries.get(id);
    if (entry === undefined) return failed(storeProblems.noSource(id));
    const key = `${id}\0${node}`;
    entry.source.attend?.(node);
    if (refresh && entry.source.describe().live) {
      this.#drop(key);
      entry.fleet.changed(node);
      entry.drifts.changed(node);
      entry.paths.changed(node);
      entry.diagnosis.changed();
    }
    const known = this.#opened.get(key);
    const opened = known ?? { source: id, node, session: this.#open(entry, node), capturedAt: undefined };
    // Used last: goes to the end.
    this.#opened.delete(key);
    this.#opened.set(key, opened);
    // A mistake of ours fails this request alone: the next one opens the node again.
    opened.session.catch(() => this.#opened.get(key) === opened && this.#opened.delete(key));
    const session = await untilAborted(opened.session, signal);
    if (session.ok) opened.capturedAt = session.value.capturedAt;
    const problem = session.ok ? session.value.problem : session.problem;
    if (problem === undefined) this.#problems.delete(key);
    else if (problem.code !== 'SRC-009' && problem.code !== 'SRC-008') {
      const version = session.ok ? session.value.version : entry.last.get(node)?.hash;
      this.#problems.set(key, { problem, version });
    }
    if (!session.ok && problem?.code !== 'SRC-009' && this.#opened.get(key) === opened) this.#opened.delete(key);
    for (const old of [...this.#opened.keys()].slice(0, Math.max(this.#opened.size - SESSIONS, 0))) this.#drop(old);
    return session.ok ? ok(this.#guarded(key, session.value)) : session;
  }

  /** A session whose worker died is forgotten, so that the next question opens the node again. */
  #guarded(key: string, session: NodeSession): NodeSession {
    return {
      ...session,
      ask: async (question, query, signal) => {
        try {
          return await session.ask(question, query, signal);
        } catch (error) {
          this.#drop(key);
          throw error;
        }
      },
    };
  }

  #drop(key: string): void {
    const opened = this.#opened.get(key);
    this.#opened.delete(key);
    void opened?.session.then((session) => session.ok && session.value.close()).catch(() => undefined);
  }

  /** Not bound to one request: others may wait for the same node. */
  async #open(entry: Entry, node: string): Promise<Result<NodeSession>> {
    const { signal } = new AbortController();
    const capture = await entry.source.node(node, signal);
    if (!capture.ok) return capture;
    const described = await this.#describe(entry, signal);
    if (!described.ok) return described;
    const { files, capturedAt, hash } = capture.value;
    const input = { node, files, cluster: described.value.clusterFiles, capturedAt, version: hash };
    try {
      return ok(await openSession(input, signal, described.value.cluster));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_WORKER_OUT_OF_MEMORY') throw error;
      return failed(storeProblems.tooLarge());
    }
  }

  async #describe(entry: Entry, signal: AbortSignal): Promise<Result<Described>> {
    if (entry.described !== undefined && entry.source.due !== undefined) await this.#takeDue(entry, entry.source.due);
    entry.described ??= lookAt(entry.source, entry.before);
    const described = await untilAborted(entry.described, signal);
    if (described.ok) entry.before = described.value;
    if (!described.ok && described.problem.code !== 'SRC-009') entry.described = undefined;
    return described;
  }

  /** What could not be read, and can be now, is read anew. */
  async #takeDue({ id }: Entry, due: NonNullable<Source['due']>): Promise<void> {
    const { all, nodes } = await due();
    if (all) this.changed(id);
    for (const node of nodes) {
      this.changed(id, node);
      this.#problems.delete(`${id}\0${node}`);
    }
  }

  async #view(entry: Entry, signal: AbortSignal): Promise<Result<SourceView>> {
    const described = await this.#describe(entry, signal);
    if (!described.ok) return described;
    const { kind, name, live } = entry.source.describe();
    const { nodes, clusterNodes } = described.value;
    const zones = new Map(clusterNodes.map((one) => [one.name, one.zone]));
    const captured = nodes.map((one) => this.#summary(entry, one, zones.get(one.name) ?? null));
    const names = new Set(nodes.map((one) => one.name));
    const missing = clusterNodes
      .filter((one) => !names.has(one.name))
      .map(
        (one): NodeSummary => ({
          name: one.name,
          state: 'absent',
          problem: storeProblems.notCaptured(one.name),
          capturedAt: null,
          zone: one.zone ?? null,
        }),
      );
    const times = [...new Set(captured.map((one) => one.capturedAt))];
    return ok({
      id: entry.id,
      kind,
      name,
      origin: entry.origin,
      argument: entry.argument,
      capturedAt: times.length === 1 ? (times[0] ?? null) : oldest(times),
      live,
      nodes: [...captured, ...missing],
    });
  }

  /** A node that was read is as its last reading has it: the list of nodes may be older. */
  #summary(entry: Entry, one: NodeEntry, zone: string | null): NodeSummary {
    const key = `${entry.id}\0${one.name}`;
    const last = entry.last.get(one.name);
    const met = this.#problems.get(key);
    const problem = met !== undefined && (last === undefined || met.version === last.hash) ? met.problem : undefined;
    const listing = last === undefined ? one.listing : listingOf(last);
    const reader = last?.reader ?? one.reader;
    const notAnew = entry.source.unreachable?.()(one.name);
    const base = {
      name: one.name,
      capturedAt: this.#opened.get(key)?.capturedAt ?? last?.capturedAt ?? one.capturedAt ?? null,
      zone,
      ...(reader !== undefined && { reader }),
      ...(notAnew !== undefined && { notAnew }),
    };
    const fault = problem ?? (last?.listing?.kind === 'read' ? undefined : one.fault);
    if (fault !== undefined)
      return { ...base, state: fault.code === 'SRC-013' ? 'incomplete' : 'unreadable', problem: fault };
    if (listing === 'absent') return { ...base, state: 'incomplete', problem: storeProblems.noListing() };
    if (typeof listing === 'object')
      return {
        ...base,
        state: 'unreadable',
        problem: storeProblems.unreadable(describeFailure(listing), listing.remedy),
      };
    return { ...base, state: 'ready', problem: null };
  }
}

function listingOf({ listing }: LastReading): NodeEntry['listing'] {
  if (listing?.kind === 'failed') return listing.failure;
  return listing?.kind === 'read' ? 'present' : 'absent';
}

/** The source, with a note of how each reading went. Captures stay as they are: their list of nodes says it. */
function noting(source: Source, last: Map<string, LastReading>): Source {
  if (!source.describe().live) return source;
  return {
    ...source,
    async node(name, signal) {
      const capture = await source.node(name, signal);
      if (capture.ok) {
        const { hash, capturedAt, reader, files } = capture.value;
        const listing = files.get('nft.json');
        // The contents are not held by it.
        const how = listing?.kind === 'read' ? { kind: 'read' as const, content: NOTHING } : listing;
        last.set(name, { hash, capturedAt, reader, listing: how });
      } else if (capture.problem.code === 'SRC-008') last.delete(name);
      return capture;
    },
  };
}
const NOTHING = new Uint8Array();

const oldest = (times: readonly (string | null)[]): string | null =>
  times.flatMap((time) => time ?? []).sort((a, b) => Date.parse(a) - Date.parse(b))[0] ?? null;

/** A request that is given up stops waiting; what it waited for goes on for others. */
function untilAborted<T>(promise: Promise<Result<T>>, signal: AbortSignal): Promise<Result<T>> {
  if (signal.aborted) return Promise.resolve(failed(storeProblems.cancelled()));
  return new Promise((resolve, reject) => {
    const leave = () => resolve(failed(storeProblems.cancelled()));
    signal.addEventListener('abort', leave, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}
