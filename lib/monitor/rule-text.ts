/** Rule texts as something to compare: what changes between two listings of one rule, or between two versions of nft, is taken out. */

/** Quoted strings stay as they are. */
export function normaliseRule(text: string): string {
  return text
    .split(/("[^"]*")/)
    .map((part, index) => (index % 2 === 1 ? part : normalisePart(part)))
    .join('')
    .replace(/\s+/g, ' ')
    .trim();
}

const normalisePart = (part: string): string =>
  part
    // Counts, what a quota used, when an element expires.
    .replace(/\bcounter packets \d+ bytes \d+/g, 'counter')
    .replace(/ used \d+ \w+/g, '')
    .replace(/ expires [0-9a-z]+/g, '')
    .replace(/ last used (never|[0-9a-z]+)/g, ' last')
    // The default burst, printed by some versions only.
    .replace(/ burst 5 packets/g, '')
    // Marks and addresses of hexadecimal numbers: `0x00000005` and `0x5` are one.
    .replace(/\b0x0*([0-9a-f]+)\b/g, '0x$1')
    .replace(/\s*([{},])\s*/g, ' $1 ');

/** Rules by place and by text, to find out which rule a line without handle means. */
export interface RuleText {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly handle: number;
  readonly text: string;
}

export class RuleTexts {
  readonly #texts = new Map<string, string>();
  readonly #handles = new Map<string, number[]>();

  constructor(rules: Iterable<RuleText>) {
    for (const { family, table, chain, handle, text } of rules) {
      const normal = normaliseRule(text);
      const at = `${family} ${table} ${chain}`;
      this.#texts.set(`${at} ${handle}`, normal);
      const key = `${at} ${normal}`;
      const same = this.#handles.get(key);
      if (same === undefined) this.#handles.set(key, [handle]);
      else same.push(handle);
    }
  }

  /** Has the chain a rule that reads like this? */
  has(at: { readonly family: string; readonly table: string; readonly chain: string }, text: string): boolean {
    return this.#handles.has(`${at.family} ${at.table} ${at.chain} ${normaliseRule(text)}`);
  }

  /**
   * Is the line this rule? `other`: it is another rule of the same chain. `unknown`: no rule of the chain reads like it, as
   * after a change of the ruleset or with another version's way to print.
   */
  identify(
    at: { readonly family: string; readonly table: string; readonly chain: string; readonly handle: number },
    text: string,
  ): 'same' | 'other' | 'unknown' {
    const place = `${at.family} ${at.table} ${at.chain}`;
    const normal = normaliseRule(text);
    if (this.#texts.get(`${place} ${at.handle}`) === normal) return 'same';
    return this.#handles.has(`${place} ${normal}`) ? 'other' : 'unknown';
  }
}
