/** `nftscope drift`: kube-proxy's tables against what it should have written. */
import 'server-only';
import { concernedServices, type ExplainedDifference, type NodeDrift, nodeDrift } from '@/lib/drift/node-drift';
import { count } from '@/lib/explain/words';
import { formatProblem, type Result } from '@/lib/net/result';
import { nodeNames, othersFor, readCluster, readNode } from './captured-nodes';
import { CliError, EXIT, type ExitStatus } from './cli-error';
import { print } from './lines';
import { chooseNode, openSource } from './open';
import { COMMON, outputOf, parseOptions } from './options';

const OPTIONS = { ...COMMON, service: { type: 'string' } } as const;

/** The mode of a node is no fault of it. */
const NOT_COMPARED: ReadonlySet<string> = new Set(['EXP-002']);

interface NodeAnswer {
  readonly node: string;
  readonly drift: Result<NodeDrift>;
}

export async function driftCommand(args: readonly string[]): Promise<ExitStatus> {
  const { values, positionals } = parseOptions('drift', args, OPTIONS);
  if (positionals.length > 0) throw CliError.usage(`What is ${JSON.stringify(positionals[0])}?`, 'drift');
  const output = outputOf(values.output);
  const { service } = values;
  if (service !== undefined && !/^[^/]+\/[^/]+$/.test(service))
    throw CliError.because('CLI-002', `--service is ${JSON.stringify(service)}.`, 'Write NAMESPACE/NAME.');
  const source = await openSource(values.source, 'drift');
  const names = await nodeNames(source);
  const chosen = values.node === undefined ? names : [chooseNode(values.node, names)];
  const cluster = await readCluster(source);
  if (service !== undefined && cluster.services.known && !cluster.services.value.some((one) => isNamed(one, service)))
    process.stderr.write(`nftscope: There is no Service ${service} now; what is left of it is looked for.\n`);
  let status: ExitStatus = EXIT.done;
  const answers: NodeAnswer[] = [];
  for (const name of chosen) {
    const node = await readNode(source, name);
    const drift = node.ok ? nodeDrift(node.value, cluster, await othersFor(node.value, source)) : node;
    const answer = { node: name, drift: drift.ok ? { ...drift, value: onlyOf(drift.value, service) } : drift };
    if (isBadNews(answer.drift)) status = EXIT.badNews;
    if (output === 'text') await print(textOf(answer));
    else answers.push(answer);
  }
  if (output === 'json') await print(`${JSON.stringify({ nodes: answers.map(jsonOf) }, undefined, 2)}\n`);
  return status;
}

const isNamed = (one: { readonly namespace: string; readonly name: string }, wanted: string): boolean =>
  `${one.namespace}/${one.name}` === wanted;

/** Of one Service: what concerns it, and what concerns all. */
function onlyOf(drift: NodeDrift, service: string | undefined): NodeDrift {
  if (service === undefined) return drift;
  const concerns = ({ owner: { services } }: ExplainedDifference) =>
    services.length === 0 || services.some((one) => isNamed(one, service));
  return {
    ...drift,
    families: drift.families.map((family) => ({ ...family, differences: family.differences.filter(concerns) })),
  };
}

const isBadNews = (drift: Result<NodeDrift>): boolean =>
  drift.ok
    ? drift.value.families.some(({ differences }) => differences.length > 0)
    : !NOT_COMPARED.has(drift.problem.code);

const jsonOf = ({ node, drift }: NodeAnswer): object => (drift.ok ? drift.value : { node, problem: drift.problem });

function textOf({ node, drift }: NodeAnswer): string {
  if (!drift.ok) return `${node}: not compared: ${formatProblem(drift.problem)}\n`;
  const { families } = drift.value;
  const lines: string[] = [];
  const found = families.flatMap(({ family, differences }) => differences.map((one) => ({ family, one })));
  const normal = families.flatMap((family) => family.normal.map((one) => ({ family: family.family, one })));
  lines.push(`${node}: ${found.length === 0 ? 'as expected' : count(found.length, 'difference')}`);
  const byService = new Map<string, typeof found>();
  for (const item of found) {
    const service = concernedServices(item.one).join(', ') || 'all Services';
    byService.set(service, [...(byService.get(service) ?? []), item]);
  }
  for (const [service, some] of byService) {
    lines.push(`  ${service}`);
    for (const { family, one } of some) {
      lines.push(`    ${family}: ${one.kind}${one.name === '' ? '' : `, ${one.name}`}`);
      if (one.expected !== null) lines.push(`      - ${one.expected}`);
      if (one.actual !== null) lines.push(`      + ${one.actual}`);
    }
    for (const meaning of new Set(some.map(({ one }) => one.meaning))) lines.push(`    ${meaning}`);
  }
  for (const { family, one } of normal) lines.push(`  normal: ${family}: ${one.name}: ${one.why}`);
  return `${lines.join('\n')}\n`;
}
