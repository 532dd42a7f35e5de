/** A small generator of random numbers with a seed (mulberry32): the same seed gives the same case everywhere. */
export class Random {
  constructor(private state: number) {
    // Neighbouring seeds would otherwise begin alike.
    for (let i = 0; i < 8; i++) this.next();
  }

  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `low` to `high`, both included. */
  int(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  chance(p: number): boolean {
    return this.next() < p;
  }

  pick<T>(list: readonly T[]): T {
    const at = this.int(0, list.length - 1);
    for (const [i, v] of list.entries()) if (i === at) return v;
    throw new Error('pick: the list is empty');
  }

  /** One of several things with weights. */
  weighted<T>(list: readonly (readonly [number, T])[]): T {
    let at = this.next() * list.reduce((n, [w]) => n + w, 0);
    for (const [w, v] of list) {
      at -= w;
      if (at < 0) return v;
    }
    return this.pick(list)[1];
  }

  /** Between `low` and `high` different members, in random order. */
  some<T>(list: readonly T[], low: number, high: number): T[] {
    const rest = [...list];
    const taken: T[] = [];
    const n = Math.min(this.int(low, high), rest.length);
    while (taken.length < n) taken.push(...rest.splice(this.int(0, rest.length - 1), 1));
    return taken;
  }
}
