/** Bodies by their hash: what many nodes have alike is fetched and held once. */
import 'server-only';

export class BodyCache {
  /** In the order of their last use. */
  readonly #held = new Map<string, Uint8Array>();
  readonly #coming = new Map<string, { readonly promise: Promise<void>; readonly done: () => void }>();
  #bytes = 0;

  /** @param limit bytes; the least recently used go first */
  constructor(readonly limit: number) {}

  get bytes(): number {
    return this.#bytes;
  }

  get(hash: string): Uint8Array | undefined {
    const body = this.#held.get(hash);
    if (body === undefined) return undefined;
    this.#held.delete(hash);
    this.#held.set(hash, body);
    return body;
  }

  /** The body that is held under the hash: equal ones are one. */
  put(hash: string, body: Uint8Array): Uint8Array {
    const known = this.get(hash);
    if (known !== undefined) return known;
    this.#held.set(hash, body);
    this.#bytes += body.length;
    for (const [old, { length }] of this.#held) {
      if (this.#bytes <= this.limit || old === hash) break;
      this.#held.delete(old);
      this.#bytes -= length;
    }
    return body;
  }

  /** False where somebody else fetches it: `coming` then waits. Who claims must `release`. */
  claim(hash: string): boolean {
    if (this.#coming.has(hash)) return false;
    let done = () => {};
    const promise = new Promise<void>((resolve) => {
      done = resolve;
    });
    this.#coming.set(hash, { promise, done });
    return true;
  }

  release(hash: string): void {
    this.#coming.get(hash)?.done();
    this.#coming.delete(hash);
  }

  /** Settles when nobody fetches it any longer, whether it came or not. */
  async coming(hash: string): Promise<void> {
    await this.#coming.get(hash)?.promise;
  }
}
