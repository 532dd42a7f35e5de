// `npm run bench [name…]`: runs bench/*.bench.ts, each of which exports `bench: Bench`, and prints ratios.
// Times differ between machines; ratios between two ways of doing the same work hardly do.
import { readdirSync } from 'node:fs';
import type { Bench } from './bench.ts';

const ROUNDS = 7;
const MIN_MS = 50;

/** Milliseconds for one call, over as many calls as fill MIN_MS. */
function time(run: () => unknown): number {
  const began = performance.now();
  let calls = 0;
  do {
    run();
    calls += 1;
  } while (performance.now() - began < MIN_MS);
  return (performance.now() - began) / calls;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function format(ms: number): string {
  if (ms >= 1) return `${ms.toPrecision(3)} ms`;
  return ms >= 0.001 ? `${(ms * 1000).toPrecision(3)} µs` : `${(ms * 1e6).toPrecision(3)} ns`;
}

function measure({ name, cases }: Bench): void {
  const times = new Map<string, number[]>(Object.keys(cases).map((key) => [key, []]));
  for (const run of Object.values(cases)) time(run); // warm up
  // The cases take turns, so that a busy moment of the machine falls on all of them.
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [key, run] of Object.entries(cases)) times.get(key)?.push(time(run));
  }
  console.log(name);
  const base = median([...times.values()][0] ?? []);
  for (const [key, values] of times) {
    const ms = median(values);
    console.log(`  ${`${(ms / base).toFixed(2)} ×`.padStart(10)}  ${format(ms).padStart(9)}  ${key}`);
  }
}

const wanted = process.argv.slice(2);
const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.bench.ts'));
for (const file of files.sort()) {
  if (wanted.length > 0 && !wanted.some((word) => file.includes(word))) continue;
  const { bench } = (await import(`./${file}`)) as { bench: Bench };
  measure(bench);
}
