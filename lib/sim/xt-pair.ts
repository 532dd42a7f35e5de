/**
 * Which line of `iptables-save` stands for which rule of the listing. nft shows of the parts made by iptables their names only; both
 * listings have the rules of a chain in the same order, so rules pair by position. A pair is checked before it is believed.
 */
import type { Expression, Statement } from '../nft/model';
import type { IptablesRule, IptablesSave, World } from '../world/world';
import type { ProgramRule, ProgramTable } from './program';
import { kernelName, readXtLine, type XtLine } from './xt-line';

/** Why a rule has no line. `missing`: there is no iptables-save of its family. */
export interface Unpaired {
  readonly missing: boolean;
  readonly say: string;
}

const chainsOf = new WeakMap<IptablesSave, ReadonlyMap<string, readonly IptablesRule[]>>();

function byChain(save: IptablesSave): ReadonlyMap<string, readonly IptablesRule[]> {
  let chains = chainsOf.get(save);
  if (chains === undefined) {
    const made = new Map<string, IptablesRule[]>();
    for (const r of save.rules) {
      const key = `${r.table} ${r.chain}`;
      const list = made.get(key);
      if (list === undefined) made.set(key, [r]);
      else list.push(r);
    }
    chains = made;
    chainsOf.set(save, made);
  }
  return chains;
}

/** The line of a rule, or why there is none. */
export function pairRule(
  rule: ProgramRule,
  table: ProgramTable,
  iptables: World['iptables'] | undefined,
): XtLine | Unpaired {
  const read = table.family === 'ip' || table.family === 'ip6' ? iptables?.[table.family] : undefined;
  if (read === undefined || !read.known)
    return {
      missing: true,
      say: `${table.family === 'ip6' ? 'ip6tables-save' : 'iptables-save'} is not in the capture`,
    };
  const save = read.value;
  const { chain, index } = rule.ref;
  const lines = byChain(save).get(`${table.name} ${chain}`) ?? [];
  const listed = table.chains.get(chain)?.rules.length ?? 0;
  if (lines.length !== listed)
    return {
      missing: false,
      say: `iptables-save has ${lines.length} rules in ${table.name} ${chain} and nft ${listed}`,
    };
  const words = lines[index]?.args;
  const line = words === undefined ? undefined : readXtLine(words);
  if (line === undefined) return { missing: false, say: 'its line in iptables-save does not read as a rule' };
  const differs = disagreement(rule.rule.statements, rule.rule.comment, line);
  return differs === undefined ? line : { missing: false, say: `its line in iptables-save has ${differs}` };
}

/** What nft prints in place of a target. */
const NATIVE: Readonly<Partial<Record<Statement['kind'], readonly string[]>>> = {
  accept: ['ACCEPT'],
  drop: ['DROP'],
  return: ['RETURN'],
  masquerade: ['MASQUERADE'],
  redirect: ['REDIRECT'],
  dnat: ['DNAT', 'NETMAP'],
  snat: ['SNAT', 'NETMAP'],
  reject: ['REJECT'],
  log: ['LOG', 'NFLOG'],
  queue: ['NFQUEUE'],
  notrack: ['NOTRACK', 'CT'],
  tproxy: ['TPROXY'],
  dup: ['TEE'],
};

/** What the two listings of a rule disagree about; undefined where they agree. */
function disagreement(statements: readonly Statement[], comment: string | undefined, line: XtLine): string | undefined {
  const { target } = line;
  const open = line.matches.map((m) => kernelName(m.name));
  let seen = false;
  for (const s of statements) {
    switch (s.kind) {
      case 'jump':
      case 'goto':
        if (s.target !== target?.name) return `the target ${target?.name ?? '(none)'} and nft ${s.target}`;
        seen = true;
        break;
      case 'xt': {
        const name = s.name ?? '';
        if (s.type === 'target') {
          if (kernelName(target?.name ?? '') !== name) return `the target ${target?.name ?? '(none)'} and nft ${name}`;
          seen = true;
          break;
        }
        const at = open.indexOf(name);
        if (at < 0) return `no match ${name}`;
        open.splice(at, 1);
        break;
      }
      case 'match': {
        const differs = addressDiffers(s.left, s.right, line);
        if (differs !== undefined) return differs;
        break;
      }
      default: {
        const names = NATIVE[s.kind];
        if (names === undefined) break;
        if (!names.includes(target?.name ?? '')) return `the target ${target?.name ?? '(none)'} and nft ${s.kind}`;
        seen = true;
      }
    }
  }
  const last = statements.at(-1)?.kind;
  if (target !== undefined && !seen && last !== 'mangle') return `the target ${target.name} and nft none`;
  const said = line.matches.find((m) => m.name === 'comment')?.options.find((o) => o.name === '--comment')?.args[0];
  if (comment !== undefined && said !== undefined && comment !== said) return `the comment ${JSON.stringify(said)}`;
  return undefined;
}

const OPTION: Readonly<Record<string, string>> = { saddr: '-s', daddr: '-d' };

function addressDiffers(left: Expression, right: Expression, line: XtLine): string | undefined {
  if (typeof left !== 'object' || left.kind !== 'payload' || !/^ip6?$/.test(left.protocol)) return undefined;
  const option = line.general.find((o) => o.name === OPTION[left.field]);
  const listed =
    typeof right === 'string'
      ? right
      : typeof right === 'object' && right.kind === 'prefix' && typeof right.addr === 'string'
        ? `${right.addr}/${right.len}`
        : undefined;
  if (listed === undefined || OPTION[left.field] === undefined) return undefined;
  const saved = option?.args[0]?.replace(left.protocol === 'ip' ? /\/32$/ : /\/128$/, '');
  return saved === listed ? undefined : `the address ${saved ?? '(none)'} and nft ${listed}`;
}
