/** The columns of a set's elements: parts of the key, of the data, and what else the elements carry. */
import type { DataType } from '../nft/datatypes';
import type { Expression, NftSet, SetElement, Statement, Verdict } from '../nft/model';
import { type ExpressionType, typeOfMapData, typeOfSetType } from '../render/context';
import { isTypeList } from '../render/render-expression';
import { renderExpression } from '../render/render-rule';
import { isVerdict } from '../render/render-verdict';
import { formatSeconds } from '../render/units';
import type { TableIndex } from './ruleset-index';
import type { ColumnView } from './types';

/** A column with how to get its cell: undefined where the element has none. */
export interface Column extends ColumnView {
  readonly cell: (element: SetElement) => string | undefined;
}

const LABELS: ReadonlyMap<string, string> = new Map([
  ['ipv4_addr', 'address'],
  ['ipv6_addr', 'address'],
  ['inet_proto', 'protocol'],
  ['inet_service', 'port'],
  ['ether_addr', 'MAC address'],
  ['ifname', 'interface'],
  ['iface_index', 'interface'],
  ['mark', 'mark'],
]);
const label = (type: string): string => LABELS.get(type) ?? type.replaceAll('_', ' ');

export function columnsOf(index: TableIndex, set: NftSet): readonly Column[] {
  const { ctx } = index;
  const text = (expr: Expression, type: ExpressionType) => renderExpression(expr, ctx, { type, join: '|' });
  const columns: Column[] = parts(typeOfSetType(set.type)).map(({ type, at, of }) =>
    column(`key${at}`, type, label(typeName(type)), (element) => part(element.key, at, of, (expr) => text(expr, type))),
  );
  if (set.data?.kind === 'verdict') {
    columns.push(textColumn('verdict', 'verdict', (e) => verdictOf(e)?.kind));
    columns.push(textColumn('target', 'chain', (e) => targetOf(verdictOf(e))));
  } else if (set.data !== undefined) {
    for (const { type, at, of } of parts(typeOfMapData(set))) {
      const name = `${label(typeName(type))}${set.data.kind === 'object' ? ` (${set.data.object})` : ''}`;
      columns.push(
        column(`data${at}`, type, name, (element) =>
          element.data === undefined || isVerdict(element.data)
            ? undefined
            : part(element.data, at, of, (expr) => text(expr, type)),
        ),
      );
    }
  }
  const optional: readonly Column[] = [
    textColumn('comment', 'comment', (e) => e.comment),
    numberColumn('timeout', 'timeout', (e) => (e.timeout === undefined ? undefined : formatSeconds(e.timeout))),
    numberColumn('expires', 'expires', (e) => (e.expires === undefined ? undefined : formatSeconds(e.expires))),
    numberColumn('packets', 'packets', (e) => counter(e.statements, 'packets')),
    numberColumn('bytes', 'bytes', (e) => counter(e.statements, 'bytes')),
  ];
  return [...columns, ...optional.filter(({ cell }) => set.elements.some((element) => cell(element) !== undefined))];
}

const typeName = (type: DataType | undefined): string => type?.name ?? 'value';
/** The types of a key or of data, one per part of a concatenation. */
export const parts = (
  type: ExpressionType,
): readonly { readonly type: DataType | undefined; readonly at: number; readonly of: number }[] =>
  isTypeList(type) ? type.map((one, at) => ({ type: one, at, of: type.length })) : [{ type, at: 0, of: 1 }];

/** The text of one part of a concatenation; a key that has not that many parts is whole in the first column. */
function part(expr: Expression, at: number, of: number, text: (expr: Expression) => string): string | undefined {
  const plain = typeof expr === 'object' && expr.kind === 'elem' ? expr.val : expr;
  if (of === 1) return text(plain);
  if (typeof plain !== 'object' || plain.kind !== 'concat') return at === 0 ? text(plain) : undefined;
  const one = plain.parts[at];
  return one === undefined ? undefined : text(one);
}

const column = (id: string, type: DataType | undefined, name: string, cell: Column['cell']): Column => ({
  id,
  type: typeName(type),
  label: name,
  numeric: type?.base === 'integer' && type.name !== 'inet_proto',
  cell,
});
const textColumn = (id: string, name: string, cell: Column['cell']): Column => ({
  id,
  type: 'text',
  label: name,
  numeric: false,
  cell,
});
const numberColumn = (id: string, name: string, cell: Column['cell']): Column => ({
  id,
  type: 'number',
  label: name,
  numeric: true,
  cell,
});

const verdictOf = ({ data }: SetElement): Verdict | undefined =>
  data !== undefined && isVerdict(data) ? data : undefined;
const targetOf = (verdict: Verdict | undefined): string | undefined =>
  verdict !== undefined && 'target' in verdict ? verdict.target : undefined;

function counter(statements: readonly Statement[] | undefined, member: 'packets' | 'bytes'): string | undefined {
  const found = statements?.find((statement) => statement.kind === 'counter');
  const value = found?.kind === 'counter' ? found[member] : undefined;
  return value === undefined ? undefined : String(value);
}
