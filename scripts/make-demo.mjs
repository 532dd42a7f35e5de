// Packs the demo capture: node scripts/make-demo.mjs FOLDER → public/demo/NAME.tar.gz
//
// FOLDER is a capture (docs/captures.md). The archive is deterministic: sorted, times 0, owner 0, so that packing the same
// files again gives the same bytes.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { packTar } from 'modern-tar';
import { findFiles } from './files.mjs';

const folder = process.argv[2];
if (folder === undefined) {
  console.error('usage: node scripts/make-demo.mjs FOLDER');
  process.exit(2);
}
const root = resolve(folder);
const name = basename(root);
const files = findFiles([root], /./)
  .map((path) => relative(root, path))
  .filter((path) => path !== 'README.md')
  .sort();
const entries = files.map((path) => {
  const body = readFileSync(join(root, path));
  const header = { name: `${name}/${path}`, size: body.length, mode: 0o644, mtime: new Date(0), uid: 0, gid: 0 };
  return { header, body };
});
const packed = gzipSync(await packTar(entries), { level: 9 });
const target = join(dirname(dirname(fileURLToPath(import.meta.url))), 'public', 'demo', `${name}.tar.gz`);
mkdirSync(dirname(target), { recursive: true });
writeFileSync(target, packed);
console.log(`${relative(process.cwd(), target)}: ${files.length} files, ${packed.length} bytes`);
