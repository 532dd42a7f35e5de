/** A rule as one line of text, or as tokens for a view. */
import type { Expression, Rule, SetElement, Statement } from '../nft/model';
import type { ExpressionType, RenderContext } from './context';
import { quote } from './literal';
import type { Against } from './render-expression';
import { writeElement, writeExpression } from './render-expression';
import { writeStatement } from './render-statement';
import type { Out, Token } from './tokens';
import { TextOut, TokenOut } from './tokens';

/** Statements and comment; the handle belongs to the listing, not to the rule. `at` is told which statement comes next. */
function writeRule(out: Out, rule: Rule, ctx: RenderContext, at: (statement: number) => void): void {
  for (const [index, statement] of rule.statements.entries()) {
    if (index > 0) {
      at(-1);
      out.put('punctuation', ' ');
    }
    at(index);
    writeStatement(out, statement, ctx);
  }
  at(-1);
  if (rule.comment === undefined) return;
  if (rule.statements.length > 0) out.put('punctuation', ' ');
  out.put('comment', `comment ${quote(rule.comment)}`);
}

const nowhere = (): void => undefined;

/** The text of a rule as `nft list ruleset` prints it, without indentation and handle. */
export function renderRule(rule: Rule, ctx: RenderContext): string {
  const out = new TextOut();
  writeRule(out, rule, ctx, nowhere);
  return out.text;
}

/** The same text in parts: joined, the texts of the tokens are exactly {@link renderRule}. */
export function renderRuleTokens(rule: Rule, ctx: RenderContext): readonly Token[] {
  const out = new TokenOut();
  writeRule(out, rule, ctx, (statement) => {
    out.statement = statement;
  });
  return out.tokens;
}

export function renderStatement(statement: Statement, ctx: RenderContext): string {
  const out = new TextOut();
  writeStatement(out, statement, ctx);
  return out.text;
}

/** An expression; `against` gives the type of literals and what the expression is compared with. */
export function renderExpression(expr: Expression, ctx: RenderContext, against?: Against): string {
  const out = new TextOut();
  writeExpression(out, expr, ctx, against);
  return out.text;
}

/** An element as it stands in the list of its set; the types are those of the set's keys and data. */
export function renderElement(
  element: SetElement,
  ctx: RenderContext,
  type: ExpressionType,
  dataType?: ExpressionType,
): string {
  const out = new TextOut();
  writeElement(out, element, ctx, type, dataType);
  return out.text;
}
