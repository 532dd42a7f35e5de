/** Sets and maps: their declaration and their list of elements. */
import type { MapData, NftSet, SetType, Statement } from '../nft/model';
import type { ExpressionType, RenderContext } from './context';
import { typeOfMapData, typeOfSetType } from './context';
import { quote } from './literal';
import { writeElement, writeExpression } from './render-expression';
import { writeDeclaredStateful } from './render-stateful';
import { TextOut } from './tokens';
import { formatSeconds } from './units';

/** The lines of a declaration without indentation: `type ipv4_addr`, `flags interval`, `timeout 1h`, … */
export function renderSetHeader(set: NftSet, ctx: RenderContext): readonly string[] {
  const lines = [typeLine(set, ctx)];
  if (set.policy !== undefined) lines.push(`policy ${set.policy}`);
  if (set.size !== undefined) lines.push(sizeLine(set.size, set.count, ctx));
  const flags = flagsOf(set);
  if (flags.length > 0) lines.push(`flags ${flags.join(',')}`);
  if (set.statements.length > 0) lines.push(declaredStatements(set.statements, ctx));
  if (set.autoMerge) lines.push('auto-merge');
  if (set.timeout !== undefined) lines.push(`timeout ${formatSeconds(set.timeout)}`);
  if (set.gcInterval !== undefined) lines.push(`gc-interval ${formatSeconds(set.gcInterval)}`);
  if (set.comment !== undefined) lines.push(`comment ${quote(set.comment)}`);
  return lines;
}

/** Declaration and elements, as they stand between the braces of the block. */
export function setLines(set: NftSet, ctx: RenderContext): readonly string[] {
  const lines = renderSetHeader(set, ctx);
  return set.elements.length === 0 ? lines : [...lines, elementsLine(set, ctx)];
}

function sizeLine(size: number, count: number | undefined, ctx: RenderContext): string {
  return `size ${size}${count === undefined || !ctx.dialect.setCount ? '' : `\t# count ${count}`}`;
}

function declaredStatements(statements: readonly Statement[], ctx: RenderContext): string {
  const out = new TextOut();
  for (const [index, statement] of statements.entries()) {
    if (index > 0) out.put('punctuation', ' ');
    writeDeclaredStateful(out, statement, ctx);
  }
  return out.text;
}

/** The order of the flags in text, whatever the JSON's. */
const FLAG_ORDER = ['constant', 'dynamic', 'interval', 'timeout'];

function flagsOf(set: NftSet): readonly string[] {
  const flags = FLAG_ORDER.filter((flag) => set.flags.includes(flag));
  // A default timeout says as much as the flag, unless other flags are listed anyway.
  return flags.length === 1 && flags[0] === 'timeout' && set.timeout !== undefined ? [] : flags;
}

function typeLine(set: NftSet, ctx: RenderContext): string {
  const out = new TextOut();
  out.put('keyword', `${set.type.kind === 'typeof' ? 'typeof' : 'type'} `);
  writeType(out, set.type, ctx);
  if (set.data !== undefined) {
    out.put('punctuation', ' : ');
    writeDataType(out, set.data, ctx);
  }
  return out.text;
}

function writeType(out: TextOut, type: SetType, ctx: RenderContext): void {
  if (type.kind === 'typeof') writeExpression(out, type.expr, ctx);
  else out.put('name', type.names.join(' . '));
}

function writeDataType(out: TextOut, data: MapData, ctx: RenderContext): void {
  switch (data.kind) {
    case 'verdict':
      out.put('verdict', 'verdict');
      break;
    case 'object':
      out.put('name', data.object);
      break;
    default:
      writeType(out, data, ctx);
      break;
  }
}

const WRAP = ',\n\t\t\t     ';

/** Elements on one line, by the type of the key; 1 for every other type. Measured with nft 1.0.6, 1.1.3 and 1.1.7. */
const PER_LINE: ReadonlyMap<string, number> = new Map([
  ['integer', 5],
  ['inet_service', 5],
  ['inet_proto', 5],
  ['mark', 5],
  ['uid', 5],
  ['gid', 5],
  ['iface_index', 5],
  ['classid', 5],
  ['arp_op', 5],
  ['tcp_flag', 5],
  ['dccp_pkttype', 5],
  ['ipv4_addr', 2],
  ['ct_state', 2],
  ['ct_status', 2],
  ['ct_dir', 2],
  ['pkt_type', 2],
  ['nf_proto', 2],
]);

function elementsPerLine(set: NftSet, type: ExpressionType, ctx: RenderContext): number {
  if (type === undefined || !('name' in type)) return 1;
  return ctx.dialect.richElementPerLine && isRich(set) ? 1 : (PER_LINE.get(type.name) ?? 1);
}

/** True where elements may carry more than a value. */
function isRich(set: NftSet): boolean {
  return (
    set.kind === 'map' ||
    set.timeout !== undefined ||
    set.flags.includes('timeout') ||
    set.statements.length > 0 ||
    set.elements.some(({ comment }) => comment !== undefined)
  );
}

function elementsLine(set: NftSet, ctx: RenderContext): string {
  const type = typeOfSetType(set.type);
  const dataType = typeOfMapData(set);
  const perLine = elementsPerLine(set, type, ctx);
  const out = new TextOut();
  out.put('keyword', 'elements = { ');
  for (const [index, element] of set.elements.entries()) {
    if (index > 0) out.put('punctuation', index % perLine === 0 ? WRAP : ', ');
    writeElement(out, element, ctx, type, dataType);
  }
  out.put('punctuation', ' }');
  return out.text;
}
