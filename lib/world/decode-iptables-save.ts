/** Output of `iptables-save`, `ip6tables-save` (iptables/iptables-save.c) → rules in the order of their chains. */
import { decoding, fail } from '../net/json-cursor';
import type { Result } from '../net/result';
import type { IpFamily, IptablesRule, IptablesSave, LegacyChain } from './world';

/** Lines `*table`, `:CHAIN POLICY [counters]`, `[p:b] -A CHAIN …`, `COMMIT`, `# comment`. Policies are in nft's own listing. */
export function decodeIptablesSave(text: string, family: IpFamily): Result<IptablesSave> {
  return decoding(() => {
    const rules: IptablesRule[] = [];
    let table: string | undefined;
    for (const [index, line] of text.split('\n').entries()) {
      const path = `line ${index + 1}`;
      if (line === '' || line.startsWith('#') || line.startsWith(':')) continue;
      if (line.startsWith('*')) table = line.slice(1).trim();
      else if (line.trim() === 'COMMIT') table = undefined;
      else if (table === undefined) fail(path, `expected *TABLE, got ${JSON.stringify(line.slice(0, 80))}`);
      else rules.push(decodeRule(line, table, path));
    }
    return { family, rules };
  });
}

function decodeRule(line: string, table: string, path: string): IptablesRule {
  const words = splitWords(line, path);
  const counters = /^\[(\d+):(\d+)\]$/.exec(words[0] ?? '');
  const [append, chain, ...args] = counters === null ? words : words.slice(1);
  if (append !== '-A' || chain === undefined)
    return fail(path, `expected -A CHAIN, got ${JSON.stringify(line.slice(0, 80))}`);
  return {
    table,
    chain,
    args,
    ...(counters !== null && { counters: [Number(counters[1]), Number(counters[2])] as const }),
  };
}

/** The chains of `iptables-legacy-save`: policies from the lines `:CHAIN POLICY`, and how many rules each has. */
export function decodeLegacySave(text: string): Result<readonly LegacyChain[]> {
  return decoding(() => {
    const save = decodeIptablesSave(text, 'ip');
    if (!save.ok) return fail(save.problem.path ?? 'iptables-legacy-save', save.problem.say);
    const chains: LegacyChain[] = [];
    let table = '';
    for (const line of text.split('\n')) {
      if (line.startsWith('*')) table = line.slice(1).trim();
      const declared = /^:(\S+) (\S+)/.exec(line);
      if (declared === null) continue;
      const [, chain = '', policy = '-'] = declared;
      const rules = save.value.rules.filter((r) => r.table === table && r.chain === chain).length;
      chains.push({ table, chain, policy, rules });
    }
    return chains;
  });
}

/** Words separated by blanks; double quotes hold blanks together, and a backslash the character after it (xtables_save_string). */
function splitWords(line: string, path: string): readonly string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quoted = false;
  for (let i = 0; i < line.length; i++) {
    const c = line.charAt(i);
    if (quoted && c === '\\') word = (word ?? '') + line.charAt(++i);
    else if (c === '"') {
      quoted = !quoted;
      word ??= '';
    } else if (!quoted && (c === ' ' || c === '\t')) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + c;
  }
  if (quoted) fail(path, 'a quote is not closed');
  if (word !== undefined) words.push(word);
  return words;
}
