/** Values that statements need, and the changes they write down. */
import type { DataType } from '../nft/datatypes';
import { type compileExpression, Miss, settled } from './compile-expression';
import type { Context } from './environment';
import { Broken, stop } from './op';
import { formatValue, Missing, Unknown, type Value } from './value';

/** A value, or the reason for which the rule ends; what is unknown ends the run. */
export function need(v: ReturnType<ReturnType<typeof compileExpression>>, c: Context): Value | Broken {
  const s = settled(v, c);
  if (s instanceof Unknown) return stop(c, s);
  if (s instanceof Missing)
    return new Broken(s instanceof Miss ? s.why : { kind: 'missing', field: s.field, because: s.because });
  return s;
}

export function write(c: Context, field: string, types: DataType | undefined, before: Value, after: Value): void {
  if (c.record === undefined) return;
  const b = formatValue(types, before);
  const a = formatValue(types, after);
  if (a !== b) c.record.writes.push({ field, before: b, after: a });
}

/** Compiles the statements of a rule, once. */
