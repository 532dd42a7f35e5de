/** Prose with marked words: what a view sets in other type, and a reader hears as one sentence. */

export interface Word {
  readonly text: string;
  /** `code` for what nft prints, `name` for a set or chain, `em` for the word that turns the sentence. */
  readonly style: 'plain' | 'code' | 'name' | 'strong' | 'em';
}

export const plain = (text: string): Word => ({ text, style: 'plain' });
export const code = (text: string): Word => ({ text, style: 'code' });
export const name = (text: string): Word => ({ text, style: 'name' });
export const strong = (text: string): Word => ({ text, style: 'strong' });
export const em = (text: string): Word => ({ text, style: 'em' });

/** The sentence without its marks. */
export const wordsText = (words: readonly Word[]): string => words.map((word) => word.text).join('');

/** `1 rule`, `3 rules`. */
export const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;

/** A sentence as a part of another: `Name an interface.` → `name an interface`; `IPv4…` and `nft…` keep their case. */
export const within = (sentence: string): string =>
  (/^[A-Z][a-z]* /.test(sentence) ? sentence.charAt(0).toLowerCase() + sentence.slice(1) : sentence).replace(/\.$/, '');

/** A probability as people say it: `1/3`, `1/2`, else percent. */
export function fraction(p: number): string {
  for (let parts = 1; parts <= 64; parts++) {
    const times = p * parts;
    if (Math.abs(times - Math.round(times)) < 1e-9) return parts === 1 ? 'always' : `${Math.round(times)}/${parts}`;
  }
  const percent = p * 100;
  return percent < 0.1 ? '< 0.1 %' : `${percent < 10 ? percent.toFixed(1) : Math.round(percent)} %`;
}

/** How far a reading of all nodes is: `1 of 3 nodes are read.`, `0 of 1 node is read.` */
export const nodesRead = (done: number, of: number): string =>
  `${done} of ${count(of, 'node')} ${of === 1 ? 'is' : 'are'} read.`;
