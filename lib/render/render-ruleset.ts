/** A whole ruleset as `nft list ruleset` prints it. */
import type { BaseChain, Chain, Rule, Ruleset, Table } from '../nft/model';
import type { RenderContext } from './context';
import { renderContext } from './context';
import { quote } from './literal';
import { formatPriority } from './priority';
import { deviceList, flowtableLines, objectLines } from './render-object';
import { renderRule } from './render-rule';
import { setLines } from './render-set';

export interface RenderOptions {
  /** With ` # handle N`, as `nft -a`. */
  readonly handles?: boolean;
  /** The nft version whose text is wanted; the one that printed the listing where absent. */
  readonly version?: string;
}

/**
 * Byte for byte the text that `nft list ruleset` (with `handles`: `nft -a list ruleset`) of the same version prints, as far as
 * the JSON holds the facts; see {@link Ruleset.omissions} for what it leaves out.
 */
export function renderRuleset(ruleset: Ruleset, options: RenderOptions = {}): string {
  const version = options.version ?? ruleset.nftVersion;
  return ruleset.tables.map((table) => renderTable(table, version, options.handles === true)).join('');
}

function renderTable(table: Table, version: string | undefined, handles: boolean): string {
  const ctx = renderContext(table, version);
  const handle = (value: number): string => (handles ? ` # handle ${value}` : '');
  const blocks = [
    ...table.objects.map((object) =>
      block(
        `${object.kind === 'unsupported' ? object.object : object.kind} ${object.name}`,
        handle(object.handle),
        objectLines(object, ctx),
      ),
    ),
    ...table.sets.map((set) => block(`${set.kind} ${set.name}`, handle(set.handle), setLines(set, ctx))),
    ...table.flowtables.map((flowtable) =>
      block(`flowtable ${flowtable.name}`, handle(flowtable.handle), flowtableLines(flowtable, ctx)),
    ),
    ...table.chains.map((chain) => block(`chain ${chain.name}`, handle(chain.handle), chainLines(chain, ctx, handle))),
  ];
  return `table ${table.family} ${table.name} {${handle(table.handle)}\n${tableHeader(table, blocks.length > 0)}${blocks.join('\n')}}\n`;
}

function tableHeader(table: Table, hasBlocks: boolean): string {
  const flags = table.flags.length > 0 ? `\tflags ${table.flags.join(',')}\n` : '';
  const comment = table.comment === undefined ? '' : `\tcomment ${quote(table.comment)}\n`;
  return `${flags}${comment}${flags !== '' && hasBlocks ? '\n' : ''}`;
}

function block(title: string, handle: string, lines: readonly string[]): string {
  const body = lines.map((line) => `\t\t${line}\n`).join('');
  return `\t${title} {${handle}\n${body}\t}\n`;
}

/** `type filter hook input priority filter; policy accept;`. Undefined for a regular chain. */
export function renderChainHeader(chain: Chain, ctx: RenderContext): string | undefined {
  const { base } = chain;
  if (base === undefined) return undefined;
  const priority = formatPriority(base.prio, ctx.family, base.hook, ctx.dialect);
  return `type ${base.type} hook ${base.hook}${devicesText(base, ctx)} priority ${priority}; policy ${base.policy};`;
}

function devicesText({ devices }: BaseChain, ctx: RenderContext): string {
  const [first, ...more] = devices;
  if (first === undefined) return '';
  return more.length === 0 ? ` device ${quote(first)}` : ` devices = { ${deviceList(devices, ctx)} }`;
}

function chainLines(chain: Chain, ctx: RenderContext, handle: (value: number) => string): readonly string[] {
  const lines: string[] = [];
  if (chain.comment !== undefined) lines.push(`comment ${quote(chain.comment)}`);
  const header = renderChainHeader(chain, ctx);
  if (header !== undefined) lines.push(header);
  for (const rule of chain.rules) lines.push(ruleLine(rule, ctx, handle));
  return lines;
}

function ruleLine(rule: Rule, ctx: RenderContext, handle: (value: number) => string): string {
  return `${renderRule(rule, ctx)}${handle(rule.handle)}`;
}
