/** `nftscope diagnose`: what is wrong in a capture, with evidence, a way to see it and a remedy. */
import 'server-only';
import { decodeAsked } from '@/lib/findings/asked';
import { Context } from '@/lib/findings/context';
import { diagnose } from '@/lib/findings/diagnose';
import { evidenceText, type Finding } from '@/lib/findings/finding';
import { parseJson } from '@/lib/net/json-cursor';
import { openDiagnosis } from '../findings/open-diagnosis';
import { CliError, EXIT, type ExitStatus } from './cli-error';
import { print } from './lines';
import { chooseNode, openSource } from './open';
import { COMMON, outputOf, parseOptions } from './options';

const OPTIONS = {
  ...COMMON,
  service: { type: 'string' },
  ask: { type: 'string' },
} as const;

export async function diagnoseCommand(args: readonly string[]): Promise<ExitStatus> {
  const { values, positionals } = parseOptions('diagnose', args, OPTIONS);
  if (positionals.length > 0) throw CliError.usage(`What is ${JSON.stringify(positionals[0])}?`, 'diagnose');
  const output = outputOf(values.output);
  const { service, ask } = values;
  if (service !== undefined && !/^[^/]+\/[^/]+$/.test(service))
    throw CliError.because('CLI-002', `--service is ${JSON.stringify(service)}.`, 'Write NAMESPACE/NAME.');
  const asked = ask === undefined ? undefined : askedOf(ask);
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
  const context = new Context(input.value, asked === undefined ? undefined : (network) => decodeAsked(asked, network));
  if (context.asked !== undefined) {
    const question = context.asked(context.network);
    if (!question.ok) throw CliError.of(question.problem, '--ask');
  }
  const findings = diagnose(context).filter((one) => concerns(one, node, service));
  await print(output === 'json' ? `${JSON.stringify({ findings }, undefined, 2)}\n` : textOf(findings));
  return findings.some(({ severity }) => severity === 'error') ? EXIT.badNews : EXIT.done;
}

/** What names no node holds on every node; what names no Service may touch any. */
const concerns = ({ nodes, services }: Finding, node: string | undefined, service: string | undefined): boolean =>
  (node === undefined || nodes.length === 0 || nodes.includes(node)) &&
  (service === undefined || services.length === 0 || services.includes(service));

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
