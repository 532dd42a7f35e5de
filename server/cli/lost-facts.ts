/** What a rendered text lacks because nft left it out of its JSON, and no nft.txt gave it. */
import 'server-only';
import { isOldListing, type OmittedFact } from '@/lib/decode/omissions';
import type { Ruleset, Table } from '@/lib/nft/model';
import { statementReferences } from '@/lib/nft/references';

interface LostFact {
  readonly code: 'RENDER-001';
  readonly message: string;
  readonly do: string;
  readonly where: readonly string[];
}

/**
 * Facts without which the text is not what nft prints, or cannot be loaded, where the listing shows that they are missing. Whether
 * a table had a comment or a set merged its elements, nothing in it tells.
 */
const WORDS: ReadonlyMap<string, string> = new Map<OmittedFact, string>([
  ['chain.devices', 'the devices of chains'],
  ['table.flags', 'the flags of tables'],
  ['element.statements', 'statements of elements beyond the first'],
  ['rule.statements', 'the statements of rules'],
  ['set.flags', 'the flag dynamic of sets that rules write to'],
  ['set.type', 'the typeof of keys whose type has no width'],
  ['map.data', 'the typeof of what maps map to'],
]);

/** What another nft loaded can be without these. */
const PERHAPS: ReadonlySet<string> = new Set<OmittedFact>(['set.flags', 'set.type']);

const SHOWN = 3;

/** One for each kind of fact, with the places where it is missing. */
export function lostFacts({ omissions, nftVersion, tables }: Ruleset): readonly LostFact[] {
  return [...WORDS].flatMap(([what, words]): readonly LostFact[] => {
    const missing = omissions.filter((one) => one.what === what).map((one) => one.where);
    const where = what === 'set.flags' && missing.length > 0 ? tables.flatMap(writtenSets) : missing;
    // Later versions print such a type in their text as well, where they have lost the typeof themselves.
    if (what === 'set.type' && !isOldListing(nftVersion)) return [];
    if (where.length === 0) return [];
    const more = where.length > SHOWN ? ` and ${where.length - SHOWN} more` : '';
    const writer = nftVersion === undefined ? 'This nft' : `nft ${nftVersion}`;
    return [
      {
        code: 'RENDER-001',
        message: `The text ${PERHAPS.has(what) ? 'may lack' : 'lacks'} ${words} (${where.slice(0, SHOWN).join(', ')}${more}): ${writer} leaves them out of its JSON.`,
        do: 'Put the output of nft -a list ruleset beside it, as nft.txt of a bundle, and give that with --source.',
        where,
      },
    ];
  });
}

/** nft 1.0.6 prints the update of a map as text. */
const UPDATE = /^(?:add|update) @(\S+) \{/;

/**
 * The kernel lets rules write to sets of its hash table that grows: those with the flag `dynamic`, which nft gives them where a rule
 * of the same load writes to them, and those with timeouts. Of the latter nobody can tell whether they have the flag as well.
 */
function writtenSets(table: Table): readonly string[] {
  const written = new Set<string>();
  for (const { rules } of table.chains) {
    for (const statement of rules.flatMap((rule) => rule.statements)) {
      const name = statement.kind === 'text' ? UPDATE.exec(statement.text)?.[1] : undefined;
      if (name !== undefined) written.add(name);
      for (const { kind, verb, name } of statementReferences(statement))
        if (kind === 'set' && (verb === 'add' || verb === 'update')) written.add(name);
    }
  }
  return table.sets
    .filter((set) => written.has(set.name) && !set.flags.includes('dynamic'))
    .map((set) => `${table.family} ${table.name} ${set.name}`);
}
