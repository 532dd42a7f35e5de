/**
 * A list of objects as bytes, one object a line, in the order of their keys. It is kept in blocks, so that a change costs what it
 * changes, and copying the rest.
 */
import 'server-only';
import { LIST_END, LIST_HEAD } from '@/lib/cluster/build-in-steps';

type Held = ReadonlyMap<string, { readonly text: string }>;
interface Block {
  /** Sorted. */
  readonly keys: readonly string[];
  /** Undefined: to be written anew. */
  readonly bytes: Buffer | undefined;
}

/** Objects in a block; one that grows to twice of that is cut in two. */
const BLOCK = 200;
/** Copied between two turns of others. */
const COPY_BYTES = 4e6;
const HEAD = Buffer.from(LIST_HEAD);
const BETWEEN = Buffer.from(',\n');
const END = Buffer.from(LIST_END);

export class ListText {
  #blocks: Block[] = [];
  #changed: Set<string> | 'all' = 'all';

  /** Without a key: any of them. */
  changed(key?: string): void {
    if (key === undefined) this.#changed = 'all';
    else if (this.#changed !== 'all') this.#changed.add(key);
  }

  /** What changes between its steps is told by `changed`, and is in the next one. */
  *content(held: Held): Generator<void, Buffer> {
    const changed = this.#changed;
    this.#changed = new Set();
    if (changed === 'all') this.#blocks = blocksOf([...held.keys()].sort());
    else for (const key of changed) this.#place(key, held.has(key));
    yield;
    for (let at = 0; at < this.#blocks.length; at += 1) {
      if (this.#blocks[at]?.bytes !== undefined) continue;
      this.#written(at, held);
      yield;
    }
    // Somebody else may have begun meanwhile: from here to the end of this line there is no turn of others.
    const lines = this.#blocks.map((_, at) => this.#written(at, held)).filter(({ length }) => length > 0);
    const parts = [HEAD, ...lines.flatMap((bytes, i) => (i === 0 ? [bytes] : [BETWEEN, bytes])), END];
    const content = Buffer.allocUnsafe(parts.reduce((sum, { length }) => sum + length, 0));
    let end = 0;
    let copied = 0;
    for (const part of parts) {
      end += part.copy(content, end);
      copied += part.length;
      if (copied < COPY_BYTES) continue;
      copied = 0;
      yield;
    }
    return content;
  }

  #written(at: number, held: Held): Buffer {
    const { keys = [], bytes: known } = this.#blocks[at] ?? {};
    if (known !== undefined) return known;
    const bytes = Buffer.from(keys.flatMap((key) => held.get(key)?.text ?? []).join(',\n'));
    this.#blocks[at] = { keys, bytes };
    return bytes;
  }

  #place(key: string, isThere: boolean): void {
    const at = this.#blockOf(key);
    const keys = [...(this.#blocks[at]?.keys ?? [])];
    const found = firstNotBefore(keys.length, (i) => (keys[i] ?? '') < key);
    if (keys[found] === key ? !isThere : isThere) keys.splice(found, isThere ? 0 : 1, ...(isThere ? [key] : []));
    this.#blocks.splice(at, 1, ...(keys.length > 2 * BLOCK ? blocksOf(keys) : [{ keys, bytes: undefined }]));
  }

  /** The last block that does not begin after the key. */
  #blockOf(key: string): number {
    const after = firstNotBefore(this.#blocks.length, (i) => (this.#blocks[i]?.keys[0] ?? '') <= key);
    return Math.max(after - 1, 0);
  }
}

const blocksOf = (keys: readonly string[]): Block[] =>
  Array.from({ length: Math.ceil(keys.length / BLOCK) }, (_, i) => ({
    keys: keys.slice(i * BLOCK, (i + 1) * BLOCK),
    bytes: undefined,
  }));

/** The first of `length` places for which it does not hold, where it holds for all before and none after. */
function firstNotBefore(length: number, isBefore: (at: number) => boolean): number {
  let [from, to] = [0, length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (isBefore(middle)) from = middle + 1;
    else to = middle;
  }
  return from;
}
