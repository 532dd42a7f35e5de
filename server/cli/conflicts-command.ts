/** `nftscope conflicts`: base chains of two owners whose order matters, each with a packet that proves it. */
import 'server-only';
import { type ConflictsAnswer, type ConflictView, conflictsAnswer } from '@/lib/api/conflicts';
import { openNode } from '@/lib/api/open-node';
import { chainText, endsText, otherwiseText } from '@/lib/conflicts/say';
import { count } from '@/lib/explain/words';
import { formatProblem, type Problem } from '@/lib/net/result';
import { nodeNames } from './captured-nodes';
import { CliError, EXIT, type ExitStatus } from './cli-error';
import { print } from './lines';
import { chooseNode, openSource } from './open';
import { COMMON, outputOf, parseOptions } from './options';

type Answer = ConflictsAnswer | { readonly node: string; readonly problem: Problem };

export async function conflictsCommand(args: readonly string[]): Promise<ExitStatus> {
  const { values, positionals } = parseOptions('conflicts', args, COMMON);
  if (positionals.length > 0) throw CliError.usage(`What is ${JSON.stringify(positionals[0])}?`, 'conflicts');
  const output = outputOf(values.output);
  const source = await openSource(values.source, 'conflicts');
  const names = await nodeNames(source);
  const chosen = values.node === undefined ? names : [chooseNode(values.node, names)];
  const { signal } = new AbortController();
  let status: ExitStatus = EXIT.done;
  const answers: Answer[] = [];
  for (const node of chosen) {
    const capture = await source.node(node, signal);
    const answer = capture.ok ? answerOf(node, capture.value) : { node, problem: capture.problem };
    if ('problem' in answer || answer.conflicts.length > 0) status = EXIT.badNews;
    if (output === 'text') await print(textOf(answer));
    else answers.push(answer);
  }
  if (output === 'json') await print(`${JSON.stringify({ version: 1, nodes: answers }, undefined, 2)}\n`);
  return status;
}

type Capture = Pick<Parameters<typeof openNode>[0], 'files' | 'capturedAt'> & { readonly hash: string };

function answerOf(node: string, { files, capturedAt, hash }: Capture): Answer {
  const opened = openNode({ node, files, cluster: new Map(), capturedAt, version: hash });
  return opened.ruleset.ok ? conflictsAnswer(opened, opened.ruleset.value) : { node, problem: opened.ruleset.problem };
}

function textOf(answer: Answer): string {
  if ('problem' in answer) return `${answer.node}: not looked at: ${formatProblem(answer.problem)}\n`;
  const { node, conflicts, meetings, unsearched, pairs, packets } = answer;
  const found = conflicts.length === 0 ? 'no conflict' : count(conflicts.length, 'conflict');
  const lines = [`${node}: ${found}; ${count(pairs, 'pair')} of chains, ${count(packets, 'packet')} tried`];
  for (const [i, conflict] of conflicts.entries()) lines.push('', ...conflictLines(conflict, i + 1));
  if (unsearched.length > 0) lines.push('', '  not searched to the end:');
  for (const { first, second, family, say } of unsearched)
    lines.push(`    ${family}: ${chainText(first)} and ${chainText(second)}: ${say}`);
  if (meetings.length > 0)
    lines.push('', '  hooks where chains of several owners meet, in the order in which they run:');
  for (const { hook, family, device, chains } of meetings) {
    lines.push(`    ${family} ${hook}${device === undefined ? '' : ` ${device}`}`);
    for (const { prio, type, tie, does, ...at } of chains)
      lines.push(
        `      ${String(prio).padStart(5)} ${type.padEnd(6)} ${at.family} ${at.table} ${at.chain}, ${at.owner}${does.length === 0 ? ', only looks on' : ` (${does.join(', ')})`}${tie ? ', tie' : ''}`,
      );
  }
  return `${lines.join('\n')}\n`;
}

function conflictLines(conflict: ConflictView, number: number): readonly string[] {
  const { kind, tie, hook, families, witness, rules, link, say } = { hook: conflict.first.hook, ...conflict };
  const label = (word: string): string => word.padEnd(18);
  return [
    `  ${number}. ${kind}${tie ? ', tie' : ''}, ${hook} (${families.join(', ')})`,
    `     ${say}`,
    `     ${label('now')}${endsText(witness.now)}`,
    `     ${label(otherwiseText(conflict))}${endsText(witness.otherwise)}`,
    ...rules.map(
      ({ family, table, chain, handle, text }) =>
        `     ${label('rule')}${family} ${table} ${chain} # handle ${handle}: ${text}`,
    ),
    `     ${label('packet')}--packet '${JSON.stringify(witness.packet)}'`,
    `     ${label('open')}${link}`,
  ];
}
