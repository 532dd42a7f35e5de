import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Files under the folders whose path matches, sorted.
 * @param {readonly string[]} folders
 * @param {RegExp} pattern
 * @returns {string[]}
 */
export function findFiles(folders, pattern) {
  return folders
    .flatMap((folder) =>
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath ?? entry.path, entry.name)),
    )
    .filter((path) => pattern.test(path))
    .sort();
}
