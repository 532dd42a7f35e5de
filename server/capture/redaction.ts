/** The redaction of a capture, with the secret that makes it: lib/capture/redact with Node's cryptography. */
import 'server-only';
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { Redactor, type Texts } from '@/lib/capture/redact/redactor';
import type { FileReading } from '@/lib/world/capture-files';
import type { RawFiles } from '../sources/source';
import type { Redaction, RedactionMaker } from './write-capture';

const KEY_BYTES = 32;

/** With the way from an address to its replacement, for who asks about a redacted capture. */
export function redactionBy(
  secret: Uint8Array,
  cluster: RawFiles,
): Redaction & { readonly address: (text: string) => string | undefined } {
  const hashes = {
    sha256: (text: string) => createHash('sha256').update(text).digest(),
    keyed: (text: string) => createHmac('sha256', secret).update(text).digest(),
  };
  const redactor = new Redactor(hashes, textsOf(cluster));
  return {
    address: (text) => redactor.address(text),
    node: (name) => redactor.node(name),
    nodeFiles: (files) => bytesOf(redactor.nodeFiles(textsOf(files))),
    clusterFiles: (files) => bytesOf(redactor.clusterFiles(textsOf(files))),
  };
}

/** The redaction by a secret, when it is wanted. */
export function redactionMaker(secret: Uint8Array): RedactionMaker {
  const word = (text: string) => createHmac('sha256', secret).update(text).digest('hex').slice(0, 16);
  return { id: word('id'), word: (text) => word(`source\0${text}`), make: (cluster) => redactionBy(secret, cluster) };
}

/** The secret in a file, which is made where it is not there: the same secret gives the same names and addresses. */
export async function secretOf(path: string): Promise<Uint8Array> {
  try {
    await writeFile(path, `${randomBytes(KEY_BYTES).toString('hex')}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const text = (await readFile(path, 'utf8')).trim();
  if (!/^[0-9a-f]{64}$/.test(text)) throw new TypeError(`${path} holds no secret of a redaction`);
  return Buffer.from(text, 'hex');
}

function textsOf(files: RawFiles): Texts {
  const decoder = new TextDecoder();
  return new Map(
    [...files].map(([name, reading]): [string, FileReading] => [
      name,
      reading.kind === 'read' ? { kind: 'read', content: decoder.decode(reading.content) } : reading,
    ]),
  );
}

function bytesOf(files: Texts): RawFiles {
  return new Map(
    [...files].map(([name, reading]): [string, FileReading<Uint8Array>] => [
      name,
      reading.kind === 'read' ? { kind: 'read', content: Buffer.from(reading.content) } : reading,
    ]),
  );
}
