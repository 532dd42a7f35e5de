/**
 * All nodes of one source, read one after the other. Reading goes on between requests and ends when nobody has asked for a while,
 * or on request. What was read of a node stays until the node changes.
 */
import 'server-only';
import { setMaxListeners } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { NodeSummary } from '@/lib/api/types';
import type { BuiltCluster } from '@/lib/cluster/build-cluster';
import type { Result } from '@/lib/net/result';
import type { NodeCapture, Source } from '../sources/source';
import type { Described } from './look-at';

/** Nodes read at the same time; decoding is one at a time in any case. Those of a cluster are mostly waited for. */
const READERS = { capture: 4, cluster: 24 } as const;
/** Reading ends when nobody asked for so long. */
const ABANDONED_MS = 20_000;

/** `stopped`: reading was stopped; some nodes are not read yet. */
export type SweepState = 'reading' | 'done' | 'stopped';

interface Kept<T> {
  readonly value: T;
  /** Hash of the files; undefined where they could not be had. */
  readonly version: string | undefined;
  /** The cluster that it was read with. */
  readonly cluster: BuiltCluster;
}

interface Reader<T> {
  /** For the log. */
  readonly what: string;
  readonly read: (
    node: string,
    capture: Result<NodeCapture>,
    described: Described,
    signal: AbortSignal,
  ) => Promise<T> | T;
  /** Nothing that was read is different, and neither is the cluster: what is known with the time of this reading. */
  readonly again: (known: T, capture: NodeCapture) => T;
  /** Something new is known: what follows from all nodes together is old. */
  readonly onNew?: () => void;
}

export class Sweep<T> {
  readonly #kept = new Map<string, Kept<T>>();
  /** Nodes that changed since they were read: shown as they were until they are read again. */
  readonly #changed = new Map<string, number>();
  #changes = 0;
  /** What was read in an earlier one does not count. */
  #epoch = 0;
  #turn: Promise<void> = Promise.resolve();
  #reading: AbortController | undefined;
  #isStopped = false;
  #askedAt = 0;

  constructor(
    readonly source: Source,
    readonly reader: Reader<T>,
  ) {}

  /** What is known now; starts reading what is not. @param goOn also after it was stopped */
  ask(
    nodes: readonly NodeSummary[],
    described: Described,
    goOn: boolean,
  ): { readonly read: ReadonlyMap<string, T>; readonly state: SweepState } {
    this.#askedAt = Date.now();
    if (goOn) this.#isStopped = false;
    const names = new Set(nodes.map(({ name }) => name));
    for (const name of this.#kept.keys()) if (!names.has(name)) this.#kept.delete(name);
    const open = nodes.filter(
      ({ name, state }) => state !== 'absent' && (!this.#kept.has(name) || this.#changed.has(name)),
    );
    if (open.length > 0 && this.#reading === undefined && !this.#isStopped) this.#start(open, described);
    const state = this.#reading !== undefined ? 'reading' : this.#isStopped && open.length > 0 ? 'stopped' : 'done';
    return { read: new Map([...this.#kept].map(([name, { value }]) => [name, value])), state };
  }

  stop(): void {
    this.#isStopped = true;
    this.#reading?.abort();
    this.#reading = undefined;
  }

  /** A node is not as it was read; without a name: none is, for the cluster changed. */
  changed(node?: string): void {
    this.#changes += 1;
    if (node !== undefined) this.#changed.set(node, this.#changes);
    else for (const name of this.#kept.keys()) this.#changed.set(name, this.#changes);
  }

  /** Every node is read again: what followed from reading them is gone. */
  forget(): void {
    this.#epoch += 1;
    this.#kept.clear();
    this.reader.onNew?.();
  }

  #start(open: readonly NodeSummary[], described: Described): void {
    const controller = new AbortController();
    // Each reader listens to it.
    setMaxListeners(0, controller.signal);
    this.#reading = controller;
    const queue = [...open];
    const reader = async () => {
      for (let node = queue.shift(); node !== undefined && !controller.signal.aborted; node = queue.shift()) {
        if (Date.now() - this.#askedAt > ABANDONED_MS) controller.abort();
        else await this.#readNode(node.name, described, controller.signal);
      }
    };
    const readers = this.source.describe().kind === 'cluster' ? READERS.cluster : READERS.capture;
    void Promise.all(Array.from({ length: readers }, reader))
      .catch((error: unknown) =>
        process.stderr.write(`${this.reader.what}: ${error instanceof Error ? error.stack : String(error)}\n`),
      )
      .finally(() => {
        if (this.#reading === controller) this.#reading = undefined;
      });
  }

  /**
   * Other requests have their turn between two nodes. Each waits for the one before: the callbacks of setImmediate that are due
   * together run in one go, and so would the nodes whose readings came together.
   */
  #ownTurn(): Promise<void> {
    this.#turn = this.#turn.then(() => nextTurn());
    return this.#turn;
  }

  async #readNode(name: string, described: Described, signal: AbortSignal): Promise<void> {
    const [change, epoch] = [this.#changed.get(name), this.#epoch];
    const capture = await this.source.node(name, signal);
    if (signal.aborted) return;
    await this.#ownTurn();
    if (signal.aborted) return;
    const known = this.#kept.get(name);
    const { cluster } = described;
    if (capture.ok && capture.value.notAnew !== undefined && known !== undefined && isNothing(capture.value)) {
      // It cannot be read now, and its reading of before was let go: what is known of it stays.
    } else if (capture.ok && known?.version === capture.value.hash && known.cluster === cluster) {
      this.#kept.set(name, { ...known, value: this.reader.again(known.value, capture.value) });
    } else {
      const value = await this.reader.read(name, capture, described, signal);
      if (signal.aborted || epoch !== this.#epoch) return;
      this.#kept.set(name, { value, version: capture.ok ? capture.value.hash : undefined, cluster });
      this.reader.onNew?.();
    }
    // What changed while it was read is still to be read.
    if (this.#changed.get(name) === change) this.#changed.delete(name);
  }
}

const isNothing = ({ files }: NodeCapture): boolean => files.get('nft.json')?.kind !== 'read';
