/** `add`, `update` and `delete` of elements of sets and maps by rules (net/netfilter/nft_dynset.c). */
import { CLASSID, type DataType, IFACE_INDEX } from '../nft/datatypes';
import type { Expression, MapUpdateStatement, SetUpdateStatement } from '../nft/model';
import { compileExpression, findInSet, type Scope, typesIn } from './compile-expression';
import type { Context } from './environment';
import { placed, torn } from './misprints';
import { Broken, type Op } from './op';
import { need } from './operand';
import { runStateful, setCount, setLimit } from './set-update';
import { newStateful } from './state';
import { formatValue, type Scalar, type Value, valueKey } from './value';

export function compileSetUpdate(s: SetUpdateStatement, scope: Scope): Op {
  const set = scope.table.set(s.set);
  const elem = typeof s.elem === 'object' && s.elem.kind === 'elem' ? s.elem : undefined;
  const given = elem === undefined ? s.elem : elem.val;
  if (torn(given)) return misplaced;
  const value = placed(given);
  const get = compileExpression(value, scope);
  const types = typesIn(value, scope);
  const statements = s.statements.length > 0 ? s.statements : (elem?.statements ?? []);
  return (c) => {
    if (set === undefined)
      return c.run.undecided(
        'set-not-listed',
        `The set @${s.set} is not in the listing.`,
        'List the whole table.',
        c.at,
      );
    const v = need(get(c), c);
    if (v instanceof Broken) return v;
    const shown = formatValue(set.types.length > 0 ? set.types : types, v);
    const key = valueKey(v);
    const overlay = c.run.state.overlay(set.set);
    const found = findInSet(set, v, c);
    if (s.op === 'delete') {
      if (found !== undefined) {
        if (!overlay.added.delete(key)) overlay.removed.add(key);
        overlay.dead++;
        c.record?.writes.push({ field: `@${s.set}`, before: shown, after: 'deleted' });
      }
      return undefined;
    }
    const declared = statements.length > 0 ? statements : set.set.statements;
    if (found !== undefined) {
      // An element keeps the statements it was added with; those of this rule do not replace them.
      const own = found.dynamic?.statements ?? found.element.statements ?? [];
      const state = found.dynamic?.state ?? c.run.state.of(found.element);
      const ok = runStateful(own, state, c);
      return ok === true ? undefined : new Broken({ kind: 'limited', what: `@${s.set}`, say: ok });
    }
    if (setCount(set, c) >= setLimit(set)) return new Broken({ kind: 'statement', say: `@${s.set} is full` });
    const state = newStateful();
    overlay.added.set(key, {
      key,
      state,
      statements: declared,
      element: {
        key: literalOf(set.types.length > 0 ? set.types : types, v, c),
        ...(elem?.timeout === undefined ? {} : { timeout: elem.timeout }),
        ...(declared.length > 0 ? { statements: declared } : {}),
      },
    });
    c.record?.writes.push({ field: `@${s.set}`, before: 'absent', after: shown });
    const ok = runStateful(declared, state, c);
    return ok === true ? undefined : new Broken({ kind: 'limited', what: `@${s.set}`, say: ok });
  };
}

export function compileMapUpdate(s: MapUpdateStatement, scope: Scope): Op {
  const set = scope.table.set(s.map);
  const elem = typeof s.elem === 'object' && s.elem.kind === 'elem' ? s.elem : undefined;
  const given = elem === undefined ? s.elem : elem.val;
  if (torn(given)) return misplaced;
  const value = placed(given);
  const get = compileExpression(value, scope);
  const types = typesIn(value, scope);
  const data = compileExpression(s.data, scope, set?.dataTypes[0]);
  return (c) => {
    if (set === undefined)
      return c.run.undecided(
        'set-not-listed',
        `The map @${s.map} is not in the listing.`,
        'List the whole table.',
        c.at,
      );
    const v = need(get(c), c);
    if (v instanceof Broken) return v;
    const key = valueKey(v);
    const overlay = c.run.state.overlay(set.set);
    if (s.op === 'delete') {
      if (findInSet(set, v, c) === undefined) return undefined;
      if (!overlay.added.delete(key)) overlay.removed.add(key);
      overlay.dead++;
      return undefined;
    }
    const d = need(data(c), c);
    if (d instanceof Broken) return d;
    const found = findInSet(set, v, c);
    if (found !== undefined) return undefined;
    if (setCount(set, c) >= setLimit(set)) return new Broken({ kind: 'statement', say: `@${s.map} is full` });
    overlay.added.set(key, {
      key,
      state: newStateful(),
      statements: [],
      element: {
        key: literalOf(set.types.length > 0 ? set.types : types, v, c),
        data: literalOf(set.dataTypes, d, c),
        ...(elem?.timeout === undefined ? {} : { timeout: elem.timeout }),
      },
    });
    c.record?.writes.push({
      field: `@${s.map}`,
      before: 'absent',
      after: `${formatValue(types, v)} : ${formatValue(set.dataTypes, d)}`,
    });
    return undefined;
  };
}

const misplaced: Op = (c) =>
  c.run.undecided(
    'listing-wrong',
    'The rule adds a field that lies in two bytes: nft 1.0.6 makes another value of it.',
    'Assume what the set holds.',
    c.at,
  );

/** A value as the literal nft would list. */
function literalOf(types: readonly DataType[], v: Value, c: Context): Expression {
  const one = (t: DataType | undefined, x: Scalar): Expression => {
    if (typeof x === 'string' || t === undefined) return x;
    if (t === IFACE_INDEX) return c.run.p.linkByIndex.get(Number(x))?.name ?? String(x);
    if (t === CLASSID) return classidLiteral(Number(x));
    if (t.base === 'bitmask' && t.symbols !== undefined) return flagsLiteral(t, Number(x));
    if (t.base === 'address' || t.symbols !== undefined) {
      const text = formatValue(t, x);
      return /^\d+$/.test(text) ? Number(text) : text;
    }
    return x;
  };
  if (!Array.isArray(v)) return one(types[0], v as Scalar);
  return { kind: 'concat', parts: (v as readonly Scalar[]).map((x, i) => one(types[i], x)) };
}

/** `1:2`, with a word for none of them and for all (tchandle_type_print of nft's src/meta.c). */
function classidLiteral(value: number): string {
  if (value === 0) return 'none';
  if (value === 0xffffffff) return 'root';
  return `${(value >>> 16).toString(16)}:${(value & 0xffff).toString(16)}`;
}

/** Each bit by its name, or the number where none is set. */
function flagsLiteral(type: DataType, value: number): Expression {
  const operands = Array.from({ length: 32 }, (_, i) => (value & (1 << i)) >>> 0)
    .filter((bit) => bit !== 0)
    .map((bit) => type.symbols?.byValue.get(bit) ?? bit);
  if (operands.length > 1) return { kind: 'binary', op: '|', operands };
  return operands[0] ?? 0;
}
