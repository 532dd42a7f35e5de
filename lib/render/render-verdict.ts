import type { Expression, Statement, Verdict } from '../nft/model';
import type { Out } from './tokens';

export function isVerdict(value: Expression | Verdict | Statement): value is Verdict {
  if (typeof value !== 'object') return false;
  switch (value.kind) {
    case 'accept':
    case 'drop':
    case 'continue':
    case 'return':
    case 'jump':
    case 'goto':
      return true;
    default:
      return false;
  }
}

/** `accept`, `jump chain`; the chain is a token of its own. */
export function writeVerdict(out: Out, verdict: Verdict): void {
  switch (verdict.kind) {
    case 'jump':
    case 'goto':
      out.put('verdict', verdict.kind);
      out.put('punctuation', ' ');
      out.put('name', verdict.target, { kind: 'chain', name: verdict.target });
      return;
    default:
      out.put('verdict', verdict.kind);
  }
}
