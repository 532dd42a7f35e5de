/** From the parsed JSON of `nft -j list ruleset` to the model. */
import type { Json, Omission, Rule, Ruleset, Table } from '../nft/model';
import {
  CHAIN_MEMBERS,
  decodeBaseChain,
  decodeFlowtable,
  decodeNamedObject,
  decodeSet,
  FLOWTABLE_MEMBERS,
  SET_MEMBERS,
  type UnknownMember,
  unknownMembers,
} from './decode-object';
import { decodeStatements } from './decode-statement';
import {
  areFlagsGarbage,
  chainOmissions,
  flowtableOmissions,
  isOldListing,
  listingOmissions,
  omission,
  ruleOmissions,
  setOmissions,
} from './omissions';
import { problems, type Result } from './problem';
import {
  asArray,
  asJson,
  asNumber,
  asObject,
  asText,
  DecodeFailure,
  type Draft,
  excerpt,
  hasMoreThan,
  pathTo,
  type RawArray,
  type RawObject,
  sized,
  soleKey,
} from './raw';
import { type ChainBuilder, NO_RULES, type TableBuilder, Tables } from './tables';

/**
 * Decodes the parsed JSON of one listing of nft 1.0.6 to 1.1.7.
 *
 * Integers beyond 2^53 must come as bigint: `JSON.parse` alone rounds them, use decodeBytes for the bytes of a file. A table
 * comes before its members, which may stand in any order. Kinds and members that the model does not know are kept as
 * `unsupported`; a member of the wrong type is a problem with its path. The model may share arrays with `json`. Nothing is
 * thrown.
 */
export function decodeRuleset(json: unknown): Result<Ruleset> {
  try {
    return { ok: true, value: decodeListing(json) };
  } catch (error) {
    if (error instanceof DecodeFailure) {
      return { ok: false, problem: error.problem(pathTo(json, error.holder, error.key)) };
    }
    // Raw JSON of an unknown kind may be nested as deep as JSON.parse allows, which is deeper than the stack.
    if (error instanceof RangeError) return { ok: false, problem: problems.tooDeep('', 1000) };
    throw error;
  }
}

const TABLE_MEMBERS: ReadonlySet<string> = new Set('family name handle flags comment'.split(' '));
const METAINFO_MEMBERS: ReadonlySet<string> = new Set('version release_name json_schema_version'.split(' '));

/** Kinds of nft's input and event formats. */
const COMMANDS = new Set('add insert replace create delete destroy flush rename reset list'.split(' '));

const NAMED_OBJECTS = new Set([
  'counter',
  'quota',
  'limit',
  'ct helper',
  'ct timeout',
  'ct expectation',
  'secmark',
  'synproxy',
  'tunnel',
]);

function decodeListing(json: unknown): Ruleset {
  const members = listingMembers(json);
  const listing = new Listing(members);
  listing.readMembers();
  return listing.finish(json as RawObject);
}

function listingMembers(json: unknown): RawArray {
  const members = typeof json === 'object' && json !== null ? (json as RawObject).nftables : undefined;
  if (Array.isArray(members)) return members;
  const isListingWithout = members !== undefined;
  throw new DecodeFailure([json], 0, () =>
    problems.notAListing(isListingWithout ? 'nftables' : '', excerpt(isListingWithout ? members : json)),
  );
}

/** The listing as it is read: objects first, then the rules, which need their chains. */
class Listing {
  readonly #members: RawArray;
  readonly #tables = new Tables();
  /** Rules before their chain. */
  readonly #deferred: RawObject[] = [];
  readonly #unknown: UnknownMember[] = [];
  readonly #unsupported: { readonly name: string; readonly raw: Json }[] = [];
  readonly #omissions: Omission[] = [];
  #version: string | undefined;
  #releaseName: string | undefined;

  constructor(members: RawArray) {
    this.#members = members;
  }

  readMembers(): void {
    const members = this.#members;
    const run: RawObject[] = [];
    for (let i = 0; i < members.length; i++) {
      const member = asObject(members[i], members, i);
      const kind = soleKey(member);
      if (kind !== 'rule') {
        if (run.length > 0) this.#readRun(run);
        this.#readMember(kind, member, i);
        continue;
      }
      const rule = asObject(member.rule, member, kind);
      const first = run[0];
      if (first !== undefined && !isSameChain(first, rule)) this.#readRun(run);
      run.push(rule);
    }
    this.#readRun(run);
    for (const rule of this.#deferred) this.#addRules(this.#tables.chainOf(rule), [rule]);
  }

  /** Reads rules of one chain, as they are listed, and empties the run. A chain that is not known yet may still come. */
  #readRun(run: RawObject[]): void {
    const first = run[0];
    if (first === undefined) return;
    // Once a rule waits, all behind it wait too: the order of the rules of a chain is what they mean.
    const chain = this.#deferred.length > 0 ? undefined : this.#tables.findChain(first);
    if (chain !== undefined) this.#addRules(chain, run);
    else for (const rule of run) this.#deferred.push(rule);
    run.length = 0;
  }

  #addRules(chain: ChainBuilder, run: readonly RawObject[]): void {
    const before = chain.rules.length;
    if (before === 0) chain.rules = sized(run.length);
    for (let i = 0; i < run.length; i++) chain.rules[before + i] = this.#readRule(run[i] as RawObject);
  }

  #readMember(kind: string, member: RawObject, index: number): void {
    if (COMMANDS.has(kind)) {
      throw new DecodeFailure(this.#members, index, (path) => problems.commands(path, kind));
    }
    switch (kind) {
      case 'metainfo':
        this.#readMetainfo(asObject(member[kind], member, kind));
        return;
      case 'table':
        this.#readTable(asObject(member[kind], member, kind));
        return;
      case 'chain':
        this.#readChain(asObject(member[kind], member, kind));
        return;
      case 'set':
      case 'map': {
        const raw = asObject(member[kind], member, kind);
        unknownMembers(kind, raw, SET_MEMBERS, this.#unknown);
        this.#tables.tableOf(raw).sets.push(decodeSet(kind, raw));
        return;
      }
      case 'flowtable': {
        const raw = asObject(member[kind], member, kind);
        unknownMembers(kind, raw, FLOWTABLE_MEMBERS, this.#unknown);
        this.#tables.tableOf(raw).flowtables.push(decodeFlowtable(raw));
        return;
      }
      default:
        this.#readOther(kind, member);
    }
  }

  #readMetainfo(raw: RawObject): void {
    unknownMembers('metainfo', raw, METAINFO_MEMBERS, this.#unknown);
    if (raw.version !== undefined) this.#version = asText(raw.version, raw, 'version');
    if (raw.release_name !== undefined) this.#releaseName = asText(raw.release_name, raw, 'release_name');
    const schema = raw.json_schema_version;
    if (schema !== undefined && asNumber(schema, raw, 'json_schema_version') !== 1) {
      this.#unsupported.push({ name: 'metainfo.json_schema_version', raw: asJson(schema) });
    }
  }

  #readTable(raw: RawObject): void {
    unknownMembers('table', raw, TABLE_MEMBERS, this.#unknown);
    this.#tables.add(raw);
  }

  #readChain(raw: RawObject): void {
    if (hasMoreThan(raw, 4)) unknownMembers('chain', raw, CHAIN_MEMBERS, this.#unknown);
    const name = asText(raw.name, raw, 'name');
    const chain: Draft<ChainBuilder> = { name, handle: asNumber(raw.handle, raw, 'handle'), rules: NO_RULES };
    const base = decodeBaseChain(raw);
    if (base !== undefined) chain.base = base;
    if (raw.comment !== undefined) chain.comment = asText(raw.comment, raw, 'comment');
    this.#tables.tableOf(raw).chains.push(chain);
  }

  /** Named objects, and what the model does not know. */
  #readOther(kind: string, member: RawObject): void {
    const body = member[kind];
    if (NAMED_OBJECTS.has(kind)) {
      const raw = asObject(body, member, kind);
      this.#tables.tableOf(raw).objects.push(decodeNamedObject(kind, raw, this.#unknown));
      return;
    }
    const table = kind === '' ? undefined : this.#tableOfUnknown(body);
    if (table === undefined) {
      const name = kind === '' ? Object.keys(member).join(', ') : kind;
      this.#unsupported.push({ name, raw: asJson(member) });
    } else {
      table.objects.push(decodeNamedObject(kind, body as RawObject, this.#unknown));
    }
  }

  /** The table of an object of an unknown kind, where it looks like the object of a table. */
  #tableOfUnknown(body: unknown): TableBuilder | undefined {
    if (typeof body !== 'object' || body === null) return undefined;
    const raw = body as RawObject;
    if (typeof raw.name !== 'string' || !Number.isSafeInteger(raw.handle)) return undefined;
    if (raw.comment !== undefined && typeof raw.comment !== 'string') return undefined;
    if (typeof raw.family !== 'string' || typeof raw.table !== 'string') return undefined;
    return this.#tables.findTable(raw);
  }

  #readRule(raw: RawObject): Rule {
    const unlisted = raw.expr === undefined;
    const rule: Draft<Rule> = {
      handle: asNumber(raw.handle, raw, 'handle'),
      statements: unlisted ? [] : decodeStatements(asArray(raw.expr, raw, 'expr')),
      unlisted,
    };
    let known = unlisted ? 4 : 5;
    if (raw.comment !== undefined) {
      rule.comment = asText(raw.comment, raw, 'comment');
      known++;
    }
    if (hasMoreThan(raw, known)) unknownMembers('rule', raw, RULE_MEMBERS, this.#unknown);
    for (const what of ruleOmissions(rule)) {
      this.#omissions.push(omission(what, `${raw.family} ${raw.table} ${raw.chain} #${rule.handle}`));
    }
    return rule;
  }

  finish(json: RawObject): Ruleset {
    if (hasMoreThan(json, 1)) unknownMembers('listing', json, LISTING_MEMBERS, this.#unknown);
    const isOld = isOldListing(this.#version);
    const omissions: Omission[] = [];
    const tables = this.#tables.all.map((builder) => this.#finishTable(builder, isOld, omissions));
    if (isOld) listingOmissions(tables, omissions);
    const unknown = this.#unknown.map(({ name, raw }) => ({
      name,
      raw: asJson(raw[name.slice(name.indexOf('.') + 1)]),
    }));
    return {
      nftVersion: this.#version,
      releaseName: this.#releaseName,
      tables,
      unsupported: [...this.#unsupported, ...unknown],
      omissions: [...omissions, ...this.#omissions],
    };
  }

  #finishTable(builder: TableBuilder, isOld: boolean, omissions: Omission[]): Table {
    const { family, name, handle, comment, objects, sets, flowtables, chains } = builder;
    const where = `${family} ${name}`;
    const isGarbage = areFlagsGarbage(builder.flags, name, this.#version);
    if (isGarbage) omissions.push(omission('table.flags', where));
    for (const set of sets) setOmissions(set, this.#version, `${where} ${set.name}`, omissions);
    for (const flowtable of flowtables) flowtableOmissions(flowtable, `${where} ${flowtable.name}`, omissions);
    for (const chain of chains) chainOmissions(chain, isOld, `${where} ${chain.name}`, omissions);
    const table = { family, name, handle, flags: isGarbage ? [] : builder.flags, objects, sets, flowtables, chains };
    return comment === undefined ? table : { ...table, comment };
  }
}

const isSameChain = (a: RawObject, b: RawObject): boolean =>
  a.chain === b.chain && a.table === b.table && a.family === b.family;

const RULE_MEMBERS: ReadonlySet<string> = new Set('family table chain handle comment expr'.split(' '));
const LISTING_MEMBERS: ReadonlySet<string> = new Set(['nftables']);
