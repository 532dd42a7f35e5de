// The direction of imports, by dependency-cruiser. Fails as well when it saw fewer modules than there are source files:
// with a TypeScript it cannot load it reports success over none.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { findFiles } from './files.mjs';

const FOLDERS = ['app', 'components', 'lib', 'server'].filter((folder) => existsSync(folder));

const out = cruise([...FOLDERS, '--output-type', 'json']);
const { summary, modules } = JSON.parse(out);
const cruised = new Set(modules.map((/** @type {{ source: string }} */ module) => module.source));
const missed = findFiles(FOLDERS, /\.tsx?$/).filter((file) => !cruised.has(file));

for (const { rule, from, to } of summary.violations) console.error(`${rule.name}: ${from} → ${to}`);
for (const file of missed) console.error(`not cruised: ${file}`);
console.log(`${summary.violations.length} violations, ${cruised.size} modules cruised, ${missed.length} missed`);
process.exitCode = summary.violations.length + missed.length > 0 ? 1 : 0;

function cruise(/** @type {readonly string[]} */ args) {
  const bin = 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs';
  return execFileSync(process.execPath, [bin, '--config', '.dependency-cruiser.cjs', ...args], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
}
