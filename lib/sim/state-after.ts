/** Contents of the sets that rules write to, and of the named objects, in the form of the recorded cases (docs/cases.md). */
import type { Expression, LimitStatement, NamedObject, SetElement, Statement } from '../nft/model';
import { elementKeyOf } from './element-key';
import type { Prepared } from './environment';
import { isVerdict } from './sets';
import type { SimState, StatefulState } from './state';
import type { StateAfter } from './trace';

type Plain = string | number | boolean | { readonly [key: string]: unknown };

/** A key as nft lists it in JSON. */
function plainKey(e: Expression): Plain {
  if (typeof e === 'bigint') return e <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(e) : String(e);
  if (typeof e !== 'object') return e;
  switch (e.kind) {
    case 'concat':
      return { concat: e.parts.map(plainKey) };
    case 'prefix':
      return { prefix: { addr: plainKey(e.addr), len: e.len } };
    case 'range':
      return { range: [plainKey(e.from), plainKey(e.to)] };
    case 'wildcard':
      return '*';
    case 'elem':
      return plainKey(e.val);
    case 'binary':
      return { [e.op]: e.operands.map(plainKey) };
    default:
      return String(e.kind);
  }
}

/** A limit of packets has a burst of 5 where none is named, one of bytes none (nft, src/parser_bison.y). */
const burstOf = ({ burst, rateUnit }: Pick<LimitStatement, 'burst' | 'rateUnit'>): number =>
  Number(burst ?? (rateUnit === undefined ? 5 : 0));

function plainStatement(s: Statement, state: StatefulState | undefined): Record<string, unknown> {
  switch (s.kind) {
    case 'counter':
      return {
        counter: {
          packets: Number(s.packets ?? 0) + (state?.packets ?? 0),
          bytes: Number(s.bytes ?? 0) + (state?.bytes ?? 0),
        },
      };
    case 'limit':
      return {
        limit: {
          rate: Number(s.rate),
          burst: burstOf(s),
          per: s.per,
          ...(s.over ? { inv: true } : {}),
          ...(s.rateUnit === undefined ? {} : { rate_unit: s.rateUnit }),
          ...(s.burstUnit === undefined ? {} : { burst_unit: s.burstUnit }),
        },
      };
    case 'quota':
      return {
        quota: {
          val: Number(s.val),
          val_unit: s.valUnit,
          ...(s.over ? { inv: true } : {}),
          ...(state === undefined || state.used === 0 ? {} : { used: state.used, used_unit: 'bytes' }),
        },
      };
    case 'ctCount':
      return { 'ct count': { val: s.val, ...(s.over ? { inv: true } : {}) } };
    default:
      return {};
  }
}

function plainElement(
  e: SetElement,
  statements: readonly Statement[],
  state: StatefulState | undefined,
  timed: boolean,
  /** The set's own time, which is not listed again (nf_tables_fill_setelem). */
  usual?: number,
): unknown {
  const val = plainKey(elementKeyOf(e));
  const first = statements[0];
  const extra = first === undefined ? {} : plainStatement(first, state);
  const options = {
    ...(e.timeout === undefined || Number(e.timeout) === usual ? {} : { timeout: e.timeout }),
    ...(e.comment === undefined ? {} : { comment: e.comment }),
    ...extra,
  };
  const key = timed || Object.keys(options).length > 0 ? { elem: { val, ...options } } : val;
  return e.data === undefined
    ? key
    : [
        key,
        isVerdict(e.data) ? { [e.data.kind]: 'target' in e.data ? { target: e.data.target } : null } : plainKey(e.data),
      ];
}

function plainObject(
  o: NamedObject,
  state: StatefulState | undefined,
): { readonly [key: string]: number | boolean } | undefined {
  switch (o.kind) {
    case 'counter':
      return { packets: state?.packets ?? Number(o.packets), bytes: state?.bytes ?? Number(o.bytes) };
    case 'quota':
      return { bytes: Number(o.bytes), used: state?.used ?? Number(o.used), inv: o.over };
    case 'limit':
      return { rate: Number(o.rate), burst: burstOf(o), ...(o.over ? { inv: true } : {}) };
    default:
      return undefined;
  }
}

/** JSON with sorted keys and a space after commas and colons: the recorded cases list elements in the order of this text. */
function canonical(v: unknown): string {
  if (Array.isArray(v)) return `[${v.map(canonical).join(', ')}]`;
  if (typeof v === 'object' && v !== null) {
    const entries = Object.entries(v).toSorted(([x], [y]) => (x < y ? -1 : 1));
    return `{${entries.map(([k, x]) => `${JSON.stringify(k)}: ${canonical(x)}`).join(', ')}}`;
  }
  return JSON.stringify(v);
}

const writtenSets = new WeakMap<
  Prepared,
  readonly { readonly ref: string; readonly table: number; readonly name: string }[]
>();

/** Sets that some rule adds to or deletes from. */
function writes(p: Prepared) {
  let list = writtenSets.get(p);
  if (list === undefined) {
    list = p.program.tables.flatMap((t, table) => {
      const names = new Set<string>();
      for (const c of t.table.chains)
        for (const r of c.rules)
          for (const s of r.statements)
            if (s.kind === 'setUpdate') names.add(s.set);
            else if (s.kind === 'mapUpdate') names.add(s.map);
      return [...names].map((name) => ({ ref: `${t.family} ${t.name} ${name}`, table, name }));
    });
    writtenSets.set(p, list);
  }
  return list;
}

/** The state as the recorded cases hold it. */
export function stateAfter(p: Prepared, state: SimState): StateAfter {
  const sets: Record<string, unknown[]> = {};
  for (const { ref, table, name } of writes(p)) {
    const set = p.program.tables[table]?.set(name);
    if (set === undefined) continue;
    const overlay = state.sets.get(set.set);
    const timed = set.set.timeout !== undefined || set.set.flags.includes('timeout');
    const listed = set.set.elements
      .filter((e) => overlay === undefined || !overlay.removed.has(keyOf(set.index, e)))
      .map((e) => plainElement(e, e.statements ?? [], state.stateful.get(e), timed && e.expires !== undefined));
    // What a rule adds lives for ever where neither the set nor the rule names a time.
    const added = [...(overlay?.added.values() ?? [])].map((e) =>
      plainElement(
        e.element,
        e.statements,
        e.state,
        set.set.timeout !== undefined,
        set.set.timeout === undefined ? undefined : Number(set.set.timeout),
      ),
    );
    sets[ref] = [...listed, ...added]
      .map((e) => [canonical(e), e] as const)
      .sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0))
      .map(([, e]) => e);
  }
  const objects: Record<string, { readonly [key: string]: number | boolean }> = {};
  for (const t of p.program.tables) {
    for (const o of t.table.objects) {
      const plain = plainObject(o, state.stateful.get(o));
      if (plain !== undefined) objects[`${o.kind} ${t.family} ${t.name} ${o.name}`] = plain;
    }
  }
  return { sets, objects };
}

function keyOf(
  index: { keyOf(e: SetElement): string | number | bigint | undefined },
  e: SetElement,
): string | number | bigint {
  return index.keyOf(e) ?? '';
}
