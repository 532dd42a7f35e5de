/** Ways through a base chain to statements that do something to the packet, each with what the packet must have to get there. */

import type { Statement, Verdict } from '../nft/model';
import type { Prepared } from '../sim/environment';
import type { ProgramChain } from '../sim/program';
import { type Aim, chainsTo, hits } from './aim';
import { narrowMatch, narrowVmap, type Place } from './narrow';
import { ANY, bitsOf, complement, type Field, restrict, type Wanted } from './wanted';

export type Effect = 'drop' | 'accept' | 'nat' | 'write';

export interface Path {
  readonly effect: Effect;
  readonly wanted: Wanted;
}

export interface PathLimits {
  readonly pathsMax: number;
  readonly elementsMax: number;
}

/** Rules looked at for one chain before the search is given up. */
const FUEL = 20_000;
const DEPTH_MAX = 16;
/** Ways kept between two statements of a rule. */
const WIDTH_MAX = 24;

/** Statements that change the packet, its mark or what is known of its connection, in the order in which they act. */
export function effectOf({ kind }: Statement): Effect | undefined {
  switch (kind) {
    case 'drop':
    case 'reject':
      return 'drop';
    case 'accept':
      return 'accept';
    case 'snat':
    case 'dnat':
    case 'masquerade':
    case 'redirect':
      return 'nat';
    case 'mangle':
    case 'notrack':
    case 'tproxy':
    case 'reset':
    case 'synproxy':
    case 'queue':
    case 'xt':
    case 'text':
    case 'unsupported':
      return 'write';
    default:
      return undefined;
  }
}

class Walk {
  readonly found: Path[] = [];
  private fuel = FUEL;

  constructor(
    private readonly place: Place,
    private readonly wantedEffects: ReadonlySet<Effect>,
    private readonly pathsMax: number,
    private readonly aim?: Aim,
  ) {}

  get isDone(): boolean {
    return this.found.length >= this.pathsMax || this.fuel <= 0;
  }

  /** True where the search was given up before all was seen. */
  get isCut(): boolean {
    return this.isDone;
  }

  add(effect: Effect, wanted: Wanted): void {
    if (this.wantedEffects.has(effect) && !this.isDone) this.found.push({ effect, wanted });
  }

  chain(chain: ProgramChain, start: Wanted, depth: number): void {
    let wanted: Wanted | undefined = start;
    for (const { rule } of chain.rules) {
      if (wanted === undefined || this.isDone) return;
      this.fuel--;
      wanted = this.rule(chain, rule.statements, wanted, depth);
    }
  }

  /** What a packet must have to go on after the rule: rules with one match of one field that end the way are excluded. */
  private rule(
    chain: ProgramChain,
    statements: readonly Statement[],
    wanted: Wanted,
    depth: number,
  ): Wanted | undefined {
    let ways: readonly Wanted[] = [wanted];
    let matches = 0;
    for (const statement of statements) {
      if (ways.length === 0) return wanted;
      if (statement.kind === 'match') {
        matches++;
        ways = ways.flatMap((way) => narrowMatch(way, statement, this.place)).slice(0, WIDTH_MAX);
        continue;
      }
      if (statement.kind === 'vmap') {
        matches++;
        for (const way of ways)
          for (const one of narrowVmap(way, statement, this.place))
            this.verdict(chain, one.element.data as Verdict | undefined, one.wanted, depth);
        continue;
      }
      if (statement.kind === 'jump' || statement.kind === 'goto') {
        for (const way of ways) this.verdict(chain, statement, way, depth);
        return statement.kind === 'goto' ? after(wanted, ways, matches) : wanted;
      }
      if (statement.kind === 'return') return after(wanted, ways, matches);
      const effect = effectOf(statement);
      if (effect === undefined) continue;
      if (this.aim === undefined || hits(statement, this.aim, this.place.table))
        for (const way of ways) this.add(effect, way);
      if (effect !== 'write') return after(wanted, ways, matches);
    }
    return wanted;
  }

  private verdict(chain: ProgramChain, verdict: Verdict | undefined, wanted: Wanted, depth: number): void {
    if (verdict === undefined || this.isDone) return;
    if (verdict.kind === 'accept' || verdict.kind === 'drop') this.add(verdict.kind, wanted);
    if (verdict.kind !== 'jump' && verdict.kind !== 'goto') return;
    if (this.place.leads?.has(verdict.target) === false) return;
    const target = chain.table.chains.get(verdict.target);
    if (target !== undefined && depth < DEPTH_MAX) this.chain(target, wanted, depth + 1);
  }
}

/** Without a match nothing goes on. After one match of one field, all but the values it took. */
function after(wanted: Wanted, ways: readonly Wanted[], matches: number): Wanted | undefined {
  if (matches === 0) return undefined;
  const [way] = ways;
  if (matches > 1 || ways.length !== 1 || way === undefined) return wanted;
  const changed = (Object.keys(way.fields) as Field[]).filter((field) => way.fields[field] !== wanted.fields[field]);
  // A port is asked of its protocol.
  const isPort = changed.some((field) => field === 'sport' || field === 'dport');
  const [field, ...others] = isPort ? changed.filter((one) => one !== 'protocol') : changed;
  const taken = field === undefined ? undefined : way.fields[field];
  const isOnly = others.length === 0 && way.iif === wanted.iif && way.oif === wanted.oif && sameFlags(way, wanted);
  if (!isOnly || field === undefined || taken === undefined) return wanted;
  return restrict(wanted, field, complement(taken, bitsOf(field, way.family ?? 'ip')));
}

const sameFlags = (a: Wanted, b: Wanted): boolean => a.daddrLocal === b.daddrLocal && a.saddrLocal === b.saddrLocal;

export interface Found {
  readonly paths: readonly Path[];
  readonly isCut: boolean;
}

/** Ways to effects of a base chain, its policy last. @param from what is known of the packet already */
export function pathsOf(
  p: Prepared,
  chain: ProgramChain,
  family: 'ip' | 'ip6',
  effects: ReadonlySet<Effect>,
  { pathsMax, elementsMax }: PathLimits,
  from: Wanted = ANY,
): Found {
  const walk = new Walk({ p, table: chain.table, family, elementsMax }, effects, pathsMax);
  walk.chain(chain, from, 0);
  if (chain.base?.policy === 'drop') walk.add('drop', from);
  return { paths: walk.found, isCut: walk.isCut };
}

const NAT: ReadonlySet<Effect> = new Set(['nat']);

/** Ways to translations that send the packet there, also where a table has very many others. */
export function pathsTo(
  p: Prepared,
  chain: ProgramChain,
  family: 'ip' | 'ip6',
  aim: Aim,
  { pathsMax, elementsMax }: PathLimits,
): readonly Path[] {
  const leads = chainsTo(chain.table, aim);
  if (!leads.has(chain.chain.name)) return [];
  const walk = new Walk({ p, table: chain.table, family, elementsMax, leads }, NAT, pathsMax, aim);
  walk.chain(chain, ANY, 0);
  return walk.found;
}
