/**
 * What a listing leaves out and the text of the same listing may hold.
 *
 * Listed is only what can matter: a fact whose absence could be taken for its opposite. The arguments of `xt` statements are
 * not listed: the statement itself says that it has no more than a name.
 */
import type { Chain, Flowtable, NftSet, Omission, Rule, SetType } from '../nft/model';

export type OmittedFact =
  /** Comments of all tables, of all chains. */
  | 'table.comment'
  | 'chain.comment'
  /** Flags of a table that nft printed as garbage; one of them may be `dormant`. */
  | 'table.flags'
  /** The devices that a netdev or inet ingress/egress chain is bound to. */
  | 'chain.devices'
  /** Whether a set with a size is dynamic. */
  | 'set.flags'
  | 'set.auto-merge'
  /** A key declared with typeof, printed as a type without a width. */
  | 'set.type'
  /** The data half of a typeof map. */
  | 'map.data'
  /** All but the first of several statements on the elements. */
  | 'element.statements'
  | 'flowtable.counter'
  /** A statement that is text, and not understood. */
  | 'rule.statement'
  /** A rule without statements: nft could not express it. */
  | 'rule.statements'
  /** The set of a meter. */
  | 'meter.set';

/** `what` is one of {@link OmittedFact}; `where` reads `ip kube-proxy services #52`. */
export const omission = (what: OmittedFact, where: string): Omission => ({ what, where });

export const EVERY_TABLE = 'every table';
export const EVERY_CHAIN = 'every chain';

/**
 * True for versions whose JSON leaves out comments of tables and chains, devices, table flags, dynamic and auto-merge. Measured
 * for 1.0.6 (leaves out) and 1.1.3 (prints); what is between is counted as leaving out, and so is an unknown version.
 */
export function isOldListing(nftVersion: string | undefined): boolean {
  const parts = /^(\d+)\.(\d+)/.exec(nftVersion ?? '');
  return parts === null || Number(parts[1]) < 1 || (Number(parts[1]) === 1 && Number(parts[2]) < 1);
}

/** Resolved types of `typeof` keys that do not tell the width of the value. */
const WIDTHLESS = new Set(['integer', 'string']);

const isWidthless = (type: SetType): boolean => type.kind === 'types' && type.names.some((name) => WIDTHLESS.has(name));

export function setOmissions(set: NftSet, isOld: boolean, where: string, into: Omission[]): void {
  // A dynamic set always has a size: nft gives it 65535 where the user gave none.
  if (isOld && set.size !== undefined && !set.flags.includes('dynamic')) into.push(omission('set.flags', where));
  if (isOld && set.flags.includes('interval')) into.push(omission('set.auto-merge', where));
  if (isWidthless(set.type)) into.push(omission('set.type', where));
  if (set.type.kind === 'typeof' && set.data?.kind === 'types') into.push(omission('map.data', where));
  if (
    set.statements.length > 1 &&
    set.elements.some((element) => (element.statements?.length ?? 0) < set.statements.length)
  ) {
    into.push(omission('element.statements', where));
  }
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
