/**
 * What a listing leaves out and the text of the same listing may hold.
 *
 * Listed is only what can matter: a fact whose absence could be taken for its opposite. The arguments of `xt` statements are
 * not listed: the statement itself says that it has no more than a name.
 */
import type { Chain, Flowtable, NftSet, Omission, Rule, Ruleset, SetType, Table } from '../nft/model';

export type OmittedFact =
  /** Comments of all tables, of all chains. */
  | 'table.comment'
  | 'chain.comment'
  /** Flags of a table that nft printed as garbage; one of them may be `dormant`. */
  | 'table.flags'
  /** The devices that a netdev or inet ingress/egress chain is bound to. */
  | 'chain.devices'
  /** Which sets are dynamic, which interval sets merge their elements. */
  | 'set.flags'
  | 'set.auto-merge'
  /** A key declared with typeof, printed as a type without a width. */
  | 'set.type'
  /** The data half of a typeof map. */
  | 'map.data'
  /** The statements of elements beyond the first. */
  | 'element.statements'
  | 'flowtable.counter'
  /** A statement that is text, and not understood. */
  | 'rule.statement'
  /** A rule without statements: nft could not express it. */
  | 'rule.statements'
  /** The set of a meter. */
  | 'meter.set';

/** The flags that tables have (nf_tables.h: enum nft_table_flags). */
const TABLE_FLAGS: ReadonlySet<string> = new Set(['dormant', 'owner', 'persist']);

/**
 * True where the flags of a table are not what nft's JSON says. 1.0.6 prints the name of the table in their place, which may
 * happen to be the word for another flag.
 */
export function areFlagsGarbage(flags: readonly string[], table: string, nftVersion: string | undefined): boolean {
  if (flags.length === 0) return false;
  if (isOldListing(nftVersion) && (nftVersion !== undefined || flags.includes(table))) return true;
  return !flags.some((flag) => TABLE_FLAGS.has(flag));
}

/** Tables (`ip kube-proxy`) that have some flag, and nothing says which: of a dormant one no rule sees a packet. */
export const perhapsDormant = ({ omissions }: Pick<Ruleset, 'omissions'>): ReadonlySet<string> =>
  new Set(omissions.flatMap(({ what, where }) => (what === ('table.flags' satisfies OmittedFact) ? [where] : [])));

/** `what` is one of {@link OmittedFact}; `where` reads `ip kube-proxy services #52`. */
export const omission = (what: OmittedFact, where: string): Omission => ({ what, where });

/** Where a version leaves out a fact throughout, one omission stands for all. */
export const EVERY_TABLE = 'every table';
export const EVERY_CHAIN = 'every chain';
export const EVERY_SET = 'every set';

const isBefore = (nftVersion: string | undefined, minor: number, patch: number): boolean => {
  const parts = /^(\d+)\.(\d+)\.?(\d*)/.exec(nftVersion ?? '');
  if (parts === null) return true;
  const [, major, ...rest] = parts.map(Number);
  const [ownMinor = 0, ownPatch = 0] = rest;
  return major === 1 && (ownMinor < minor || (ownMinor === minor && ownPatch < patch));
};

/**
 * True for versions whose JSON leaves out comments of tables and chains, devices, table flags, dynamic and auto-merge. Measured
 * for 1.0.6 (leaves out) and 1.1.3 (prints); what is between is counted as leaving out, and so is an unknown version.
 */
export const isOldListing = (nftVersion: string | undefined): boolean => isBefore(nftVersion, 1, 0);

/** True for versions that print the first statement of an element only: 1.1.3 does, 1.1.7 does not. */
const showsFirstStatementOnly = (nftVersion: string | undefined): boolean => isBefore(nftVersion, 1, 7);

/**
 * What an old listing leaves out throughout. A version that shows such a fact once is not one that leaves it out.
 */
export function listingOmissions(tables: readonly Table[], into: Omission[]): void {
  const chains = tables.flatMap((table) => table.chains);
  const sets = tables.flatMap((table) => table.sets);
  const add = (what: OmittedFact, where: string, count: number, isShown: boolean): void => {
    if (count > 0 && !isShown) into.push(omission(what, where));
  };
  add(
    'table.comment',
    EVERY_TABLE,
    tables.length,
    tables.some((table) => table.comment !== undefined),
  );
  add(
    'chain.comment',
    EVERY_CHAIN,
    chains.length,
    chains.some((chain) => chain.comment !== undefined),
  );
  add(
    'set.flags',
    EVERY_SET,
    sets.length,
    sets.some((set) => set.flags.includes('dynamic')),
  );
  const intervalSets = sets.filter((set) => set.flags.includes('interval'));
  add(
    'set.auto-merge',
    EVERY_SET,
    intervalSets.length,
    sets.some((set) => set.autoMerge),
  );
}

/** Resolved types of `typeof` keys that do not tell the width of the value. */
const WIDTHLESS = new Set(['integer', 'string']);

const isWidthless = (type: SetType): boolean => type.kind === 'types' && type.names.some((name) => WIDTHLESS.has(name));

export function setOmissions(set: NftSet, nftVersion: string | undefined, where: string, into: Omission[]): void {
  if (isWidthless(set.type)) into.push(omission('set.type', where));
  if (set.type.kind === 'typeof' && set.data?.kind === 'types') into.push(omission('map.data', where));
  if (showsFirstStatementOnly(nftVersion) && hidesStatements(set)) into.push(omission('element.statements', where));
}

/** Elements have the statements of the declaration; without one there, they may have any number. */
function hidesStatements({ elements, statements }: NftSet): boolean {
  if (statements.length === 1) return false;
  return elements.some((element) => element.statements?.length === 1);
}

export function chainOmissions(chain: Chain, isOld: boolean, where: string, into: Omission[]): void {
  const hook = chain.base?.hook;
  if (isOld && chain.base?.devices.length === 0 && (hook === 'ingress' || hook === 'egress')) {
    into.push(omission('chain.devices', where));
  }
}

/** A listing never says whether a flowtable counts. */
export function flowtableOmissions(flowtable: Flowtable, where: string, into: Omission[]): void {
  if (flowtable.counter === undefined) into.push(omission('flowtable.counter', where));
}

const NONE: readonly OmittedFact[] = [];

export function ruleOmissions(rule: Rule): readonly OmittedFact[] {
  if (rule.unlisted) return ['rule.statements'];
  let facts: OmittedFact[] | undefined;
  for (const { kind } of rule.statements) {
    if (kind !== 'text' && kind !== 'meter') continue;
    facts ??= [];
    facts.push(kind === 'text' ? 'rule.statement' : 'meter.set');
  }
  return facts ?? NONE;
}
