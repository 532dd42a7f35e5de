/** What the parts of an explanation share. */
import type { Expression } from '../nft/model';
import { typeOfExpression } from '../nft/type-of-expression';
import type { RenderContext } from '../render/context';
import { renderExpression } from '../render/render-rule';
import { count, plain, type Word } from './words';

/** What the words need to know beyond the rule itself. */
export interface ExplainContext {
  /** For literals; `sets` may be empty. */
  readonly render: RenderContext;
  /** Sizes of the sets and maps the rule names. */
  readonly sizes: ReadonlyMap<string, number>;
  /** Handle of the next rule of the chain; null where this is the last one. */
  readonly next: number | null;
  /** True in a base chain, where the end means the policy. */
  readonly base: boolean;
}

const NO_SIZE: ReadonlyMap<string, number> = new Map();
/** For the words of a statement that stands in another one. */
export const nested = (render: RenderContext): ExplainContext => ({ render, sizes: NO_SIZE, next: null, base: false });

export const valueText = (left: Expression, value: Expression, render: RenderContext): string =>
  renderExpression(value, render, { type: typeOfExpression(left), join: ',' });

/** ` (36 elements)`, where the size is known. */
export function size(set: string, ctx: ExplainContext): readonly Word[] {
  const elements = ctx.sizes.get(set);
  return elements === undefined ? [] : [plain(` (${count(elements, 'element')})`)];
}

/** What happens where the rule does not end the packet's way through the chain. */
export function goesOn(ctx: ExplainContext): string {
  if (ctx.next !== null) return `evaluation goes on with rule ${ctx.next}`;
  return ctx.base
    ? 'the chain ends and its policy decides'
    : 'the chain ends, and evaluation goes back to where it was called';
}
