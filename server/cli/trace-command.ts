import 'server-only';
import { addressNames } from '@/lib/api/address-names';
import { deliverText } from '@/lib/api/deliver-text';
import type { OpenNode } from '@/lib/api/open-node';
import { policiesText } from '@/lib/api/policies-text';
import { policiesOfTrace } from '@/lib/api/policies-view';
import { answerOf, type TraceQuery, tracePacket } from '@/lib/api/trace-answer';
import { withoutStrays } from '@/lib/api/untranslated';
import { whatWouldDeliverOf } from '@/lib/api/what-would-deliver';
import type { Place } from '@/lib/cluster/place';
import type { Question } from '@/lib/explain/question';
import { type TraceTextInput, traceText } from '@/lib/explain/trace-text';
import { hostPort, traceVerdict } from '@/lib/explain/verdict-sentence';
import type { PacketSpec } from '@/lib/net/packet-spec';
import type { RuleRef } from '@/lib/nft/model';
import { renderRule } from '@/lib/render/render-rule';
import { CliError, EXIT, type ExitStatus } from './cli-error';
import { print, readAll } from './lines';
import { openCliNode } from './open';
import { COMMON, hasColours, numberOption, outputOf, parseOptions } from './options';
import { traceCases } from './trace-cases';
import { EVERY_NODE, wholePath } from './whole-path';

/** A packet, by names or by fields; verify takes the same. */
export const PACKET_OPTIONS = {
  from: { type: 'string' },
  to: { type: 'string' },
  packet: { type: 'string' },
  protocol: { type: 'string' },
  sport: { type: 'string' },
  dport: { type: 'string' },
  flags: { type: 'string' },
  family: { type: 'string' },
} as const;

const OPTIONS = {
  ...COMMON,
  ...PACKET_OPTIONS,
  cases: { type: 'string' },
  environments: { type: 'string' },
  'whole-path': { type: 'boolean' },
  branch: { type: 'string' },
  'what-would-deliver': { type: 'boolean' },
} as const;

function parse(args: readonly string[]) {
  const { values, positionals } = parseOptions('trace', args, OPTIONS);
  if (positionals.length > 0) throw CliError.usage(`What is ${JSON.stringify(positionals[0])}?`, 'trace');
  return values;
}

export async function traceCommand(args: readonly string[]): Promise<ExitStatus> {
  const values = parse(args);
  const output = outputOf(values.output);
  const branch = numberOption('branch', values.branch, 1_000_000, 1);
  const whole = values['whole-path'] === true || values.from === EVERY_NODE;
  if (branch !== undefined && (values.cases !== undefined || whole || output === 'json'))
    throw CliError.usage('--branch goes with the text of one trace on one node.', 'trace');
  const changes = values['what-would-deliver'] === true;
  if (changes && (values.cases !== undefined || whole))
    throw CliError.usage('--what-would-deliver goes with one trace on one node.', 'trace');
  if (values.cases !== undefined) {
    if (values.source !== undefined || values.from !== undefined || values.packet !== undefined) {
      throw CliError.usage(
        '--cases takes its rulesets and packets from the file: --source, --from and --packet do not go with it.',
        'trace',
      );
    }
    return traceCases(values.cases, values.environments);
  }
  if (values.environments !== undefined) throw CliError.usage('--environments goes with --cases.', 'trace');
  if (whole) {
    const question = questionOf(values, 'trace');
    if (question === undefined || values.packet !== undefined)
      throw CliError.usage('A whole path is asked by names: give --from and --to, and no --packet.', 'trace');
    return wholePath(values.source, { question, via: values.node }, output);
  }
  const query = await queryOf(values, 'trace');
  const node = await openCliNode(values, 'trace');
  if (output === 'json') return traceJson(node, query, values.source ?? '', changes);
  const traced = tracePacket(node, query);
  if (!traced.ok) throw CliError.of(traced.problem);
  const { asked } = traced.value;
  const trace = withoutStrays(node, traced.value.trace);
  const { length } = trace.branches;
  if (branch !== undefined && branch > length)
    throw CliError.because(
      'CLI-002',
      `--branch is ${branch}.`,
      length === 1 ? 'The trace has one branch.' : `The trace has branches 1 to ${length}.`,
    );
  const age = node.capturedAt === undefined ? 'captured at an unknown time' : `captured ${node.capturedAt}`;
  await print(
    coloured({
      trace,
      names: addressNames(node),
      question: questionLine(traced.value.packet, asked?.from, asked?.to),
      place: `${node.node}, ${age}`,
      ruleText: (at) => ruleText(node, at),
      branch: branch === undefined ? undefined : branch - 1,
    }),
  );
  if (asked !== undefined)
    await print(policiesText(policiesOfTrace(node.cluster.cluster, asked, traced.value.trace, node.node)));
  if (changes) await print(deliverText(whatWouldDeliverOf(node, traced.value)));
  return traceVerdict(trace) === 'delivered' ? EXIT.done : EXIT.badNews;
}

const COLOURS = { delivered: 32, dropped: 31, rejected: 31, undecided: 33, depends: 33 } as const;

/** The text, with the verdict's word coloured on a terminal. */
function coloured(input: TraceTextInput): string {
  const text = traceText(input);
  if (!hasColours()) return text;
  const verdict = traceVerdict(input.trace);
  const word = verdict.toUpperCase();
  return text.replace(`\n${word} `, `\n\u001b[1;${COLOURS[verdict]}m${word}\u001b[0m `);
}

async function traceJson(node: OpenNode, query: TraceQuery, source: string, changes: boolean): Promise<ExitStatus> {
  const traced = tracePacket(node, query);
  if (!traced.ok) throw CliError.of(traced.problem);
  const answer = answerOf(node, node.ruleset.ok ? node.ruleset.value : undefined, traced.value);
  const more = changes ? { whatWouldDeliver: whatWouldDeliverOf(node, traced.value) } : {};
  await print(`${JSON.stringify({ source, ...answer, ...more }, undefined, 2)}\n`);
  return traceVerdict(withoutStrays(node, traced.value.trace)) === 'delivered' ? EXIT.done : EXIT.badNews;
}

type PacketValues = { readonly [K in keyof typeof PACKET_OPTIONS]?: string | undefined };

/** The packet that the options ask about. */
export async function queryOf(values: PacketValues, command: string): Promise<TraceQuery> {
  const question = questionOf(values, command);
  const packet = values.packet === undefined ? undefined : await packetOf(values.packet);
  if (question === undefined && packet === undefined)
    throw CliError.usage('Which packet? Give --from and --to, or --packet.', command);
  return { ...(question !== undefined && { question }), ...(packet !== undefined && { packet }) };
}

function questionOf(values: PacketValues, command: string): Question | undefined {
  const { from, to } = values;
  if (from === undefined && to === undefined) return undefined;
  if (from === undefined) throw CliError.usage('From where? Give --from.', command);
  if (to === undefined) throw CliError.usage('Where to? Give --to.', command);
  return {
    from,
    to,
    family: familyOf(values.family),
    protocol: values.protocol,
    sport: numberOption('sport', values.sport, 65535),
    dport: numberOption('dport', values.dport, 65535),
    flags: values.flags
      ?.toLowerCase()
      .split(/[ ,|]+/)
      .filter((flag) => flag !== ''),
  };
}

function familyOf(word: string | undefined): 'ip' | 'ip6' | undefined {
  if (word === undefined) return undefined;
  const family = new Map([
    ['4', 'ip'],
    ['ip', 'ip'],
    ['ipv4', 'ip'],
    ['6', 'ip6'],
    ['ip6', 'ip6'],
    ['ipv6', 'ip6'],
  ] as const).get(word.toLowerCase() as '4');
  if (family === undefined) throw CliError.because('CLI-002', `--family is ${JSON.stringify(word)}.`, 'Give 4 or 6.');
  return family;
}

/** Bytes of a packet as JSON: one of 64 KiB in hex has 128 KiB. */
const MOST_PACKET = 1e6;

async function packetOf(text: string): Promise<unknown> {
  const json = text === '-' ? (await readAll('-', MOST_PACKET)).toString('utf8') : text;
  try {
    return JSON.parse(json);
  } catch (error) {
    throw CliError.because(
      'CLI-004',
      `--packet is not JSON: ${error instanceof Error ? error.message : String(error)}.`,
      'Quote it for the shell: --packet \'{"iif": "eth0", …}\'',
    );
  }
}

/** `shop/web-1 (10.244.1.3) → Service shop/api:http 10.99.151.112:80/tcp` */
function questionLine(packet: PacketSpec, from: Place | undefined, to: Place | undefined): string {
  const port = packet.protocol === undefined ? '' : `/${packet.protocol}`;
  const target = `${hostPort(packet.daddr, packet.dport)}${port}`;
  const isAddress = to?.where.kind === 'address';
  if (packet.hex !== undefined) {
    const entry = packet.from === 'local' ? 'a process' : (packet.iif ?? 'an unknown interface');
    return `${entry}: ${packet.hex.length / 2} bytes given in hex`;
  }
  const source =
    from === undefined
      ? packet.from === 'local'
        ? `a process (${packet.saddr})`
        : `${packet.iif ?? 'an unknown interface'}: ${packet.saddr}`
      : `${from.label} (${packet.saddr})`;
  return `${source} → ${to === undefined || isAddress ? '' : `${to.label} `}${target}`;
}

function ruleText(node: OpenNode, at: RuleRef): string | undefined {
  const index = node.ruleset.ok ? node.ruleset.value.at(at.family, at.table) : undefined;
  const rule = index?.chains.get(at.chain)?.rules[at.index];
  return index === undefined || rule === undefined ? undefined : renderRule(rule, index.ctx);
}
