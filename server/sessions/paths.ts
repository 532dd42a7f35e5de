/** Whole paths over the nodes of one source. Only nodes that a path touches are read; they are kept until they change. */
import 'server-only';
import { setMaxListeners } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type OpenNode, openNode } from '@/lib/api/open-node';
import type { TraceAnswer } from '@/lib/api/types';
import {
  type EveryNodeGroup,
  EveryNodeGroups,
  stopAnswer,
  type WholePathView,
  wholePathView,
} from '@/lib/api/whole-path';
import { askersOf } from '@/lib/cluster/askers';
import type { BuiltCluster } from '@/lib/cluster/build-cluster';
import { resolvePlace } from '@/lib/cluster/place';
import { failed, ok, type Result } from '@/lib/net/result';
import { agreementOf, type MeasuredAgreement, rowsFor } from '@/lib/reach/measured';
import { checkTarget, entryNode, type PathQuestion, walkQuestion } from '@/lib/reach/named-question';
import { buildNetwork, type Network } from '@/lib/reach/network';
import { askFurther, type Ending } from '@/lib/reach/walk';
import { sourceProblems } from '../sources/problems';
import type { NodeCapture, RawFiles, Source } from '../sources/source';
import { measuredOf } from './measured';

/** What a source has beside its nodes; {@link Described} is one. */
export interface PathCluster {
  readonly nodes: readonly { readonly name: string }[];
  readonly clusterFiles: RawFiles;
  readonly cluster: BuiltCluster;
}

interface Walked {
  readonly view: WholePathView;
  readonly endings: readonly Ending[];
}

/** Nodes of a live cluster that are asked for before their turn: reading them is mostly waiting. */
const AHEAD = 16;

/** Readings of nodes in the order in which they are wanted, begun before. */
class Ahead {
  readonly #begun = new Map<string, Promise<Result<NodeCapture>>>();
  #next = 0;

  constructor(
    readonly source: Source,
    readonly names: readonly string[],
    readonly signal: AbortSignal,
  ) {}

  /** Of a node whose turn it is; undefined where it was asked for already. */
  async at(name: string): Promise<Result<NodeCapture> | undefined> {
    const { kind } = this.source.describe();
    const most = kind === 'cluster' ? AHEAD : 1;
    while (this.#begun.size < most && this.#next < this.names.length) {
      const next = this.names[this.#next] ?? '';
      this.#next += 1;
      const reading = this.source.node(next, this.signal);
      // Who waits for it sees how it fails.
      reading.catch(() => undefined);
      this.#begun.set(next, reading);
    }
    const reading = this.#begun.get(name);
    this.#begun.delete(name);
    return reading;
  }
}

/** Nodes kept open between paths; the least recently used go first. A path itself may touch any number. */
const OPEN = 32;

export class Paths {
  /** In the order of their last use. */
  readonly #open = new Map<string, OpenNode>();
  #network: { readonly of: PathCluster; readonly value: Network } | undefined;

  constructor(
    readonly id: string,
    readonly source: Source,
    readonly keep = OPEN,
  ) {}

  changed(node?: string): void {
    if (node === undefined) this.#open.clear();
    else this.#open.delete(node);
    this.#network = undefined;
  }

  async view(question: PathQuestion, cluster: PathCluster, signal: AbortSignal): Promise<Result<WholePathView>> {
    const walked = await this.#walk(question, cluster, signal);
    this.#trim();
    return walked.ok ? ok(walked.value.view) : walked;
  }

  /** How connections that were measured beside a capture agree with the path; null where this one was not. */
  async measured(
    question: PathQuestion,
    cluster: PathCluster,
    signal: AbortSignal,
  ): Promise<Result<MeasuredAgreement | null>> {
    const rows = await measuredOf(this.source);
    if (rows.length === 0) return ok(null);
    const entry = await this.#entry(question, cluster, signal);
    if (!entry.ok) return entry;
    const asked = walkQuestion(entry.value, question.question, cluster.cluster.cluster);
    if (!asked.ok) return asked;
    const own = rowsFor(rows, asked.value.walk, this.#networkOf(cluster));
    if (own.length === 0) return ok(null);
    const walked = await this.view(question, cluster, signal);
    return walked.ok ? ok(agreementOf(own, walked.value.ends) ?? null) : walked;
  }

  /** The trace of one stop of the path; `key` is the stop's. */
  async stop(
    question: PathQuestion,
    key: string,
    cluster: PathCluster,
    signal: AbortSignal,
  ): Promise<Result<Omit<TraceAnswer, 'source'>>> {
    const walked = await this.#walk(question, cluster, signal);
    const answer = walked.ok ? stopAnswer(walked.value.endings, key, this.#open) : undefined;
    this.#trim();
    if (!walked.ok) return walked;
    if (answer !== undefined) return ok(answer);
    return failed({
      code: 'VIEW-010',
      say: `The path has no stop ${JSON.stringify(key)}.`,
      do: 'Ask for the path again: it may go another way now.',
    });
  }

  /**
   * The same target asked by a process and a pod of every node, one after the other. Each is traced for itself: nodes of equal rules
   * differ in their addresses, and no rule is known not to look at them. Other requests have their turn in between.
   */
  async everyNode(
    question: Omit<PathQuestion['question'], 'from'>,
    cluster: PathCluster,
    signal: AbortSignal,
    progress: (done: number, of: number, groups: EveryNodeGroups) => void = () => {},
  ): Promise<Result<readonly EveryNodeGroup[]>> {
    const to = resolvePlace(question.to, 'to', cluster.cluster.cluster);
    if (!to.ok) return to;
    const target = checkTarget(question, to.value);
    if (!target.ok) return target;
    const names = cluster.nodes.map(({ name }) => name);
    const askers = askersOf(names, to.value, cluster.cluster.cluster);
    const groups = new EveryNodeGroups();
    // Each reading listens to it.
    setMaxListeners(0, signal);
    const ahead = new Ahead(this.source, names, signal);
    for (const [index, asker] of askers.entries()) {
      await nextTurn();
      if (signal.aborted) return failed(sourceProblems.cancelled());
      const read = await ahead.at(asker.node);
      if (read !== undefined && !this.#open.has(asker.node)) this.#opened(asker.node, read, cluster);
      const path = await this.view({ question: { ...question, from: asker.from } }, cluster, signal);
      if (signal.aborted) return failed(sourceProblems.cancelled());
      groups.add(asker, path);
      progress(index + 1, askers.length, groups);
    }
    return ok(groups.all());
  }

  async #walk(asked: PathQuestion, cluster: PathCluster, signal: AbortSignal): Promise<Result<Walked>> {
    const entry = await this.#entry(asked, cluster, signal);
    if (!entry.ok) return entry;
    const question = walkQuestion(entry.value, asked.question, cluster.cluster.cluster);
    if (!question.ok) return question;
    const inVain = new Set<string>();
    for (;;) {
      const { endings, wanted, possible } = askFurther(this.#networkOf(cluster), question.value.walk, inVain);
      if (wanted.size === 0 && possible.size === 0)
        return ok({
          endings,
          view: wholePathView(this.id, question.value, endings, this.#open, cluster.cluster.cluster),
        });
      for (const name of wanted) {
        if (signal.aborted) return failed(sourceProblems.cancelled());
        const opened = await this.#node(name, cluster, signal);
        if (!opened.ok) return opened;
      }
      for (const name of possible) {
        if (signal.aborted) return failed(sourceProblems.cancelled());
        const opened = await this.#node(name, cluster, signal);
        if (!opened.ok) inVain.add(name);
      }
    }
  }

  async #entry(asked: PathQuestion, cluster: PathCluster, signal: AbortSignal): Promise<Result<OpenNode>> {
    const [only, ...others] = cluster.nodes;
    if (only !== undefined && others.length === 0) return this.#node(only.name, cluster, signal);
    const from = resolvePlace(asked.question.from, 'from', cluster.cluster.cluster);
    if (!from.ok) return from;
    const to = resolvePlace(asked.question.to, 'to', cluster.cluster.cluster);
    if (!to.ok) return to;
    const node = entryNode(asked, from.value, to.value, this.#networkOf(cluster));
    return node.ok ? this.#node(node.value, cluster, signal) : node;
  }

  async #node(name: string, cluster: PathCluster, signal: AbortSignal): Promise<Result<OpenNode>> {
    const known = this.#open.get(name);
    if (known !== undefined) {
      this.#open.delete(name);
      this.#open.set(name, known);
      return ok(known);
    }
    return this.#opened(name, await this.source.node(name, signal), cluster);
  }

  #opened(name: string, capture: Result<NodeCapture>, cluster: PathCluster): Result<OpenNode> {
    if (!capture.ok) return capture;
    const { files, capturedAt, hash } = capture.value;
    const input = { node: name, files, cluster: cluster.clusterFiles, capturedAt, version: hash };
    const node = openNode(input, cluster.cluster);
    this.#open.set(name, node);
    this.#network = undefined;
    return ok(node);
  }

  /** Not while a path is walked: what it still wants would be read again and again. */
  #trim(): void {
    const old = [...this.#open.keys()].slice(0, Math.max(this.#open.size - this.keep, 0));
    for (const name of old) this.#open.delete(name);
    if (old.length > 0) this.#network = undefined;
  }

  #networkOf(cluster: PathCluster): Network {
    if (this.#network?.of === cluster) return this.#network.value;
    const worlds = new Map([...this.#open].map(([name, { world }]) => [name, world]));
    const captured = cluster.nodes.map(({ name }) => name);
    this.#network = { of: cluster, value: buildNetwork(cluster.cluster.cluster, worlds, captured) };
    return this.#network.value;
  }
}
