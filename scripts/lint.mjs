// `npm run lint`: every check of the source text. `npm run lint -- types` runs only the checks named.
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { main, Problem, step } from './run.mjs';

/** @type {Record<string, readonly (readonly string[])[]>} Each check is one or more programs, run by node. */
const CHECKS = {
  biome: [['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.']],
  imports: [['scripts/check-deps.mjs']],
  unused: [['node_modules/knip/bin/knip.js']],
  types: [
    ['node_modules/next/dist/bin/next', 'typegen'],
    ['node_modules/typescript/bin/tsc', '--noEmit'],
  ],
  lock: [['scripts/complete-lock.mjs', '--check']],
};

/**
 * Runs the named checks, or all of them, and prints what each found.
 * @param {string} root
 * @param {readonly string[]} names
 */
export async function lint(root, names) {
  const unknown = names.find((name) => CHECKS[name] === undefined);
  if (unknown !== undefined) throw new Problem(`No check "${unknown}"; there are ${Object.keys(CHECKS).join(', ')}.`);
  const count = { passed: 0, failed: 0, skipped: 0 };
  for (const [name, programs] of Object.entries(CHECKS)) {
    if (names.length > 0 && !names.includes(name)) continue;
    const passed = await check(root, name, programs);
    if (passed) count.passed += 1;
    else count.failed += 1;
  }
  return count;
}

/**
 * @param {string} root
 * @param {string} name
 * @param {readonly (readonly string[])[]} programs
 */
async function check(root, name, programs) {
  try {
    for (const args of programs) {
      const env = { NEXT_TELEMETRY_DISABLED: '1' };
      await step({ title: `${name}: ${args[0]?.split('/').pop()}`, command: process.execPath, args, cwd: root, env });
    }
    return true;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    console.error(error.message);
    return false;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main(async () => {
    const { failed } = await lint(dirname(dirname(fileURLToPath(import.meta.url))), process.argv.slice(2));
    return failed > 0 ? 1 : 0;
  });
}
