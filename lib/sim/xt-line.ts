/** A line of iptables-save taken apart: general options, matches with their options, target (iptables/xshared.c, command_default). */

/** One option with what it is given: `! --dport 80:90`. */
export interface XtOption {
  readonly name: string;
  readonly not: boolean;
  readonly args: readonly string[];
}

/** A match or target with its options. */
export interface XtPart {
  readonly name: string;
  readonly options: readonly XtOption[];
}

export interface XtLine {
  /** `-s`, `-d`, `-i`, `-o`, `-p`, `-f`. */
  readonly general: readonly XtOption[];
  readonly matches: readonly XtPart[];
  /** Undefined for a rule that only counts. `goto` for `-g`. */
  readonly target: (XtPart & { readonly goto: boolean }) | undefined;
}

/** Options whose arguments may look like options: how many there are. All others end at the next word that begins with `-` or is `!`. */
const ARITY: Readonly<Record<string, number>> = {
  '--comment': 1,
  '--log-prefix': 1,
  '--nflog-prefix': 1,
  '--ulog-prefix': 1,
  '--string': 1,
  '--hex-string': 1,
  '--bytecode': 1,
  '--u32': 1,
  '--tcp-flags': 2,
  '--match-set': 2,
  '--name': 1,
  '--hashlimit-name': 1,
  '--hashmode-name': 1,
  '-i': 1,
  '-o': 1,
};

/** The words after `-A CHAIN`. Undefined where they do not read as a rule. */
export function readXtLine(words: readonly string[]): XtLine | undefined {
  const general: XtOption[] = [];
  const matches: { name: string; options: XtOption[] }[] = [];
  let target: { name: string; options: XtOption[]; goto: boolean } | undefined;
  let not = false;
  for (let at = 0; at < words.length; ) {
    const word = words[at++] ?? '';
    if (word === '!') {
      not = true;
      continue;
    }
    if (!word.startsWith('-')) return undefined;
    const args: string[] = [];
    const fixed = ARITY[word];
    while (at < words.length && (fixed === undefined ? !/^(!|-.+)$/.test(words[at] ?? '') : args.length < fixed))
      args.push(words[at++] ?? '');
    if (word === '-m' || word === '-j' || word === '-g') {
      const name = args[0];
      if (name === undefined || args.length > 1) return undefined;
      if (word === '-m') matches.push({ name, options: [] });
      else target = { name, options: [], goto: word === '-g' };
    } else {
      const into = target?.options ?? matches.at(-1)?.options ?? general;
      into.push({ name: word, not, args });
    }
    not = false;
  }
  return { general, matches, target };
}

/** Modules that iptables-save prints under another name than the kernel's. */
const ALIASES: Readonly<Record<string, string>> = { state: 'conntrack', NOTRACK: 'CT' };

/** The name under which nft lists a module. */
export const kernelName = (name: string): string => ALIASES[name] ?? name;

/** The option of that name, any of the spellings given. */
export const optionOf = (part: XtPart, ...names: readonly string[]): XtOption | undefined =>
  part.options.find((o) => names.includes(o.name));

/** What that option is given first. */
export const argOf = (part: XtPart, ...names: readonly string[]): string | undefined =>
  optionOf(part, ...names)?.args[0];
