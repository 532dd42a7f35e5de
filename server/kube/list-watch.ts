/**
 * Follows one resource: lists it in pages, then watches from that version, and goes on from the last version it heard of after
 * every break. It lists anew when the API server no longer has that version (410) or sends what makes no sense. Nothing of the
 * objects is kept but what `keep` makes of them.
 */
import 'server-only';
import type { IncomingMessage } from 'node:http';
import { constants, createGunzip } from 'node:zlib';
import { at, decoding, parseJson } from '@/lib/net/json-cursor';
import { type KubeClient, troubleOf } from './kube-client';
import { pause } from './pause';
import { type Answer, passes, type Right, type Trouble, troubled } from './trouble';

export interface Resource {
  readonly group: string;
  readonly resource: string;
  /** `/api/v1/pods` */
  readonly path: string;
}
export type ListState =
  | { readonly kind: 'unread' }
  /** `watching` false: the list is whole, and it is not known whether it still holds. */
  | { readonly kind: 'read'; readonly watching: boolean }
  /** What is held is of before. */
  | { readonly kind: 'lost'; readonly trouble: Trouble };

export interface ListWatchOptions<T> {
  readonly client: Pick<KubeClient, 'json' | 'open'>;
  readonly resource: Resource;
  /** What is kept of an object; undefined where it makes no sense. */
  readonly keep: (object: unknown) => T | undefined;
  readonly same: (a: T, b: T) => boolean;
  /** What is held is different: one object of it, or without a key any. */
  readonly changed: (key?: string) => void;
  readonly turned: (state: ListState) => void;
  readonly times?: Partial<Times>;
  /** From 0 to 1. */
  readonly random?: () => number;
}
export interface Times {
  /** The first wait after a failure; it doubles. */
  readonly againMs: number;
  readonly againMsMax: number;
  /** Rights that are missing are asked for again so often; without watch it is listed so often. */
  readonly forbiddenMs: number;
  /** A watch asks to be ended after this time, and a half more at random. */
  readonly watchSeconds: number;
  /** A watch that is silent for so long is begun again: bookmarks, where there are any, come about every minute. */
  readonly silenceMs: number;
}
const LIST_WATCH_TIMES: Times = {
  againMs: 500,
  againMsMax: 10_000,
  forbiddenMs: 60_000,
  watchSeconds: 240,
  silenceMs: 150_000,
};
const PAGE = 500;
/** One object has at most 1.5 MB in etcd. */
const LINE_BYTES = 16e6;

type Watched =
  | { readonly kind: 'ended'; readonly heard: boolean }
  | { readonly kind: 'trouble'; readonly trouble: Trouble };

export class ListWatch<T> {
  readonly #options: ListWatchOptions<T>;
  readonly #times: Times;
  #held: ReadonlyMap<string, T> = new Map();
  #version: string | undefined;
  #state: ListState = { kind: 'unread' };

  constructor(options: ListWatchOptions<T>) {
    this.#options = options;
    this.#times = { ...LIST_WATCH_TIMES, ...options.times };
  }

  /** By `NAMESPACE/NAME`. */
  get held(): ReadonlyMap<string, T> {
    return this.#held;
  }

  get state(): ListState {
    return this.#state;
  }

  /** Lists once; what is held stays where that fails. */
  async list(signal: AbortSignal): Promise<void> {
    const listed = await this.#list(signal);
    if (!listed.ok) return this.#lost(listed.trouble);
    const { items, version } = listed.value;
    const isSame =
      this.#state.kind !== 'unread' &&
      items.size === this.#held.size &&
      [...items].every(([key, value]) => {
        const before = this.#held.get(key);
        return before !== undefined && this.#options.same(before, value);
      });
    this.#held = items;
    this.#version = version;
    this.#turn({ kind: 'read', watching: false });
    if (!isSame) this.#options.changed();
  }

  /** Until the signal. */
  async run(signal: AbortSignal): Promise<void> {
    const { againMs, againMsMax, forbiddenMs } = this.#times;
    let wait = againMs;
    while (!signal.aborted) {
      if (this.#version === undefined) await this.list(signal);
      const version = this.#version;
      const began = performance.now();
      const outcome = version === undefined ? undefined : await this.#watch(version, signal);
      if (signal.aborted) return;
      // One that ends at once, time and again, must not keep the API server busy.
      if (outcome?.kind === 'ended' && (outcome.heard || performance.now() - began > againMsMax)) {
        wait = againMs;
        continue;
      }
      const trouble = outcome?.kind === 'trouble' ? outcome.trouble : this.#trouble();
      if (outcome?.kind === 'trouble') this.#troubled(outcome.trouble);
      const isForbidden = trouble?.kind === 'forbidden';
      const ownWait = wait * (0.5 + (this.#options.random ?? Math.random)());
      const asked = trouble?.kind === 'status' ? (trouble.againMs ?? 0) : 0;
      await pause(isForbidden ? forbiddenMs : Math.max(ownWait, asked), signal);
      wait = Math.min(wait * 2, againMsMax);
    }
  }

  #trouble(): Trouble | undefined {
    return this.#state.kind === 'lost' ? this.#state.trouble : undefined;
  }

  #troubled(trouble: Trouble): void {
    // What may be listed and not watched is listed now and then. What has been forgotten, or is nonsense, is listed anew.
    if (['gone', 'nonsense', 'forbidden'].includes(trouble.kind)) this.#version = undefined;
    if (trouble.kind === 'gone') return;
    if (trouble.kind === 'forbidden') this.#turn({ kind: 'read', watching: false });
    else this.#lost(trouble);
  }

  #lost(trouble: Trouble): void {
    if (trouble.kind === 'cancelled') return;
    if (trouble.kind === 'forbidden' && this.#held.size > 0) {
      // The right to see it is gone: it is not shown any longer.
      this.#held = new Map();
      this.#options.changed();
    }
    if (!passes(trouble)) this.#version = undefined;
    this.#turn({ kind: 'lost', trouble });
  }

  #turn(state: ListState): void {
    const before = this.#state;
    this.#state = state;
    if (JSON.stringify(before) !== JSON.stringify(state)) this.#options.turned(state);
  }

  #right(verb: string): Right {
    const { resource, group } = this.#options.resource;
    return { verb, resource, group };
  }

  async #list(signal: AbortSignal): Promise<Answer<{ items: Map<string, T>; version: string }>> {
    const { client, resource, keep } = this.#options;
    const items = new Map<string, T>();
    let token = '';
    for (let restarts = 0; ; ) {
      const query = `limit=${PAGE}${token === '' ? '' : `&continue=${encodeURIComponent(token)}`}`;
      const page = await client.json(`${resource.path}?${query}`, { signal, right: this.#right('list') });
      if (!page.ok) {
        // A list that takes longer than history lasts begins anew.
        if (page.trouble.kind !== 'gone' || token === '' || restarts > 2) return page;
        restarts += 1;
        token = '';
        items.clear();
        continue;
      }
      const decoded = decoding(() => {
        const metadata = at(page.value).key('metadata');
        for (const item of at(page.value).optional('items')?.items() ?? []) {
          const value = keep(item.value);
          if (value !== undefined) items.set(keyOf(item.value), value);
        }
        return {
          version: metadata.key('resourceVersion').string(),
          next: metadata.optional('continue')?.string() ?? '',
        };
      });
      if (!decoded.ok) return troubled({ kind: 'nonsense', why: `${decoded.problem.path}: ${decoded.problem.say}` });
      if (decoded.value.next === '') return { ok: true, value: { items, version: decoded.value.version } };
      token = decoded.value.next;
    }
  }

  async #watch(version: string, signal: AbortSignal): Promise<Watched> {
    const { client, resource, random = Math.random } = this.#options;
    const seconds = Math.round(this.#times.watchSeconds * (1 + random() / 2));
    const query = `watch=1&allowWatchBookmarks=true&resourceVersion=${encodeURIComponent(version)}&timeoutSeconds=${seconds}`;
    const opened = await client.open(`${resource.path}?${query}`, {
      signal,
      right: this.#right('watch'),
      headers: { accept: 'application/json' },
    });
    if (!opened.ok) return { kind: 'trouble', trouble: opened.trouble };
    const { value: response } = opened;
    if (response.statusCode !== 200) {
      response.destroy();
      return { kind: 'trouble', trouble: troubleOf(response.statusCode ?? 0, undefined, response.headers) };
    }
    // From here on it is heard what changes; what changed before is sent first.
    this.#turn({ kind: 'read', watching: true });
    return this.#hear(response, signal);
  }

  #hear(response: IncomingMessage, signal: AbortSignal): Promise<Watched> {
    return new Promise((resolve) => {
      let rest: Buffer[] = [];
      let size = 0;
      let heard = false;
      let silence: NodeJS.Timeout | undefined;
      const settle = (outcome: Watched) => {
        clearTimeout(silence);
        signal.removeEventListener('abort', cancel);
        response.destroy();
        resolve(outcome);
      };
      const fail = (trouble: Trouble) => settle({ kind: 'trouble', trouble });
      const cancel = () => fail({ kind: 'cancelled' });
      const listen = () => {
        clearTimeout(silence);
        // Nothing may have happened: API servers need not send bookmarks. One that is gone does not take the next watch.
        silence = setTimeout(() => settle({ kind: 'ended', heard: false }), this.#times.silenceMs);
      };
      signal.addEventListener('abort', cancel, { once: true });
      listen();
      // Not asked for, and some proxies do it; each piece counts as it comes.
      const isPacked = response.headers['content-encoding'] === 'gzip';
      const stream = isPacked ? response.pipe(createGunzip({ flush: constants.Z_SYNC_FLUSH })) : response;
      if (isPacked) stream.once('error', (error) => fail({ kind: 'nonsense', why: `it is damaged: ${error.message}` }));
      stream.on('data', (chunk: Buffer) => {
        listen();
        let from = 0;
        for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
          const line = Buffer.concat([...rest, chunk.subarray(from, end)]);
          rest = [];
          size = 0;
          from = end + 1;
          const trouble = line.length === 0 ? undefined : this.#event(line.toString('utf8'));
          if (trouble !== undefined) return fail(trouble);
          heard = true;
        }
        if (from < chunk.length) rest.push(chunk.subarray(from));
        size += chunk.length - from;
        if (size > LINE_BYTES) fail({ kind: 'nonsense', why: `an event of more than ${LINE_BYTES} bytes` });
      });
      response.once('close', () => {
        // Ended by the server as asked for, or by its restart. A line that is cut is sent again from the last version.
        if (response.complete) settle({ kind: 'ended', heard });
        else fail({ kind: 'unreachable', why: 'the connection broke' });
      });
      if (signal.aborted) cancel();
    });
  }

  #event(line: string): Trouble | undefined {
    const json = parseJson(line);
    if (!json.ok) return { kind: 'nonsense', why: `an event that is ${json.problem.say}` };
    const event = decoding(() => {
      const type = at(json.value).key('type').oneOf(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']);
      const object = at(json.value).key('object');
      const code = type === 'ERROR' ? (object.optional('code')?.integer() ?? 500) : undefined;
      const version = type === 'ERROR' ? undefined : object.key('metadata').key('resourceVersion').string();
      return { type, object: object.value, version, code };
    });
    if (!event.ok) return { kind: 'nonsense', why: `${event.problem.path}: ${event.problem.say}` };
    const { type, object, version, code } = event.value;
    if (code !== undefined) return troubleOf(code, object);
    if (type === 'DELETED') this.#set(keyOf(object), undefined);
    else if (type !== 'BOOKMARK') this.#set(keyOf(object), this.#options.keep(object));
    this.#version = version;
    return undefined;
  }

  #set(key: string, value: T | undefined): void {
    const before = this.#held.get(key);
    if (before === undefined ? value === undefined : value !== undefined && this.#options.same(before, value)) return;
    const held = this.#held as Map<string, T>;
    if (value === undefined) held.delete(key);
    else held.set(key, value);
    this.#options.changed(key);
  }
}

function keyOf(object: unknown): string {
  const { namespace = '', name = '' } =
    (object as { readonly metadata?: { readonly namespace?: string; readonly name?: string } }).metadata ?? {};
  return `${namespace}/${name}`;
}
