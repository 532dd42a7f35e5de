// `npm run bench [name…]`: runs bench/*.bench.ts, each of which exports `bench: Bench`, and prints ratios.
// Times differ between machines; ratios between two ways of doing the same work hardly do.
// Each is bundled first, as the command line tool is: a loader that names every function on the fly slows the tracer by a half.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildSync } from 'esbuild';
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

const built = mkdtempSync(join(import.meta.dirname, '.built-'));
process.once('exit', () => rmSync(built, { recursive: true, force: true }));

async function bundled(file: string): Promise<Bench> {
  const outfile = join(built, file.replace(/\.ts$/, '.mjs'));
  buildSync({
    entryPoints: [join(import.meta.dirname, file)],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    packages: 'external',
    conditions: ['react-server'],
    logLevel: 'warning',
  });
  const { bench } = (await import(pathToFileURL(outfile).href)) as { bench: Bench };
  return bench;
}

const wanted = process.argv.slice(2);
const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.bench.ts'));
for (const file of files.sort()) {
  if (wanted.length > 0 && !wanted.some((word) => file.includes(word))) continue;
  measure(await bundled(file));
}
