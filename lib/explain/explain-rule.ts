/**
 * A rule in plain words, statement by statement, and in one sentence. Says what nft and the kernel do, not what was meant;
 * what is not known says so.
 */
import type { Integer, Rule, Statement } from '../nft/model';
import { unreachable } from '../nft/model';
import { renderExpression } from '../render/render-rule';
import { formatMilliseconds } from '../render/units';
import {
  atWords,
  mangleWords,
  mapName,
  mapped,
  natWords,
  rejectWords,
  setUpdateWords,
  verdictWords,
} from './explain-action';
import { type ExplainContext, goesOn, nested } from './explain-context';
import { limitWords, matchWords, missingField } from './explain-match';
import { fieldWords, listWords } from './field-words';
import { code, count, name, plain, type Word } from './words';

/**
 * One part of the explanation: the words for a statement, or for the `key` or the `lookup` of a verdict map. They read behind
 * `if` for conditions, behind `this rule` for actions.
 */
export interface ExplainedPart {
  readonly statement: number;
  readonly piece?: 'key' | 'lookup';
  readonly role: 'condition' | 'action';
  /** False where nft or nftscope does not know what the statement does; `more` says why. */
  readonly known: boolean;
  readonly words: readonly Word[];
  /** The words in the sentence, where they differ. */
  readonly inSentence?: readonly Word[];
  /** More about it, in a sentence of its own. */
  readonly more?: string;
}

export interface RuleExplanation {
  readonly sentence: readonly Word[];
  readonly parts: readonly ExplainedPart[];
}

export function explainRule(rule: Rule, ctx: ExplainContext): RuleExplanation {
  if (rule.unlisted) {
    return {
      sentence: [plain('nft could not express this rule in JSON, so what it does is not known here.')],
      parts: [],
    };
  }
  const parts = rule.statements.flatMap((statement, index) => explainStatement(statement, index, ctx));
  return { sentence: sentenceOf(parts), parts };
}

/** `If A and B, this rule does C; if also D, it does E.` Statements run left to right, so the order is kept. */
function sentenceOf(parts: readonly ExplainedPart[]): readonly Word[] {
  const words: Word[] = [];
  let conditions: (readonly Word[])[] = [];
  let actions: (readonly Word[])[] = [];
  const flush = (): void => {
    if (actions.length === 0) return;
    const first = words.length === 0;
    if (conditions.length > 0) {
      words.push(plain(first ? 'If ' : '; if also '), ...listWords(conditions, 'and'), plain(', '));
    } else if (!first) words.push(plain('; '));
    words.push(plain(first && conditions.length === 0 ? 'This rule ' : first ? 'this rule ' : 'it '));
    words.push(...listWords(actions, 'and'));
    conditions = [];
    actions = [];
  };
  for (const part of parts) {
    if (part.piece === 'key') continue;
    if (part.role === 'condition') {
      flush();
      conditions.push(part.words);
    } else actions.push(part.inSentence ?? part.words);
  }
  flush();
  if (conditions.length > 0) {
    const lead = words.length === 0 ? 'Checks whether ' : '; then checks whether ';
    words.push(plain(lead), ...listWords(conditions, 'and'), plain(', and does nothing more'));
  }
  if (words.length === 0) return [plain('This rule has no statement: every packet passes it.')];
  return [...words, plain('.')];
}

function explainStatement(statement: Statement, index: number, ctx: ExplainContext): readonly ExplainedPart[] {
  const { render } = ctx;
  const condition = (words: readonly Word[], more?: string): readonly ExplainedPart[] => [
    { statement: index, role: 'condition', known: true, words, ...(more === undefined ? {} : { more }) },
  ];
  const action = (words: readonly Word[], more?: string): readonly ExplainedPart[] => [
    { statement: index, role: 'action', known: true, words, ...(more === undefined ? {} : { more }) },
  ];
  const unknown = (role: 'condition' | 'action', words: readonly Word[], more: string): readonly ExplainedPart[] => [
    { statement: index, role, known: false, words, more },
  ];
  switch (statement.kind) {
    case 'match':
      return condition(matchWords(statement, ctx), missingField(statement));
    case 'accept':
    case 'drop':
    case 'continue':
    case 'return':
    case 'jump':
    case 'goto': {
      const { words, more } = verdictWords(statement, ctx);
      return action(words, more);
    }
    case 'vmap':
      return [
        {
          statement: index,
          piece: 'key',
          role: 'action',
          known: true,
          words: [plain('the key: '), ...fieldWords(statement.key, render)],
        },
        {
          statement: index,
          piece: 'lookup',
          role: 'action',
          known: true,
          words: [
            plain('looks it up '),
            ...mapName(statement.data, ctx),
            plain(' and does what the element found says'),
          ],
          inSentence: [
            plain('looks up the '),
            ...fieldWords(statement.key, render),
            plain(' '),
            ...mapName(statement.data, ctx),
            plain(' and does what the element found says'),
          ],
          more: `Without such an element, ${goesOn(ctx)}.`,
        },
      ];
    case 'counter':
      return action([plain('counts')], counterMore(statement.packets, statement.bytes));
    case 'quota':
      return condition([
        plain(statement.over ? 'more than ' : 'no more than '),
        code(`${statement.val} ${statement.valUnit}`),
        plain(' have passed here'),
      ]);
    case 'limit':
      return condition(limitWords(statement));
    case 'object':
      return objectWords(statement, index, ctx);
    case 'ctCount':
      return condition([
        plain(statement.over ? 'more than ' : 'no more than '),
        plain(`${count(statement.val, 'connection')} ${statement.val === 1 ? 'is' : 'are'} open here`),
      ]);
    case 'last':
      return action(
        [plain('notes when it was last used')],
        statement.used === undefined ? 'Never, so far.' : `${formatMilliseconds(statement.used)} before the capture.`,
      );
    case 'mangle':
      return action(mangleWords(statement.key, statement.value, render));
    case 'reset':
      return action([plain('blanks the '), ...fieldWords(statement.option, render)]);
    case 'notrack':
      return action(
        [plain('keeps the packet out of connection tracking')],
        'No connection entry, and so no address translation, for this packet.',
      );
    case 'snat':
    case 'dnat':
    case 'masquerade':
    case 'redirect': {
      const { words, more } = natWords(statement, ctx);
      return action(words, more);
    }
    case 'tproxy':
      return action(
        [plain('gives the packet to a local proxy'), ...atWords(statement.addr, statement.port, render)],
        'A transparent socket must listen there, and the route must be local; without the socket the rule ends here.',
      );
    case 'dup':
      return action([
        plain('sends a copy'),
        ...(statement.addr === undefined ? [] : [plain(' to '), code(renderExpression(statement.addr, render))]),
        ...(statement.dev === undefined ? [] : [plain(' out of '), code(renderExpression(statement.dev, render))]),
      ]);
    case 'fwd':
      return action(
        [plain('sends the packet out of '), code(renderExpression(statement.dev, render))],
        'No other hook sees it.',
      );
    case 'reject':
      return action(rejectWords(statement), 'The packet itself is dropped; its sender is told at once.');
    case 'log':
      return action([
        plain('writes a line to the '),
        plain(statement.group === undefined ? 'kernel log' : `log group ${statement.group}`),
        ...(statement.prefix === undefined ? [] : [plain(' that begins with '), code(`"${statement.prefix}"`)]),
      ]);
    case 'setUpdate':
      return action(setUpdateWords(statement, ctx), nestedMore(statement.statements, ctx));
    case 'mapUpdate':
      return action(
        [
          plain(`${statement.op === 'delete' ? 'removes' : 'notes'} the `),
          ...fieldWords(statement.elem, render),
          plain(' with the '),
          ...fieldWords(statement.data, render),
          plain(statement.op === 'delete' ? ' from the map ' : ' in the map '),
          name(statement.map),
        ],
        nestedMore(statement.statements, ctx),
      );
    case 'flow':
      return action(
        [plain('hands the connection to the flowtable '), name(statement.flowtable)],
        'Its later packets take a short cut past the hooks.',
      );
    case 'queue':
      return action(
        [
          plain('hands the packet to a program'),
          ...(statement.num === undefined ? [] : [plain(' at queue '), code(renderExpression(statement.num, render))]),
        ],
        statement.flags.includes('bypass')
          ? 'If no program listens, evaluation goes on.'
          : 'The program decides. If none listens, the packet is dropped.',
      );
    case 'synproxy':
      return action(
        [plain("answers the client's SYN in the server's place")],
        'The connection reaches the server when the client has answered.',
      );
    case 'meter':
      return action(
        [plain('keeps for each '), ...fieldWords(statement.key, render), plain(' in '), name(statement.name)],
        nestedMore(statement.statements, ctx),
      );
    case 'xt': {
      const what = statement.name === undefined ? plain('without a name') : code(statement.name);
      const more = 'nft prints only its name. Its parameters are not known here; iptables-save shows them.';
      return statement.type === 'match'
        ? unknown('condition', [plain('the iptables match '), what, plain(' holds')], more)
        : unknown(
            'action',
            [plain(`does what the iptables ${statement.type ?? 'extension'} `), what, plain(' says')],
            more,
          );
    }
    case 'text':
      return unknown(
        'action',
        [plain('does '), code(statement.text)],
        'nft has no JSON form for this, so it stands here as text and is not explained.',
      );
    case 'unsupported':
      return unknown(
        'action',
        [plain('does something nftscope does not know: '), code(statement.name)],
        'It is shown as nft printed it and never guessed at.',
      );
    default:
      return unreachable(statement);
  }
}

/** Statements inside an element decide too: a limit for each key, a counter for each key. */
function nestedMore(statements: readonly Statement[], ctx: ExplainContext): string | undefined {
  if (statements.length === 0) return undefined;
  const inner = nested(ctx.render);
  const parts = statements.flatMap((statement) => explainStatement(statement, 0, inner));
  return `For each element of its own: ${parts.map((p) => p.words.map((w) => w.text).join('')).join('; ')}.`;
}

function objectWords(
  statement: Extract<Statement, { kind: 'object' }>,
  index: number,
  ctx: ExplainContext,
): readonly ExplainedPart[] {
  const which: readonly Word[] =
    typeof statement.name === 'string' ? [name(statement.name)] : mapped(statement.name, ctx);
  const part = (role: 'condition' | 'action', words: readonly Word[]): readonly ExplainedPart[] => [
    { statement: index, role, known: true, words },
  ];
  switch (statement.object) {
    case 'counter':
      return part('action', [plain('counts in the counter '), ...which]);
    case 'quota':
      return part('condition', [plain('the quota '), ...which, plain(' allows it')]);
    case 'limit':
      return part('condition', [plain('the limit '), ...which, plain(' allows it')]);
    case 'ct helper':
      return part('action', [plain('gives the connection the helper '), ...which]);
    case 'ct timeout':
      return part('action', [plain('gives the connection the timeouts '), ...which]);
    case 'ct expectation':
      return part('action', [plain('expects the related connection '), ...which]);
    case 'secmark':
      return part('action', [plain('sets the security mark '), ...which]);
    case 'synproxy':
      return part('action', [plain("answers the client's SYN in the server's place, as set in "), ...which]);
    case 'tunnel':
      return part('action', [plain('sends the packet through the tunnel '), ...which]);
    default:
      return unreachable(statement.object);
  }
}

function counterMore(packets: Integer | undefined, bytes: Integer | undefined): string {
  if (packets === undefined || bytes === undefined) return 'Each packet and its bytes.';
  return `At the capture: ${count(Number(packets), 'packet')}, ${count(Number(bytes), 'byte')}.`;
}
