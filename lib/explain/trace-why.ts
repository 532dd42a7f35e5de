/** Why a rule was passed over, in one sentence with both values, and the line that folds several of them. */
import { unreachable } from '../nft/model';
import type { WhyNot } from '../sim/trace';
import type { Fold } from './trace-steps';
import { code, count, em, name, plain, type Word } from './words';

/** The first match that failed, and what it saw. */
export function whyNot(why: WhyNot): readonly Word[] {
  switch (why.kind) {
    case 'value':
      return whyValue(why);
    case 'missing':
      return [plain('this packet has no '), code(why.field), plain(`: ${why.because}.`)];
    case 'miss':
      return [...whyMiss(why), plain('.')];
    case 'limited':
      return [code(why.what), plain(` says no: ${sentence(why.say)}`)];
    case 'statement':
      return [plain(sentence(why.say))];
    default:
      return unreachable(why);
  }
}

type ValueWhy = Extract<WhyNot, { kind: 'value' }>;
type MissWhy = Extract<WhyNot, { kind: 'miss' }>;

function whyValue({ field, saw, op, wanted }: ValueWhy): readonly Word[] {
  const many = isRange(wanted);
  const value = [code(field), plain(' '), code(saw)];
  if (op === '!=') {
    if (many)
      return [
        ...value,
        plain(' '),
        em('is'),
        plain(' in '),
        code(wanted),
        plain(', so '),
        code('!='),
        plain(' fails.'),
      ];
    return [code(field), plain(' '), em('is'), plain(' '), code(saw), plain(', so '), code('!='), plain(' fails.')];
  }
  if (op === '!') {
    return [...value, plain(' has '), code(wanted), plain(', so '), code('!'), plain(' fails.')];
  }
  if (op === '==' || op === 'in' || op === '') {
    if (many) return [...value, plain(' is not in '), code(wanted), plain('.')];
    return [code(field), plain(' is '), code(saw), plain(', not '), code(wanted), plain('.')];
  }
  return [code(field), plain(' is '), code(saw), plain(', not '), code(`${op} ${wanted}`), plain('.')];
}

function whyMiss({ set, key, size, negated }: MissWhy): readonly Word[] {
  const where = set === undefined ? plain('the set in the rule') : name(`@${set}`);
  if (negated)
    return [code(key), plain(' '), em('is'), plain(' in '), where, plain(', so '), code('!='), plain(' fails')];
  if (size === 0) return [where, plain(' is empty')];
  return [code(key), plain(' is not in '), where, plain(` (${count(size, 'element')})`)];
}

/** A prefix, a range or a set: something a value is in. */
const isRange = (wanted: string): boolean =>
  wanted.startsWith('{') || /^[^\s"]+[-/][^\s"]+$/.test(wanted) || wanted.includes(',');

/** Ends with a full stop, once. */
const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);

/** What a folded square says: `firewall-check: … is not in @firewall-ips; chain ends, policy accept`. */
export function foldWords(fold: Fold): readonly Word[] {
  const only = fold.rules.length === 1 && fold.depth > 0 && fold.ended ? fold.rules[0] : undefined;
  const tail = foldTail(fold);
  if (only) {
    const why = whyNot(only.why);
    const body = why.map((word, i) => (i === why.length - 1 ? { ...word, text: word.text.replace(/\.$/, '') } : word));
    return [plain(`${fold.chain}: `), ...body, plain(tail === '' ? '' : `; ${tail}`)];
  }
  if (fold.rules.length === 0) return [plain(tail === '' ? `end of ${fold.chain}` : `end of ${fold.chain}: ${tail}`)];
  return [plain(count(fold.rules.length, 'rule')), plain(' passed over'), plain(tail === '' ? '' : `; ${tail}`)];
}

function foldTail(fold: Fold): string {
  const chainEnd = fold.ended && fold.rules.length > 0 && fold.depth > 0 ? 'chain ends' : '';
  const policy = fold.untranslated ? 'no translation' : fold.policy ? 'policy accept' : '';
  return [chainEnd, policy].filter((part) => part !== '').join(', ');
}
