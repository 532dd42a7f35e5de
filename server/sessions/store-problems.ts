import 'server-only';
import type { Problem } from '@/lib/net/result';
import { sourceProblems } from '../sources/problems';

export const storeProblems = {
  cancelled: sourceProblems.cancelled,
  noSource: (id: string): Problem => ({
    code: 'SRC-011',
    say: `There is no source ${JSON.stringify(id)}.`,
    do: 'Uploads are kept while the server runs: upload it again, or choose another source.',
  }),
  notCaptured: (node: string): Problem => ({
    code: 'SRC-014',
    say: `The cluster has the node ${node}; this capture has not.`,
    do: 'Capture it as well. Nothing is known about it.',
  }),
  noListing: (): Problem => ({
    code: 'SRC-013',
    say: 'The ruleset of this node was not read: nothing is known about its rules.',
    do: 'Capture the node again with nft -j list ruleset.',
  }),
  unreadable: (
    how: string,
    remedy = 'Read it again as root, with an nft at least as new as the one that wrote the ruleset.',
  ): Problem => ({ code: 'SRC-012', say: `The node is unreadable: ${how}.`, do: remedy }),
  tooLarge: (): Problem => ({
    code: 'SRC-015',
    say: 'The listing of this node does not fit into memory.',
    do: 'Read one table at a time with nft -j list table FAMILY NAME, and open that.',
  }),
  versionGone: (version: string): Problem => ({
    code: 'SRC-010',
    say: `The version ${version} of this node is gone: it was read again since.`,
    do: 'Load the node again.',
  }),
  notDiagnosed: (): Problem => ({
    code: 'SRC-017',
    say: 'nftscope failed while it looked for problems.',
    do: 'The cause is in the output of the server; please report it.',
  }),
} as const;
