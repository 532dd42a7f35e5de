/** The objects of the fake API server: versions, pages, watches and compaction, as etcd and the watch cache give them. */

export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly resourceVersion?: string;
    readonly [key: string]: unknown;
  };
  readonly [key: string]: unknown;
}
export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: unknown;
}
interface Recorded extends WatchEvent {
  readonly version: number;
  readonly resource: string;
}
interface Page {
  readonly items: readonly KubeObject[];
  readonly version: number;
  readonly next: string | undefined;
  readonly remaining: number;
}

const keyOf = ({ metadata: { namespace = '', name } }: KubeObject): string => `${namespace}/${name}`;

export class ObjectStore {
  readonly #objects = new Map<string, Map<string, KubeObject>>();
  readonly #events: Recorded[] = [];
  readonly #listeners = new Set<(event: Recorded) => void>();
  readonly #snapshots = new Map<string, readonly KubeObject[]>();
  #version = 1000;
  #compacted = 0;

  get version(): number {
    return this.#version;
  }

  of(resource: string): ReadonlyMap<string, KubeObject> {
    return this.#objects.get(resource) ?? new Map();
  }

  /** Creates or replaces. */
  set(resource: string, object: KubeObject): void {
    const all = this.#objects.get(resource) ?? new Map<string, KubeObject>();
    this.#objects.set(resource, all);
    const type = all.has(keyOf(object)) ? 'MODIFIED' : 'ADDED';
    this.#version += 1;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } };
    all.set(keyOf(object), stored);
    this.#record(resource, type, stored);
  }

  remove(resource: string, name: string, namespace = ''): void {
    const all = this.#objects.get(resource);
    const object = all?.get(`${namespace}/${name}`);
    if (object === undefined) return;
    all?.delete(`${namespace}/${name}`);
    this.#version += 1;
    const metadata = { ...object.metadata, resourceVersion: String(this.#version) };
    this.#record(resource, 'DELETED', { ...object, metadata });
  }

  /** Forgets history: older versions, and pages begun before, are 410 Gone. */
  compact(): void {
    this.#version += 1;
    this.#compacted = this.#version;
    this.#events.length = 0;
    this.#snapshots.clear();
  }

  /** Undefined: the token has expired. */
  page(resource: string, limit: number, token: string | undefined, keep: (o: KubeObject) => boolean): Page | undefined {
    const [version, at] = token === undefined ? [this.#version, 0] : token.split('.').map(Number);
    if (version === undefined || at === undefined) return undefined;
    const key = `${version} ${resource}`;
    const known = token === undefined ? undefined : this.#snapshots.get(key);
    if (token !== undefined && known === undefined) return undefined;
    const all = known ?? [...this.of(resource).values()].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)).filter(keep);
    const end = limit > 0 ? at + limit : all.length;
    if (end < all.length) this.#snapshots.set(key, all);
    const remaining = Math.max(all.length - end, 0);
    return { items: all.slice(at, end), version, next: remaining > 0 ? `${version}.${end}` : undefined, remaining };
  }

  /** What happened since, and then what happens; 'gone' where history does not reach back so far. */
  follow(resource: string, since: number, tell: (event: WatchEvent) => void): 'gone' | (() => void) {
    if (since < this.#compacted) return 'gone';
    for (const event of this.#events) if (event.resource === resource && event.version > since) tell(event);
    const listener = (event: Recorded) => event.resource === resource && tell(event);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #record(resource: string, type: WatchEvent['type'], object: KubeObject): void {
    const event = { type, object, version: this.#version, resource };
    this.#events.push(event);
    for (const listener of this.#listeners) listener(event);
  }
}
