import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generate } from '../lab/generate';
import { Kernel, whyNot } from '../lab/kernel';
import { runSurely } from '../lab/lab';

/** The share of cases that a test run takes: the same seeds each time, as many as these milliseconds hold. */
const SHARE = 270_000;
const FIRST_SEED = 1;
const LAST_SEED = 1200;
/** Every third case is a flow of several packets. */
const isFlow = (seed: number): boolean => seed % 3 === 0;
/** Of all cases: what chance or an unknown of the node decides. */
const MOST_UNDECIDED = 0.01;

const why = whyNot();

describe.skipIf(why !== undefined)(`the kernel and the tracer${why === undefined ? '' : ` (skipped: ${why})`}`, () => {
  let kernel: Kernel;

  beforeAll(async () => {
    kernel = new Kernel();
    await kernel.start();
  });

  afterAll(() => kernel.close());

  it('agree on random rulesets and packets', { timeout: SHARE + 60_000 }, async () => {
    const until = Date.now() + SHARE;
    const disagreed: string[] = [];
    let undecided = 0;
    let seed = FIRST_SEED;
    for (; seed <= LAST_SEED && Date.now() < until; seed++) {
      const flows = isFlow(seed);
      const { verdict } = await runSurely(kernel, generate(seed, { flows, profile: undefined }));
      if (verdict === 'undecided') undecided++;
      if (verdict === 'disagreed')
        disagreed.push(`npm run conformance -- --from ${seed} --seeds 1${flows ? ' --flows' : ''}`);
    }
    const ran = seed - FIRST_SEED;
    console.log(`${ran} cases, ${disagreed.length} disagreed, ${undecided} undecided`);
    expect(disagreed).toEqual([]);
    expect(undecided).toBeLessThanOrEqual(Math.max(2, ran * MOST_UNDECIDED));
  });
});
