// Programs outside npm which the tests use, and how to come by them.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { step } from './run.mjs';

/** Debian's package for each program. */
const PACKAGES = {
  nft: 'nftables',
  ip: 'iproute2',
  conntrack: 'conntrack',
  tcpdump: 'tcpdump',
  socat: 'socat',
  sysctl: 'procps',
  python3: 'python3',
  curl: 'curl',
  openssl: 'openssl',
  dash: 'dash',
  busybox: 'busybox',
  chromium: 'chromium',
};

/** @typedef {keyof typeof PACKAGES} Program */

const isRoot = () => process.getuid?.() === 0;

/** True where the program can be run. */
export function has(/** @type {Program} */ program) {
  if (program === 'chromium') return chromiumPath() !== undefined;
  const folders = `${process.env.PATH ?? ''}${delimiter}/usr/sbin${delimiter}/sbin`.split(delimiter);
  return folders.some((folder) => isExecutable(join(folder, program)));
}

/** A Chromium for Playwright. Debian's own binary first: its wrapper script prints a shell error. */
export function chromiumPath() {
  const candidates = [
    process.env.CHROMIUM_PATH,
    '/usr/lib/chromium/chromium',
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/usr/bin/google-chrome',
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  ];
  return candidates.find((path) => path !== undefined && isExecutable(path));
}

/**
 * Installs the programs which are missing, where this may be done: as root, with apt, unless NFTSCOPE_NO_APT is set.
 * Says what it does. A failure is not fatal: the tests that need the program are then skipped.
 * @param {readonly Program[]} programs
 */
export async function installPrograms(programs) {
  const missing = programs.filter((program) => !has(program));
  if (missing.length === 0) return;
  const packages = missing.map((program) => PACKAGES[program]);
  if (!isRoot() || !existsSync('/usr/bin/apt-get') || process.env.NFTSCOPE_NO_APT) {
    console.log(`Missing, and not installed by this script: ${packages.join(' ')}`);
    return;
  }
  const apt = { command: 'apt-get', cwd: '/', env: { DEBIAN_FRONTEND: 'noninteractive' } };
  const wait = ['-o', 'DPkg::Lock::Timeout=300'];
  try {
    await step({ ...apt, title: 'Updating the package lists (apt-get update)', args: [...wait, 'update'] });
    const install = [...wait, 'install', '-y', '--no-install-recommends', ...packages];
    await step({ ...apt, title: `Installing ${packages.join(' ')} (apt-get install)`, args: install });
  } catch (error) {
    console.error(/** @type {Error} */ (error).message);
  }
}

/** Why rulesets cannot be loaded into network namespaces here; undefined where they can. */
export function whyNoKernel() {
  if (process.platform !== 'linux') return 'not Linux';
  if (!isRoot()) return 'not root';
  const lacking = /** @type {const} */ (['nft', 'ip', 'conntrack', 'tcpdump', 'socat', 'python3']).filter(
    (name) => !has(name),
  );
  if (lacking.length > 0) return `no ${lacking.join(', ')}`;
  const probe = spawnSync('unshare', ['--net', 'nft', 'add', 'table', 'ip', 'nftscope_probe'], { encoding: 'utf8' });
  return probe.status === 0
    ? undefined
    : `no nftables in a network namespace: ${(probe.stderr ?? '').trim() || probe.error?.message}`;
}

function isExecutable(/** @type {string} */ path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
