import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generate } from '../lab/generate';
import { Kernel, whyNot } from '../lab/kernel';
import { runSurely } from '../lab/lab';

/** Milliseconds for the share of cases that a test run takes. */
const SHARE = 60_000;
const FIRST_SEED = 1;
/** Of decided cases. What is left is listed in the report of `npm run conformance`. */
const LEAST_AGREEMENT = 0.98;

const why = whyNot();

describe.skipIf(why !== undefined)(`the kernel and the tracer${why === undefined ? '' : ` (skipped: ${why})`}`, () => {
  let kernel: Kernel;

  beforeAll(async () => {
    kernel = new Kernel();
    await kernel.start();
  });

  afterAll(() => kernel.close());

  it('agree on random rulesets and packets', { timeout: SHARE + 30_000 }, async () => {
    const until = Date.now() + SHARE;
    const disagreed: number[] = [];
    let agreed = 0;
    for (let seed = FIRST_SEED; Date.now() < until; seed++) {
      const { verdict } = await runSurely(kernel, generate(seed, { flows: seed % 3 === 0, profile: undefined }));
      if (verdict === 'agreed') agreed++;
      if (verdict === 'disagreed') disagreed.push(seed);
    }
    expect(agreed, `disagreed: ${disagreed.join(' ')}`).toBeGreaterThan((agreed + disagreed.length) * LEAST_AGREEMENT);
  });
});
