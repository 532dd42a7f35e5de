/** `nftscope diagnose`: what is wrong in a capture, with evidence, a way to see it and a remedy. */
import 'server-only';
import { resolvePlace } from '@/lib/cluster/place';
import { fromSource } from '@/lib/explain/command-source';
import { decodeAsked, namedAsked } from '@/lib/findings/asked';
import { Context } from '@/lib/findings/context';
import { diagnose } from '@/lib/findings/diagnose';
import { type AskedAnswer, explainAsked } from '@/lib/findings/explain-asked';
import { evidenceText, type Finding } from '@/lib/findings/finding';
import { parseJson } from '@/lib/net/json-cursor';
import type { Result } from '@/lib/net/result';
import type { Network } from '@/lib/reach/network';
import type { Question } from '@/lib/reach/walk';
import { openDiagnosis } from '../findings/open-diagnosis';
import { CliError, EXIT, type ExitStatus } from './cli-error';
import { print } from './lines';
import { chooseNode, openSource } from './open';
import { COMMON, numberOption, outputOf, parseOptions } from './options';

const OPTIONS = {
  ...COMMON,
  service: { type: 'string' },
  ask: { type: 'string' },
  from: { type: 'string' },
  to: { type: 'string' },
  protocol: { type: 'string' },
  dport: { type: 'string' },
  family: { type: 'string' },
} as const;

export async function diagnoseCommand(args: readonly string[]): Promise<ExitStatus> {
  const { values, positionals } = parseOptions('diagnose', args, OPTIONS);
  if (positionals.length > 0) throw CliError.usage(`What is ${JSON.stringify(positionals[0])}?`, 'diagnose');
  const output = outputOf(values.output);
  const { service, ask } = values;
  if (service !== undefined && !/^[^/]+\/[^/]+$/.test(service))
    throw CliError.because('CLI-002', `--service is ${JSON.stringify(service)}.`, 'Write NAMESPACE/NAME.');
  const asked = askedBy(ask, values);
  const source = await openSource(values.source, 'diagnose');
  const input = await openDiagnosis(source, new AbortController().signal);
  if (!input.ok) throw CliError.of(input.problem);
  const node =
    values.node === undefined
      ? undefined
      : chooseNode(
          values.node,
          input.value.nodes.map(({ name }) => name),
        );
  const context = new Context(input.value, asked);
  const question = asked?.(context.network);
  if (question !== undefined && !question.ok)
    throw CliError.of(question.problem, ask === undefined ? undefined : '--ask');
  // With a client from outside the node is where its packets come in.
  const only = values.from === undefined ? node : undefined;
  const all = diagnose(context).filter((one) => concerns(one, only, service));
  if (service !== undefined && !all.some(({ services }) => services.includes(service))) {
    // Not even one that is gone and still on a node: the name is wrong.
    const found = resolvePlace(`svc:${service}`, 'to', context.network.cluster);
    if (!found.ok && found.problem.code === 'REF-004') throw CliError.of(found.problem, '--service');
  }
  const answer = question === undefined ? undefined : explainAsked(context, question.value, all);
  const first = answer?.explainedBy ?? [];
  const findings = [...first, ...all.filter((one) => !first.includes(one))]
    .map((one) => answer?.retold.get(one) ?? one)
    .map((one) =>
      values.source === undefined ? one : { ...one, reproduce: fromSource(one.reproduce, values.source) },
    );
  if (output === 'json') await print(`${JSON.stringify(jsonOf(findings, answer), undefined, 2)}\n`);
  else {
    const [explained, others] = [findings.slice(0, first.length), findings.slice(first.length)];
    const besides = answer === undefined || others.length === 0 ? '' : 'Found besides, not about this connection:\n\n';
    await print(`${answer === undefined ? '' : answerText(answer)}${explained.length > 0 ? textOf(explained) : ''}`);
    if (answer === undefined || others.length > 0) await print(`${besides}${textOf(others)}`);
  }
  return findings.some(({ severity }) => severity === 'error') ? EXIT.badNews : EXIT.done;
}

/** What names no node holds on every node; what names no Service may touch any. */
const concerns = ({ nodes, services }: Finding, node: string | undefined, service: string | undefined): boolean =>
  (node === undefined || nodes.length === 0 || nodes.includes(node)) &&
  (service === undefined || services.length === 0 || services.includes(service));

type Ask = (network: Network) => Result<Question>;

interface AskOptions {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly node?: string | undefined;
  readonly protocol?: string | undefined;
  readonly dport?: string | undefined;
  readonly family?: string | undefined;
}

/** One connection: as JSON, or by names as `trace` takes them. */
function askedBy(ask: string | undefined, values: AskOptions): Ask | undefined {
  const { from, to, node, protocol, family } = values;
  if (ask !== undefined) {
    if (from !== undefined || to !== undefined)
      throw CliError.usage('A connection is given by --ask, or by --from and --to.', 'diagnose');
    const json = askedOf(ask);
    return (network) => decodeAsked(json, network);
  }
  if (from === undefined && to === undefined) return undefined;
  if (from === undefined || to === undefined) throw CliError.usage('--from and --to belong together.', 'diagnose');
  if (family !== undefined && family !== '4' && family !== '6')
    throw CliError.because('CLI-002', `--family is ${JSON.stringify(family)}.`, 'Give 4 or 6.');
  const question = {
    from,
    to,
    protocol,
    dport: numberOption('dport', values.dport, 65535),
    family: family === undefined ? undefined : family === '4' ? ('ip' as const) : ('ip6' as const),
  };
  return (network) => namedAsked({ question, via: node }, network);
}

function jsonOf(findings: readonly Finding[], answer: AskedAnswer | undefined): object {
  if (answer === undefined) return { findings };
  const { results, undecided, astray, explainedBy } = answer;
  const names = explainedBy.map(({ code, nodes, services }) => ({ code, nodes, services }));
  return { asked: { results, undecided, astray, explainedBy: names }, findings };
}

function answerText({ results, undecided, astray, explainedBy }: AskedAnswer): string {
  const words = Object.entries(results).map(([word, probability]) => {
    return probability > 0.9999 ? word : `${word} ${Math.round(probability * 1000) / 10} %`;
  });
  const codes = explainedBy.map(({ code }) => code);
  const isLost = astray.length > 0 || Object.keys(results).some((word) => word !== 'ok');
  const where = astray.length === 0 ? '' : `, at ${astray.join(', ')}, no endpoint of the Service asked for`;
  const why = codes.length > 0 ? `explained by ${codes.join(', ')}` : 'nothing that was found explains it';
  const lines = [
    `The connection: ${words.join(', ')}${where}${isLost ? `; ${why}` : ''}.`,
    ...undecided.map(({ say }) => `  ${say}`),
  ];
  return `${lines.join('\n')}\n\n`;
}

function askedOf(text: string): { readonly [key: string]: unknown } {
  const json = parseJson(text);
  if (json.ok && typeof json.value === 'object' && json.value !== null && !Array.isArray(json.value))
    return json.value as { readonly [key: string]: unknown };
  throw CliError.because(
    'CLI-004',
    '--ask is no JSON object.',
    'Give {"from": "shop/web-1", "dst": "10.96.0.10", "dport": 53, "protocol": "UDP"}.',
  );
}

function textOf(findings: readonly Finding[]): string {
  if (findings.length === 0) return 'Nothing was found.\n';
  return findings.map(oneText).join('\n');
}

function oneText({ code, severity, summary, nodes, services, causes, ...one }: Finding): string {
  const lines = [`${severity} ${code}: ${summary}`];
  const add = (name: string, texts: readonly string[]): void => {
    for (const text of texts) lines.push(`  ${name}: ${text}`);
  };
  if (nodes.length > 0) add('nodes', [nodes.join(', ')]);
  if (services.length > 0) add('Services', [services.join(', ')]);
  add('follows from', [...new Set(causes.map((cause) => cause.code))]);
  add('seen', one.evidence.map(evidenceText));
  add('assumed', one.assumptions);
  add('look', [one.reproduce]);
  add('remedy', [one.remedy]);
  return `${lines.join('\n')}\n`;
}
