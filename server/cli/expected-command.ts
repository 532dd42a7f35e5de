/** `nftscope expected`: the tables that kube-proxy should have written. */
import 'server-only';
import { expectedOfCase } from '@/lib/expected/decode-case';
import { encodeListing } from '@/lib/expected/encode-listing';
import { type ExpectedFamily, expectedOfNode } from '@/lib/expected/expected-of-node';
import { ok, type Result } from '@/lib/net/result';
import { renderRuleset } from '@/lib/render/render-ruleset';
import { type BatchRecord, runBatch } from './batch';
import { nodeNames, othersFor, readCluster, readNode } from './captured-nodes';
import { CliError, EXIT, type ExitStatus } from './cli-error';
import { print } from './lines';
import { chooseNode, openSource } from './open';
import { parseOptions } from './options';

const OPTIONS = {
  source: { type: 'string' },
  node: { type: 'string' },
  cases: { type: 'string' },
  output: { type: 'string', short: 'o', default: 'nft' },
} as const;

export async function expectedCommand(args: readonly string[]): Promise<ExitStatus> {
  const { values, positionals } = parseOptions('expected', args, OPTIONS);
  if (positionals.length > 0) throw CliError.usage(`What is ${JSON.stringify(positionals[0])}?`, 'expected');
  if ((values.cases === undefined) === (values.source === undefined))
    throw CliError.usage('Which ruleset? Give --source or --cases.', 'expected');
  if (values.output !== 'nft' && values.output !== 'json')
    throw CliError.because(
      'CLI-002',
      `There is no output ${JSON.stringify(values.output)}.`,
      'Give -o nft or -o json.',
    );
  if (values.cases !== undefined) return runBatch(values.cases, answerCase, (name, error) => ({ name, error }));
  const families = await expectedOfSource(values.source, values.node);
  for (const { family, assumptions } of families)
    for (const { what, value, from } of assumptions) process.stderr.write(`${family}: ${what} ${value}: ${from}\n`);
  const tables = families.map(({ expected }) => expected);
  await print(
    values.output === 'json'
      ? `${JSON.stringify(encodeListing(tables))}\n`
      : renderRuleset({ nftVersion: '1.0.6', releaseName: undefined, tables, unsupported: [], omissions: [] }),
  );
  return EXIT.done;
}

/** Reads config, services and endpointSlices (docs/expected.md). */
function answerCase({ id, members }: BatchRecord): Result<object> {
  const tables = expectedOfCase(members);
  return tables.ok ? ok({ name: id, rulesetJson: encodeListing(tables.value) }) : tables;
}

async function expectedOfSource(
  path: string | undefined,
  wanted: string | undefined,
): Promise<readonly ExpectedFamily[]> {
  const source = await openSource(path, 'expected');
  const name = chooseNode(wanted, await nodeNames(source));
  const node = await readNode(source, name);
  if (!node.ok) throw CliError.of(node.problem, name);
  const expected = expectedOfNode(node.value, await readCluster(source), await othersFor(node.value, source));
  if (!expected.ok) throw CliError.of(expected.problem);
  return expected.value;
}
