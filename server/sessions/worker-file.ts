import 'server-only';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The bundled worker (scripts/build.mjs): in dist/ of the package that the server was started from. Undefined where it is
 * not built, as under `next dev` in a fresh checkout; large nodes are then opened in the main thread.
 */
export function workerFile(): string | undefined {
  const root = process.env.NFTSCOPE_ROOT ?? process.cwd();
  const file = process.env.NFTSCOPE_WORKER ?? join(/* turbopackIgnore: true */ root, 'dist', 'decode-worker.mjs');
  return existsSync(/* turbopackIgnore: true */ file) ? file : undefined;
}
