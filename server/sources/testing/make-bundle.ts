import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { packTar, type TarHeader } from 'modern-tar';

/** A folder that is gone after the test. */
export function temporaryFolder(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'nftscope-test-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Writes files below a folder; returns the folder. */
export function writeTree(folder: string, files: { readonly [path: string]: string }, mode?: number): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text, mode === undefined ? {} : { mode });
  }
  return folder;
}

type Entry =
  | readonly [name: string, content: string]
  | { readonly header: TarHeader; readonly body?: string | Uint8Array };

/** A .tar.gz in memory; entries with a header of their own may be anything a hostile archive holds. */
export async function makeTarGz(entries: readonly Entry[]): Promise<Uint8Array> {
  const tar = await packTar(
    entries.map((entry) => {
      if ('header' in entry)
        return entry.body === undefined ? { header: entry.header } : { header: entry.header, body: entry.body };
      const [name, content] = entry;
      return { header: { name, size: Buffer.byteLength(content) }, body: content };
    }),
  );
  return gzipSync(tar);
}
