/** `node --conditions=react-server --import tsx tests/lab/record.ts [all|single]`: asks this machine's kernel about the regressions. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Kernel } from './kernel';
import { runLab } from './lab';
import { REGRESSIONS, type Regression } from './regressions';
import { SINGLE_REGRESSIONS } from './single-regressions';

const kernel = new Kernel();
const { kernel: release, nft } = await kernel.start();

async function record(name: string, regressions: readonly Regression[]): Promise<void> {
  const environments: { [name: string]: unknown } = {};
  const cases: unknown[] = [];
  for (const { name, tables, packets, environment = 'base' } of regressions) {
    environments[environment] ??= await kernel.environment(environment);
    const steps = packets.map((packet) => ({ kind: 'packet' as const, packet }));
    const result = await runLab(kernel, { seed: 0, environment, profile: 'regression', tables, steps }, 0.02);
    console.log(`${result.verdict.padEnd(10)} ${name} ${result.packets.at(-1)?.parts.join(', ') ?? ''}`);
    cases.push({
      name,
      environment,
      text: result.text,
      listing: result.listing,
      packets: result.packets.map((p) => ({ packet: p.packet, kernel: p.kernel })),
    });
  }
  const file = fileURLToPath(new URL(`../fixtures/${name}.json`, import.meta.url));
  writeFileSync(file, `${JSON.stringify({ kernel: release, nft, environments, cases })}\n`);
}

const which = process.argv[2] ?? 'all';
if (which === 'all') await record('lab-regressions', REGRESSIONS);
await record('single-regressions', SINGLE_REGRESSIONS);
await kernel.close();
