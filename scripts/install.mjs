// Packages: present and as locked, or installed.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Problem, step } from './run.mjs';

/** Throws a Problem where Node is older than package.json asks for. */
export function requireNode(/** @type {string} */ root) {
  const wanted = /** @type {string} */ (readJson(join(root, 'package.json')).engines.node).replace('>=', '');
  const [major = 0, minor = 0] = wanted.split('.').map(Number);
  const [hasMajor = 0, hasMinor = 0] = process.versions.node.split('.').map(Number);
  if (hasMajor < major || (hasMajor === major && hasMinor < minor)) {
    throw new Problem(`nftscope needs Node ${wanted} or newer; this is Node ${process.versions.node}.`);
  }
}

/**
 * Runs `npm ci` unless node_modules holds what package-lock.json names.
 * @param {string} root
 */
export async function install(root) {
  if (isInstalled(root)) return;
  const npm = process.env.npm_execpath;
  await step({
    title: 'Installing packages (npm ci)',
    command: npm?.endsWith('.js') ? process.execPath : 'npm',
    args: [...(npm?.endsWith('.js') ? [npm] : []), 'ci', '--no-audit', '--no-fund'],
    cwd: root,
    env: { PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD: '1' },
  });
}

/** npm writes down what it installed; that list is compared, so that a developer's own `npm install` counts too. */
function isInstalled(/** @type {string} */ root) {
  const installed = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installed)) return false;
  const have = readJson(installed).packages;
  const wanted = Object.entries(readJson(join(root, 'package-lock.json')).packages);
  return wanted.every(([path, entry]) => path === '' || entry.optional || have[path]?.version === entry.version);
}

function readJson(/** @type {string} */ path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}
