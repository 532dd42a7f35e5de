/**
 * What changes in live sources, for those who look at them. A source is watched while somebody listens. A node that somebody has
 * open is read anew when it changes, once for all, and not more often than reading it allows; of others it is only told that
 * they changed.
 */
import 'server-only';
import type { LiveEvent } from '@/lib/api/live-events';
import type { Store } from '../sessions/store';
import type { SourceChange } from '../sources/source';

type Listener = (event: LiveEvent) => void;

interface Watched {
  readonly listeners: Set<Listener>;
  readonly controller: AbortController;
  /** What is not heard of now, with the reason: told to those who come later. */
  readonly lost: Map<string, string>;
  readonly nodes: Map<string, NodeReading>;
  ending: NodeJS.Timeout | undefined;
}
interface NodeReading {
  state: 'idle' | 'waiting' | 'reading' | 'again';
  /** Not before this time. */
  notBefore: number;
  version: string | undefined;
}

/** A source is watched a little longer than somebody listens: a page that is loaded again finds it as it was. */
const LINGER_MS = 10_000;
/** Reading takes at most this share of the time. */
const REST = 3;
const REST_MS_MIN = 200;

export class LiveHub {
  readonly #watched = new Map<string, Watched>();

  constructor(readonly store: Store) {}

  /** Ends with the returned function. Tells at once what is lost already. */
  listen(source: string, listener: Listener): () => void {
    const watched = this.#watched.get(source) ?? this.#watch(source);
    clearTimeout(watched.ending);
    watched.ending = undefined;
    watched.listeners.add(listener);
    for (const [what, why] of watched.lost) listener({ kind: 'lost', source, what, why });
    return () => {
      watched.listeners.delete(listener);
      if (watched.listeners.size > 0 || watched.ending !== undefined) return;
      watched.ending = setTimeout(() => this.#end(source, watched), LINGER_MS);
      watched.ending.unref();
    };
  }

  /** Ends watching a source at once, whoever listens. */
  end(source: string): void {
    const watched = this.#watched.get(source);
    if (watched !== undefined) this.#end(source, watched);
  }

  /** Sources watched now. */
  get sources(): readonly string[] {
    return [...this.#watched.keys()];
  }

  #end(source: string, watched: Watched): void {
    watched.controller.abort();
    if (this.#watched.get(source) === watched) this.#watched.delete(source);
  }

  #watch(source: string): Watched {
    const watched: Watched = {
      listeners: new Set(),
      controller: new AbortController(),
      lost: new Map(),
      nodes: new Map(),
      ending: undefined,
    };
    this.#watched.set(source, watched);
    this.store.watch(source)?.((change) => this.#heard(source, watched, change), watched.controller.signal);
    return watched;
  }

  #heard(source: string, watched: Watched, change: SourceChange): void {
    const tell = (event: LiveEvent) => {
      for (const listener of watched.listeners) listener(event);
    };
    switch (change.kind) {
      case 'node':
        this.#nodeChanged(source, watched, change.node, change.version);
        return;
      case 'nodes':
      case 'cluster':
        this.store.changed(source);
        tell({ kind: change.kind, source });
        return;
      case 'lost':
        watched.lost.set(change.what, change.why);
        tell({ ...change, source });
        return;
      case 'back':
        watched.lost.delete(change.what);
        tell({ ...change, source });
        return;
    }
  }

  #nodeChanged(source: string, watched: Watched, node: string, version: string | undefined): void {
    const isOpen = this.store.isOpen(source, node);
    if (version !== undefined || !isOpen) {
      this.store.changed(source, node);
      for (const listener of watched.listeners) listener({ kind: 'node', source, node, version: version ?? null });
      return;
    }
    const reading: NodeReading = watched.nodes.get(node) ?? { state: 'idle', notBefore: 0, version: undefined };
    watched.nodes.set(node, reading);
    if (reading.state === 'reading') reading.state = 'again';
    if (reading.state === 'idle') this.#readSoon(source, watched, node, reading);
  }

  #readSoon(source: string, watched: Watched, node: string, reading: NodeReading): void {
    reading.state = 'waiting';
    const timer = setTimeout(
      () => void this.#read(source, watched, node, reading),
      Math.max(reading.notBefore - Date.now(), 0),
    );
    timer.unref();
  }

  async #read(source: string, watched: Watched, node: string, reading: NodeReading): Promise<void> {
    const { signal } = watched.controller;
    if (signal.aborted) return;
    reading.state = 'reading';
    const started = Date.now();
    this.store.changed(source, node);
    const session = await this.store.session(source, node, signal).catch(() => undefined);
    const took = Date.now() - started;
    reading.notBefore = Date.now() + Math.max(REST * took, REST_MS_MIN);
    const isAgain = (reading.state as NodeReading['state']) === 'again';
    reading.state = 'idle';
    if (signal.aborted) return;
    const version = session?.ok === true ? session.value.version : null;
    // Nothing that was read is different: an event of no consequence.
    if (version === null || version !== reading.version)
      for (const listener of watched.listeners) listener({ kind: 'node', source, node, version });
    reading.version = version ?? undefined;
    if (isAgain) this.#readSoon(source, watched, node, reading);
  }
}
