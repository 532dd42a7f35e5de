/** Certificate and key of the agent, from files that somebody renews. */
import 'server-only';
import { readFile } from 'node:fs/promises';
import type { Server } from 'node:https';
import { createSecureContext } from 'node:tls';

export interface TlsPair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** Throws where a file cannot be read, or the two do not belong together. */
export async function readTlsPair(certFile: string, keyFile: string): Promise<TlsPair> {
  const pair = { cert: await readFile(certFile), key: await readFile(keyFile) };
  createSecureContext(pair);
  return pair;
}

/**
 * Gives the server the pair that is in the files, whenever it is another one. The contents are compared: the kubelet renews a Secret by
 * turning a link. A pair that does not fit is not taken; the old one stays.
 *
 * @returns stops looking
 */
export function followTlsFiles(
  server: Server,
  files: readonly [cert: string, key: string],
  first: TlsPair,
  everyMs: number,
  log: (words: string) => void,
): () => void {
  let held = first;
  let lastComplaint = '';
  const timer = setInterval(async () => {
    try {
      const pair = await readTlsPair(...files);
      lastComplaint = '';
      if (pair.cert.equals(held.cert) && pair.key.equals(held.key)) return;
      server.setSecureContext({ ...pair, minVersion: 'TLSv1.2' });
      held = pair;
      log('the certificate was renewed');
    } catch (error) {
      const complaint = (error as Error).message;
      if (complaint !== lastComplaint) log(`the certificate is not renewed: ${complaint}`);
      lastComplaint = complaint;
    }
  }, everyMs);
  timer.unref();
  return () => clearInterval(timer);
}
