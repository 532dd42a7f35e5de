/** What could not be read, and what cannot be said because of it. */
import { describeFailure, NODE_FILES } from '../../world/capture-files';
import type { Context, NodeContext } from '../context';
import { type Finding, finding } from '../finding';

export function readingFindings({ nodes }: Context): readonly Finding[] {
  return nodes.flatMap(unreadable);
}

/** The listing was tried and failed, or makes no sense: the ruleset is unknown, not empty. */
function unreadable({ name, input: { files, ruleset } }: NodeContext): readonly Finding[] {
  const listing = files.get('nft.json');
  if (ruleset.ok || listing === undefined || listing.kind === 'absent') return [];
  const text = listing.kind === 'failed' ? describeFailure(listing.failure) : ruleset.problem.say;
  return [
    finding({
      code: 'node-unreadable',
      summary: `The rules of ${name} are unknown: their reading failed.`,
      services: [],
      nodes: [name],
      evidence: [{ kind: 'reading', node: name, file: 'nft.json', text }],
      reproduce: NODE_FILES[0].command,
      remedy: ruleset.problem.do,
    }),
  ];
}
