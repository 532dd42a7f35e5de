/**
 * `npm run conformance -- [--seeds N] [--from S] [--flows] [--profile P] [--seed S] [--show N] [--coverage FILE]`: random rulesets and
 * packets through this machine's kernel and through the tracer. Exit status 1 where they disagree.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { eventsOf } from '../../lib/sim/run-case';
import { COVERAGE_BEGINS, Coverage } from './coverage';
import { generate, PROFILES } from './generate';
import { Kernel, whyNot } from './kernel';
import { type CaseResult, runSurely, shrink } from './lab';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
    flows: { type: 'boolean', default: false },
    profile: { type: 'string' },
    show: { type: 'string', default: '5' },
    coverage: { type: 'string' },
    verbose: { type: 'boolean', default: false },
    budget: { type: 'string', default: '250' },
  },
});

function show(r: CaseResult): void {
  const last = r.packets.at(-1);
  console.log(
    `--- seed ${r.lab.seed} (${r.lab.profile}, ${r.lab.environment}) packet ${r.packets.length - 1}: ${last?.parts.join(', ')}`,
  );
  console.log(r.text.trimEnd());
  for (const p of r.packets) console.log(`packet    ${JSON.stringify(p.packet)}`);
  if (last === undefined) return;
  const keys = ['events', 'egress', 'delivered', 'conntrack', 'state', 'sendErrno'] as const;
  for (const key of keys) {
    if (!last.parts.includes(key)) continue;
    const lines = (v: unknown): string[] =>
      Array.isArray(v) ? v.map((x) => JSON.stringify(x)) : [JSON.stringify(v) ?? 'undefined'];
    const kernel = lines(last.kernel?.[key]);
    const ours = lines(last.ours?.[key]);
    let same = 0;
    while (same < Math.min(kernel.length, ours.length) && kernel[same] === ours[same]) same++;
    if (same > 1) console.log(`${key}: the first ${same} are the same`);
    for (const l of kernel.slice(Math.max(0, same - 1), same + 4)) console.log(`  kernel  ${l}`);
    for (const l of ours.slice(Math.max(0, same - 1), same + 4)) console.log(`  tracer  ${l}`);
  }
}

const why = whyNot();
if (why !== undefined) {
  console.error(`The laboratory cannot run here: ${why}.`);
  process.exit(2);
}
const profile = values.profile;
if (profile !== undefined && !(PROFILES as readonly string[]).includes(profile)) {
  console.error(`There is no profile ${profile}; there is ${PROFILES.join(', ')}.`);
  process.exit(2);
}
let kernel = new Kernel();
const tally = { agreed: 0, disagreed: 0, undecided: 0, refused: 0 };
const by = new Map<string, { -readonly [K in keyof typeof tally]: number }>();
const reasons = new Map<string, number>();
const coverage = new Coverage();
const disagreed: number[] = [];
let versions = '';
let packets = 0;
let rules = 0;
let shown = 0;
let restarts = 0;
try {
  const { kernel: release, nft } = await kernel.start();
  versions = `Linux ${release}, ${nft}`;
  console.log(`Linux ${release}, ${nft}`);
  const from = Number(values.from);
  for (let seed = from; seed < from + Number(values.seeds); seed++) {
    const lab = generate(seed, { flows: values.flows, profile });
    if (values.verbose) console.log(`seed ${seed}`);
    let result: CaseResult;
    try {
      result = await runSurely(kernel, lab);
    } catch (error) {
      if (kernel.ended && restarts < 5) {
        // Something ended the helper (a signal, a lack of memory): the seed runs anew in a new laboratory.
        restarts++;
        console.log(`--- seed ${seed}: the laboratory ended and is set up anew`);
        kernel = new Kernel();
        await kernel.start();
        seed--;
        continue;
      }
      console.log(`--- seed ${seed}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      tally.disagreed++;
      disagreed.push(seed);
      continue;
    }
    tally[result.verdict]++;
    if (result.verdict === 'disagreed') disagreed.push(seed);
    const row = by.get(lab.profile) ?? { agreed: 0, disagreed: 0, undecided: 0, refused: 0 };
    row[result.verdict]++;
    by.set(lab.profile, row);
    packets += result.packets.length;
    for (const p of result.packets)
      if (p.branch !== undefined) rules += eventsOf(p.branch.steps).events.filter((e) => e.type === 'rule').length;
    if (values.coverage !== undefined) coverage.add(result);
    if (result.verdict === 'refused' && values.verbose) console.log(`refused: ${result.why}`);
    if (result.verdict === 'undecided') {
      const outcome = result.packets.at(-1)?.branch?.outcome;
      if (outcome?.kind === 'undecided')
        for (const r of outcome.reasons)
          reasons.set(`${r.code}: ${r.say}`, (reasons.get(`${r.code}: ${r.say}`) ?? 0) + 1);
    }
    if (result.verdict === 'disagreed' && shown < Number(values.show)) {
      shown++;
      show(await shrink(kernel, result, Number(values.budget)));
    }
  }
} finally {
  await kernel.close();
}
for (const [name, row] of [...by].sort()) console.log(`${name.padEnd(10)} ${JSON.stringify(row)}`);
for (const [say, n] of [...reasons].sort((a, b) => b[1] - a[1]).slice(0, 12)) console.log(`undecided ${n}  ${say}`);
console.log(`packets ${packets}, rules that matched ${rules}`);
console.log(
  `agreed ${tally.agreed}, disagreed ${tally.disagreed}, undecided ${tally.undecided}, refused by nft ${tally.refused}`,
);
if (values.coverage !== undefined) {
  const file = values.coverage;
  const above = existsSync(file) ? (readFileSync(file, 'utf8').split(`${COVERAGE_BEGINS}\n`)[0] ?? '') : '';
  const seeds = `--from ${values.from} --seeds ${values.seeds}${values.flows ? ' --flows' : ''}`;
  writeFileSync(file, above + coverage.markdown({ versions, seeds, tally, packets, disagreed }));
}
process.exitCode = tally.disagreed > 0 ? 1 : 0;
