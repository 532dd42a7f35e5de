// Builds the web server (.next/standalone) and the command line tool (dist/).
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findFiles } from './files.mjs';
import { install, requireNode } from './install.mjs';
import { main, Problem, step } from './run.mjs';

const SOURCES = ['app', 'components', 'lib', 'server', 'public'];
const CONFIG = [
  'package.json',
  'package-lock.json',
  'next.config.js',
  'postcss.config.mjs',
  'tsconfig.json',
  'scripts/build.mjs',
];
const STAMP = '.next/nftscope-sources';

/** The hash of everything the build reads; what was built is current while it stays the same. */
function hashOfSources(/** @type {string} */ root) {
  const hash = createHash('sha256').update(process.versions.node);
  const folders = SOURCES.map((folder) => join(root, folder)).filter(existsSync);
  const files = findFiles(folders, /./).filter((path) => !/\.test\.tsx?$/.test(path));
  for (const path of [...CONFIG.map((name) => join(root, name)), ...files]) {
    hash.update(`\0${relative(root, path)}\0`).update(readFileSync(path));
  }
  return hash.digest('hex');
}

/**
 * Builds the web server and the command line tool.
 * @param {string} root
 * @param {{ onlyIfStale?: boolean }} options `onlyIfStale`: not where the sources are those of the last build
 */
export async function build(root, { onlyIfStale = false } = {}) {
  const release = await takeLock(root);
  try {
    const stamp = join(root, STAMP);
    const hash = hashOfSources(root);
    const outputs = ['.next/standalone/server.js', 'dist/nftscope.mjs', STAMP].map((path) => join(root, path));
    if (onlyIfStale && outputs.every(existsSync) && readFileSync(stamp, 'utf8') === hash) return;
    rmSync(stamp, { force: true });
    await buildWeb(root);
    await buildCli(root, join(root, 'dist'));
    writeFileSync(stamp, hash);
  } finally {
    release();
  }
}

async function buildWeb(/** @type {string} */ root) {
  await step({
    title: 'Building the web server',
    command: process.execPath,
    args: [join(root, 'node_modules/next/dist/bin/next'), 'build'],
    cwd: root,
    env: { NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production' },
  });
  // Next leaves these two for a CDN; here the same server gives them out.
  const standalone = join(root, '.next/standalone');
  cpSync(join(root, '.next/static'), join(standalone, '.next/static'), { recursive: true });
  if (existsSync(join(root, 'public'))) cpSync(join(root, 'public'), join(standalone, 'public'), { recursive: true });
}

/**
 * Builds the command line tool and the worker beside it.
 * @param {string} root
 * @param {string} outdir emptied first
 */
export async function buildCli(root, outdir) {
  const esbuild = await import('esbuild');
  rmSync(outdir, { recursive: true, force: true });
  const built = esbuild.build({
    absWorkingDir: root,
    entryPoints: { nftscope: 'server/cli/main.ts', 'decode-worker': 'server/decode-worker.ts' },
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    // `server-only` throws outside a React server; under this condition it is empty.
    conditions: ['react-server'],
    // Bundled CommonJS packages call require(), which an ES module lacks.
    banner: {
      js: "import { createRequire as nodeRequire } from 'node:module';\nconst require = nodeRequire(import.meta.url);",
    },
    logLevel: 'warning',
  });
  try {
    await built;
  } catch {
    throw new Problem('Building the command line tool failed; the errors are above.');
  } finally {
    // Its child process would stay, with 50 MB, as long as the server that is started next.
    await esbuild.stop();
  }
  const tool = join(outdir, 'nftscope.mjs');
  const code = readFileSync(tool, 'utf8');
  if (!code.startsWith('#!')) writeFileSync(tool, `#!/usr/bin/env node\n${code}`);
  chmodSync(tool, 0o755);
  console.log('Building the command line tool: done');
}

/**
 * One build at a time in a checkout: waits for another one, and takes over from one that died.
 * @returns {Promise<() => void>} gives the lock back
 */
async function takeLock(/** @type {string} */ root) {
  const lock = join(root, 'node_modules/.cache/nftscope-build.lock');
  mkdirSync(dirname(lock), { recursive: true });
  for (let told = false; ; told = true) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      const release = () => rmSync(lock, { force: true });
      process.once('exit', release);
      return release;
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
    }
    const owner = existsSync(lock) ? Number(readFileSync(lock, 'utf8')) : 0;
    if (owner > 0 && !isAlive(owner)) rmSync(lock, { force: true });
    else if (!told) console.log(`Waiting for another build (process ${owner}) …`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

function isAlive(/** @type {number} */ pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main(async () => {
    const root = dirname(dirname(fileURLToPath(import.meta.url)));
    requireNode(root);
    await install(root);
    await build(root);
    return 0;
  });
}
