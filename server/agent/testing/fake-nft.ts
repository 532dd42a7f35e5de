import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const LISTING = JSON.stringify({
  nftables: [
    { metainfo: { version: '1.0.9', release_name: 'x', json_schema_version: 1 } },
    { table: { family: 'ip', name: 'filter', handle: 1 } },
  ],
});
const TEXT = 'table ip filter { # handle 1\n}\n';

interface Words {
  readonly version?: string;
  /** Shell commands in the place of `nft -j list ruleset` and `nft -a list ruleset`. */
  readonly json?: string;
  readonly text?: string;
  readonly monitor?: string;
}

/** An nft that is a shell script; by default it lists one empty table and its monitor says nothing. */
export function fakeNft(folder: string, words: Words = {}, name = 'nft'): string {
  const path = join(folder, name);
  const lines = [
    '#!/bin/sh',
    'case "$*" in',
    `--version) echo "nftables v${words.version ?? '1.0.9'} (Old Doc Yak #3)";;`,
    `"-a monitor") ${words.monitor ?? 'exec sleep 1000'};;`,
    `"-j list ruleset") ${words.json ?? `printf '%s' '${LISTING}'`};;`,
    `"-a list ruleset") ${words.text ?? `printf '%s' '${TEXT}'`};;`,
    'esac',
  ];
  writeFileSync(path, `${lines.join('\n')}\n`);
  chmodSync(path, 0o755);
  return path;
}
