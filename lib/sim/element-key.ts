import type { Expression, SetElement } from '../nft/model';

/** The key of an element without its options. */
export function elementKeyOf(e: SetElement): Expression {
  return typeof e.key === 'object' && e.key.kind === 'elem' ? e.key.val : e.key;
}
