// `npm test`: everything from a fresh clone. Ends with one line: `N passed, N failed`; what was skipped stands above it.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import util from 'node:util';
import { install, requireNode } from './install.mjs';
import { main, Problem, start } from './run.mjs';
import { chromiumPath, installPrograms, whyNoKernel } from './system.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const VITEST = join(ROOT, 'node_modules/vitest/vitest.mjs');
const PLAYWRIGHT = join(ROOT, 'node_modules/@playwright/test/cli.js');

const USAGE = `Usage: npm test -- [--only STAGE]... [arguments of vitest or playwright]

Stages: lint, unit, kernel, build, browser; all of them unless --only is given.
NFTSCOPE_NO_APT=1 keeps it from installing system packages.`;

/** @typedef {{ passed: number, failed: number, skipped: number }} Count */

/** @type {Record<string, (args: readonly string[]) => Promise<Count>>} in the order they run */
const STAGES = {
  lint: async (args) => (await import('./lint.mjs')).lint(ROOT, args),
  unit: (args) => vitest(['--project', 'node', '--project', 'dom', ...args]),
  kernel: async (args) => {
    await installPrograms([
      'nft',
      'ip',
      'conntrack',
      'tcpdump',
      'socat',
      'sysctl',
      'python3',
      'curl',
      'openssl',
      'dash',
      'busybox',
    ]);
    const why = whyNoKernel();
    if (why !== undefined) console.log(`Tests that need the kernel are skipped: ${why}.`);
    // Each of them asks by itself for what it needs, so that the report counts them one by one.
    return vitest(['--project', 'kernel', ...args]);
  },
  build: async () => {
    const { build } = await import('./build.mjs');
    return build(ROOT, { onlyIfStale: true }).then(
      () => ({ passed: 1, failed: 0, skipped: 0 }),
      (error) => {
        if (!(error instanceof Problem)) throw error;
        console.error(error.message);
        return { passed: 0, failed: 1, skipped: 0 };
      },
    );
  },
  browser: async (args) => {
    await installPrograms(['chromium']);
    return chromiumPath() === undefined ? skipBrowser('no Chromium; set CHROMIUM_PATH') : playwright(args);
  },
};

/** Runs vitest, its report on screen as ever and its numbers in a file. */
async function vitest(/** @type {readonly string[]} */ args) {
  return withFile(async (file) => {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
    const code = await run([VITEST, 'run', ...reporters, ...args]);
    const report = readJson(file);
    if (report === undefined) return nothingRan();
    // A file that could not be loaded has no tests of its own to fail.
    const broken = report.testResults.filter(
      (/** @type {any} */ result) => result.status === 'failed' && result.assertionResults.length === 0,
    );
    const skipped = report.numPendingTests + report.numTodoTests;
    return judged(code, { passed: report.numPassedTests, failed: report.numFailedTests + broken.length, skipped });
  });
}

async function playwright(/** @type {readonly string[]} */ args) {
  return withFile(async (file) => {
    const code = await run([PLAYWRIGHT, 'test', '--reporter=list,json', ...args], {
      PLAYWRIGHT_JSON_OUTPUT_NAME: file,
    });
    const report = readJson(file);
    if (report === undefined) return nothingRan();
    const { expected, unexpected, flaky, skipped } = report.stats;
    // A test that passed only on a second try counts as failed.
    return judged(code, { passed: expected, failed: unexpected + flaky, skipped });
  });
}

async function skipBrowser(/** @type {string} */ why) {
  return withFile(async (file) => {
    await run([PLAYWRIGHT, 'test', '--list', '--reporter=json'], { PLAYWRIGHT_JSON_OUTPUT_NAME: file });
    const report = readJson(file);
    return skipAll(report === undefined ? undefined : report.stats.expected + report.stats.skipped, why);
  });
}

function skipAll(/** @type {number | undefined} */ count, /** @type {string} */ why) {
  if (count === undefined || count === 0) return nothingRan();
  console.log(`Skipped ${count} tests: ${why}.`);
  return { passed: 0, failed: 0, skipped: count };
}

/** A runner that fails without a failed test, or passes without a test, has failed. */
function judged(/** @type {number} */ code, /** @type {Count} */ count) {
  if (count.passed + count.failed + count.skipped === 0) return nothingRan();
  return code !== 0 && count.failed === 0 ? { ...count, failed: 1 } : count;
}

function nothingRan() {
  console.error('No test ran: this counts as a failure.');
  return { passed: 0, failed: 1, skipped: 0 };
}

/** @returns {Promise<number>} the exit code */
function run(/** @type {readonly string[]} */ args, /** @type {Record<string, string>} */ env = {}) {
  const child = start(process.execPath, args, { cwd: ROOT, env: { ...process.env, ...env }, stdio: 'inherit' });
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
}

/**
 * @template T
 * @param {(file: string) => Promise<T>} use
 */
async function withFile(use) {
  const folder = mkdtempSync(join(tmpdir(), 'nftscope-test-'));
  try {
    return await use(join(folder, 'report.json'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readJson(/** @type {string} */ file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Takes `--only` out of the arguments; the rest belongs to the runner of the one stage that is left. */
function options() {
  const { values, tokens } = util.parseArgs({
    strict: false,
    tokens: true,
    options: { only: { type: 'string', multiple: true, default: [] }, help: { type: 'boolean' } },
  });
  const only = /** @type {string[]} */ (values.only).flatMap((names) => names.split(','));
  const unknown = only.find((name) => STAGES[name] === undefined);
  if (unknown !== undefined) throw new Problem(`No stage "${unknown}".\n\n${USAGE}`);
  const mine = new Set(
    tokens.flatMap((token) =>
      token.kind === 'option' && token.name === 'only'
        ? [token.index, ...(token.inlineValue ? [] : [token.index + 1])]
        : [],
    ),
  );
  const rest = process.argv.slice(2).filter((_, index) => !mine.has(index));
  if (rest.length > 0 && only.length !== 1) throw new Problem(`Further arguments need one --only.\n\n${USAGE}`);
  return { stages: only.length > 0 ? only : Object.keys(STAGES), rest, help: values.help === true };
}

await main(async () => {
  requireNode(ROOT);
  const { stages, rest, help } = options();
  if (help) {
    console.log(USAGE);
    return 0;
  }
  await install(ROOT);
  /** @type {Count} */
  const total = { passed: 0, failed: 0, skipped: 0 };
  const lines = [];
  for (const [name, stage] of Object.entries(STAGES)) {
    if (!stages.includes(name)) continue;
    console.log(`\n== ${name}`);
    const began = Date.now();
    const count = await stage(rest);
    for (const key of /** @type {const} */ (['passed', 'failed', 'skipped'])) total[key] += count[key];
    lines.push(`${name.padEnd(8)} ${say(count)} (${Math.round((Date.now() - began) / 1000)} s)`);
  }
  if (total.skipped > 0) lines.push(`${total.skipped} skipped: the reasons are above`);
  console.log(`\n${lines.join('\n')}\n${total.passed} passed, ${total.failed} failed`);
  return total.failed > 0 ? 1 : 0;
});

function say(/** @type {Count} */ { passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}
