/** Files by their paths in a bundle → the bytes of a .tar.gz; equal files make equal bytes. */
import 'server-only';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { packTar } from 'modern-tar';

const EPOCH = new Date(0);

export async function packBundle(files: ReadonlyMap<string, Uint8Array>): Promise<Buffer> {
  const entries = [...files].map(([name, body]) => ({
    header: { name, size: body.length, mtime: EPOCH, mode: 0o600 },
    body,
  }));
  return promisify(gzip)(await packTar(entries));
}
