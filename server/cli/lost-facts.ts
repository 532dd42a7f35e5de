/** What a rendered text lacks because nft left it out of its JSON, and no nft.txt gave it. */
import 'server-only';
import type { OmittedFact } from '@/lib/decode/omissions';
import type { Ruleset } from '@/lib/nft/model';

interface LostFact {
  readonly code: 'RENDER-001';
  readonly message: string;
  readonly do: string;
  readonly where: readonly string[];
}

/** Facts without which the text is not what nft prints, or cannot be loaded. Comments and the like are not among them. */
const WORDS: ReadonlyMap<string, string> = new Map<OmittedFact, string>([
  ['chain.devices', 'the devices of chains'],
  ['table.flags', 'the flags of tables'],
  ['element.statements', 'statements of elements beyond the first'],
  ['rule.statements', 'the statements of rules'],
]);

const SHOWN = 3;

/** One for each kind of fact, with the places where it is missing. */
export function lostFacts({ omissions, nftVersion }: Ruleset): readonly LostFact[] {
  return [...WORDS].flatMap(([what, words]): readonly LostFact[] => {
    const where = omissions.filter((one) => one.what === what).map((one) => one.where);
    if (where.length === 0) return [];
    const more = where.length > SHOWN ? ` and ${where.length - SHOWN} more` : '';
    const writer = nftVersion === undefined ? 'This nft' : `nft ${nftVersion}`;
    return [
      {
        code: 'RENDER-001',
        message: `The text lacks ${words} (${where.slice(0, SHOWN).join(', ')}${more}): ${writer} leaves them out of its JSON.`,
        do: 'Put the output of nft -a list ruleset beside it, as nft.txt of a bundle, and give that with --source.',
        where,
      },
    ];
  });
}
