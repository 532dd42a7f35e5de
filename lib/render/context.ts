import type { DataType } from '../nft/datatypes';
import { dataTypeByName, STRING } from '../nft/datatypes';
import type { Family, NftSet, SetType, Table } from '../nft/model';
import { typeOfExpression } from '../nft/type-of-expression';
import type { Dialect } from './dialect';
import { dialectOf } from './dialect';

/** One type, one per part of a concatenation, or unknown. */
export type ExpressionType = DataType | readonly DataType[] | undefined;

/** What rendering a rule, an element or an expression needs to know of its surroundings. */
export interface RenderContext {
  readonly family: Family;
  readonly dialect: Dialect;
  /** Sets and maps of the table by name, for the types of their keys. */
  readonly sets: ReadonlyMap<string, NftSet>;
}

/** The context of everything in a table, as listed by nft of the given version (`Ruleset.nftVersion`). */
export function renderContext(table: Pick<Table, 'family' | 'sets'>, version: string | undefined): RenderContext {
  const sets = new Map(table.sets.map((set) => [set.name, set]));
  return { family: table.family, dialect: dialectOf(version), sets };
}

/** The types behind `type a . b` or `typeof EXPRESSION`. */
export function typeOfSetType(type: SetType): ExpressionType {
  return type.kind === 'typeof' ? typeOfExpression(type.expr) : typesByName(type.names);
}

/** Undefined as a whole where one name is unknown. */
function typesByName(names: readonly string[]): ExpressionType {
  const types: DataType[] = [];
  for (const name of names) {
    const type = dataTypeByName(name);
    if (type === undefined) return undefined;
    types.push(type);
  }
  return types.length === 1 ? types[0] : types;
}

/** The type of what a map maps to: quoted names for objects, undefined for verdicts. */
export function typeOfMapData(set: NftSet): ExpressionType {
  const { data } = set;
  if (data === undefined) return undefined;
  switch (data.kind) {
    case 'types':
      return typesByName(data.names);
    case 'typeof':
      return typeOfExpression(data.expr);
    case 'object':
      return STRING;
    case 'verdict':
      return undefined;
  }
}
