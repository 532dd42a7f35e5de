// Adds to package-lock.json the platform packages that npm left out of it.
//
// A registry mirror may not carry the binaries of other platforms. npm then drops them from the lock,
// and `npm ci` on such a platform (or here) fails with "Missing ... from lock file". For every optional
// dependency which a locked package names and the lock lacks, this adds the entry that npm would have
// written, without an integrity. Run it after each `npm install`; `--check` only reports.
import { readFileSync, writeFileSync } from 'node:fs';

const LOCK = new URL('../package-lock.json', import.meta.url);
const OS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32'];
const CPU = ['arm64', 'arm', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64'];

/** Reads the platform out of a package name such as `@img/sharp-libvips-linuxmusl-x64`. */
function platformOf(/** @type {string} */ name) {
  const words = name.split(/[/-]/).flatMap((word) => (word.startsWith('linuxmusl') ? ['linux', 'musl'] : [word]));
  const os = OS.filter((known) => words.includes(known));
  const cpu = CPU.filter((known) => words.includes(known) || (known === 'arm' && words.includes('armv7')));
  const musl = words.some((word) => word.startsWith('musl'));
  const gnu = words.some((word) => word.startsWith('gnu'));
  if (cpu.length === 0 && name.includes('universal')) cpu.push('arm64', 'x64');
  return {
    ...(cpu.length > 0 && { cpu }),
    ...(os.length > 0 && { os }),
    ...(musl && { libc: ['musl'] }),
    ...(gnu && { libc: ['glibc'] }),
  };
}

const lock = JSON.parse(readFileSync(LOCK, 'utf8'));
const packages = lock.packages;

/** True when Node's own look-up from `path` finds `name` in the lock. */
function isLocked(/** @type {string} */ path, /** @type {string} */ name) {
  for (let at = path; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    if (packages[at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`] !== undefined) return true;
    if (at === '') return false;
  }
}

const added = [];
for (const [path, entry] of Object.entries(packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (isLocked(path, name)) continue;
    const platform = platformOf(name);
    // Only platform packages: an ordinary optional dependency must come from npm itself.
    if (platform.os === undefined && platform.cpu === undefined) continue;
    packages[`node_modules/${name}`] = {
      version: version.replace(/^[~^]/, ''),
      ...platform,
      optional: true,
      ...(entry.dev && { dev: true }),
    };
    added.push(`${name}@${version}`);
  }
}

// npm writes the entries sorted in this order; keeping it makes the next `npm install` leave them in place.
lock.packages = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, 'en')));

const hosts = Object.values(packages).filter((entry) => entry.resolved?.startsWith('http'));
if (hosts.length > 0) {
  console.error(
    `package-lock.json: ${hosts.length} entries name a registry host; set omit-lockfile-registry-resolved.`,
  );
  process.exitCode = 1;
}
if (process.argv.includes('--check')) {
  if (added.length > 0) {
    console.error(`package-lock.json lacks ${added.length} platform packages; run node scripts/complete-lock.mjs`);
    process.exitCode = 1;
  }
} else if (added.length > 0) {
  writeFileSync(LOCK, `${JSON.stringify(lock, null, 2)}\n`);
  console.log(`added ${added.length} platform packages:\n  ${added.join('\n  ')}`);
} else {
  console.log('package-lock.json is complete');
}
