/** What the cases exercised: how often an expression, statement, verdict, hook or family was part of a rule that the kernel matched. */
import { NOT_MEASURED } from '../../lib/sim/not-measured';
import type { CaseResult } from './lab';

type Json = { readonly [key: string]: unknown };

const isObject = (v: unknown): v is Json => typeof v === 'object' && v !== null && !Array.isArray(v);

/** Words for the expressions in a piece of nft JSON. */
function* expressions(v: unknown): Generator<string> {
  if (Array.isArray(v)) {
    for (const x of v) yield* expressions(x);
    return;
  }
  if (!isObject(v)) return;
  for (const [kind, body] of Object.entries(v)) {
    if (!isObject(body)) {
      if (kind === 'set' || kind === 'concat') yield kind === 'set' ? 'anonymous set' : 'concatenation';
      yield* expressions(body);
      continue;
    }
    switch (kind) {
      case 'payload':
        yield 'protocol' in body
          ? `${String(body.protocol)} ${String(body.field)}`
          : `raw payload @${String(body.base)}`;
        break;
      case 'meta':
        yield `meta ${String(body.key)}`;
        break;
      case 'ct':
        yield `ct ${body.dir === undefined ? '' : `${String(body.dir)} `}${String(body.key)}`;
        break;
      case 'rt':
      case 'socket':
        yield `${kind} ${String(body.key)}`;
        break;
      case 'fib':
        yield `fib ${String(body.flags)} ${String(body.result)}`;
        break;
      case 'tcp option':
      case 'ip option':
      case 'exthdr':
        yield `${kind} ${String(body.name)}${body.field === undefined ? '' : ` ${String(body.field)}`}`;
        break;
      case 'numgen':
        yield `numgen ${String(body.mode)}`;
        break;
      case 'jhash':
      case 'prefix':
      case 'map':
      case '|':
      case '&':
      case '^':
      case '<<':
      case '>>':
      case 'range':
        yield kind;
        break;
      default:
    }
    yield* expressions(body);
  }
}

function statement(s: Json): string {
  const kind = Object.keys(s)[0] ?? '';
  const body = s[kind];
  if (kind === 'match' && isObject(body)) return `match ${String(body.op)}`;
  if (kind === 'mangle' && isObject(body)) return `set ${[...expressions(body.key)].join(' ')}`;
  if (kind === 'set' && isObject(body)) return `${String(body.op)} @set`;
  if (kind === 'reject' && isObject(body))
    return `reject ${String(body.type ?? '')} ${String(body.expr ?? '')}`.trimEnd();
  return kind;
}

/** The part about what no kernel was asked about. */
const notMeasured = (): readonly string[] => [
  '## Not measured',
  '',
  'The laboratory cannot ask about these: its kernel lacks them, or nothing it sends shows them. Nothing here is held against a kernel,',
  'and a trace that rests on one of them says so.',
  '',
  '| what | what a trace does |',
  '| --- | --- |',
  ...NOT_MEASURED.map(({ what, does }) => `| ${what} | ${does} |`),
  '',
];

/** What a run was. */
interface Ran {
  readonly versions: string;
  /** The arguments that choose the same cases again. */
  readonly seeds: string;
  readonly tally: { readonly [verdict: string]: number };
  readonly packets: number;
  /** Seeds. */
  readonly disagreed: readonly number[];
}

/** Where in docs/conformance.md the written part begins; what stands above is kept. */
export const COVERAGE_BEGINS = '## Coverage';

export class Coverage {
  private readonly counts = new Map<string, Map<string, number>>();

  private count(section: string, name: string): void {
    const of = this.counts.get(section) ?? new Map<string, number>();
    of.set(name, (of.get(name) ?? 0) + 1);
    this.counts.set(section, of);
  }

  /** Counts the rules that matched in packets on which both sides agreed. */
  add(result: CaseResult): void {
    const listing = result.listing as { readonly nftables: readonly Json[] } | undefined;
    if (listing === undefined) return;
    const rules = new Map<string, Json>();
    for (const { rule } of listing.nftables)
      if (isObject(rule)) rules.set(`${String(rule.family)} ${String(rule.table)} ${String(rule.handle)}`, rule);
    for (const p of result.packets) {
      if (p.verdict !== 'agreed') continue;
      for (const step of p.branch?.steps ?? []) {
        if (step.kind === 'chain') {
          this.count('Families and hooks', `${step.family} ${step.hook} (${step.type})`);
          continue;
        }
        if (step.kind !== 'rule') continue;
        this.count('Verdicts', step.verdict);
        const rule = rules.get(`${step.at.family} ${step.at.table} ${step.at.handle}`);
        for (const s of (rule?.expr ?? []) as readonly Json[]) {
          this.count('Statements', statement(s));
          for (const e of expressions(s)) this.count('Expressions', e);
        }
      }
    }
  }

  /** The part of docs/conformance.md that is written anew: what ran, the tables, and what was not measured. */
  markdown({ versions, seeds, tally, packets, disagreed }: Ran): string {
    const lines = [
      COVERAGE_BEGINS,
      '',
      `Written by \`npm run conformance -- ${seeds} --coverage docs/conformance.md\` on ${versions}.`,
      '',
      `Cases: ${Object.entries(tally)
        .map(([k, n]) => `${k} ${n}`)
        .join(
          ', ',
        )}; packets: ${packets}. What disagreed: ${disagreed.length === 0 ? 'nothing' : disagreed.join(', ')}.`,
      'Expressions, statements and verdicts are counted in rules that matched and on which both sides agreed; families and hooks in',
      'base chains begun.',
      '',
    ];
    for (const [section, of] of [...this.counts].sort(([a], [b]) => (a < b ? -1 : 1))) {
      lines.push(`### ${section}`, '', '| what | times |', '| --- | ---: |');
      for (const [name, n] of [...of].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)))
        lines.push(`| \`${name.replaceAll('|', '\\|')}\` | ${n} |`);
      lines.push('');
    }
    lines.push(...notMeasured());
    return lines.join('\n');
  }
}
