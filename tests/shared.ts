import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'vitest';

/**
 * The folder with captures and conformance data, which is not part of the repository: `NFTSCOPE_SHARED`, or `shared`
 * beside the checkout. Undefined where neither exists.
 */
export function sharedDir(): string | undefined {
  const root = dirname(dirname(fileURLToPath(import.meta.url)));
  const path = process.env.NFTSCOPE_SHARED ?? join(root, '..', 'shared');
  return existsSync(path) ? path : undefined;
}

/** A suite over the shared data. Without the data it counts as skipped and says why. */
export function describeShared(name: string, suite: (dir: string) => void): void {
  const dir = sharedDir();
  if (dir !== undefined) {
    describe(name, () => suite(dir));
    return;
  }
  describe.skip(name, () => {
    // The name of a skipped test is the one place every reporter shows.
    it('skipped: no shared data (set NFTSCOPE_SHARED or put it in ../shared)', () => undefined);
  });
}
