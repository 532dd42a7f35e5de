/** `nftscope trace --whole-path`: node by node to whoever answers, and back. */
import 'server-only';
import { POLICIES_ARE, policiesText } from '@/lib/api/policies-text';
import {
  answerWord,
  type EveryNodeGroup,
  type PathEnd,
  type PathStop,
  policiesOfGroups,
  type WholePathView,
} from '@/lib/api/whole-path';
import { type Asker, askersLack } from '@/lib/cluster/askers';
import { count } from '@/lib/explain/words';
import type { PathQuestion } from '@/lib/reach/named-question';
import { lookAt } from '../sessions/look-at';
import { Paths } from '../sessions/paths';
import { CliError, EXIT, type ExitStatus } from './cli-error';
import { print } from './lines';
import { openSource } from './open';
import { columns } from './text-table';

/** Asked as the source: a process and a pod of every node, one after the other. */
export const EVERY_NODE = 'every-node';

export async function wholePath(
  sourcePath: string | undefined,
  asked: PathQuestion,
  output: 'text' | 'json',
): Promise<ExitStatus> {
  const source = await openSource(sourcePath, 'trace');
  const described = await lookAt(source);
  if (!described.ok) throw CliError.of(described.problem);
  const paths = new Paths(sourcePath ?? '', source);
  const { signal } = new AbortController();
  if (asked.question.from === EVERY_NODE) {
    const groups = await paths.everyNode(asked.question, described.value, signal, progress);
    if (!groups.ok) throw CliError.of(groups.problem);
    await print(output === 'json' ? `${JSON.stringify(groups.value, undefined, 2)}\n` : everyNodeText(groups.value));
    const lack = askersLack(described.value.cluster.cluster);
    if (lack !== undefined) process.stderr.write(`${lack}\n`);
    const [only, ...others] = groups.value;
    return others.length === 0 && isOk(only?.results ?? []) ? EXIT.done : EXIT.badNews;
  }
  const path = await paths.view(asked, described.value, signal);
  if (!path.ok) throw CliError.of(path.problem);
  await print(output === 'json' ? `${JSON.stringify(path.value, undefined, 2)}\n` : pathText(path.value));
  return isOk(path.value.results) ? EXIT.done : EXIT.badNews;
}

const isOk = ([first, ...others]: WholePathView['results']): boolean => first?.word === 'ok' && others.length === 0;

/** Only on a terminal: nothing but the answer goes into a file. */
function progress(done: number, of: number): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${of} asked${done === of ? '\n' : ''}`);
}

const percent = (probability: number): string => `${Math.round(probability * 1000) / 10} %`;

function pathText(path: WholePathView): string {
  const { from, to, packet, results, ends, assumed, policies } = path;
  const words = results.map(({ word, probability }) => `${word} ${percent(probability)}`).join(', ');
  return [
    `${from.label} → ${to.label}: ${packet}\n`,
    `${words.toUpperCase()}\n`,
    ...ends.map((end) => `\n${endText(end)}`),
    ...(assumed.length === 0 ? [] : [`\nassumed\n${assumed.map((say) => `  ${say}\n`).join('')}`]),
    policiesText(policies),
  ].join('');
}

function endText(end: PathEnd): string {
  const who =
    end.backend === null
      ? ''
      : `, ${end.backend} ${answerWord(end)} and sees ${end.sourceSeen ?? 'an unknown address'}`;
  const why = end.undecided.map(({ say }) => `  ${say}\n`).join('');
  const rows = end.stops.map((stop) => ['', ...stopCells(stop)]);
  return `${percent(end.probability)} ${end.result ?? 'undecided'}${who}\n${columns(rows)}${why}`;
}

function stopCells(stop: PathStop): readonly string[] {
  if (stop.kind === 'server') {
    const through = stop.through === null ? '' : `, behind ${stop.through}, which is not in the capture`;
    return ['', stop.node ?? 'outside', '', `${stop.name}${stop.listens ? ' answers' : ' does not listen'}${through}`];
  }
  const { way, node, iif, oif, verdict, before, say } = stop;
  const devices = `${iif ?? 'a process'} → ${oif ?? (verdict === 'delivered' ? 'a process' : '-')}`;
  return [way, node, devices, `${before}  ${verdict === 'delivered' ? say : `${verdict.toUpperCase()}: ${say}`}`];
}

function counted(askers: EveryNodeGroup['askers'], kind: Asker['kind']): string {
  const found = askers.filter((asker) => asker.kind === kind).length;
  return found === 0 ? '' : count(found, kind);
}

function everyNodeText(groups: readonly EveryNodeGroup[]): string {
  const table = columns(
    groups.map(({ results, askers, say }) => [
      results
        .map(({ word, probability }) => (probability > 0.9999 ? word : `${word} ${percent(probability)}`))
        .join(', '),
      [counted(askers, 'node'), counted(askers, 'pod')].filter((text) => text !== '').join(', '),
      askers.map(({ kind, node, from }) => (kind === 'pod' ? `${from} on ${node}` : node)).join(', '),
      say,
    ]),
  );
  return `${table}${everyNodePolicies(groups)}`;
}

function everyNodePolicies(groups: readonly EveryNodeGroup[]): string {
  const said = policiesOfGroups(groups);
  if (said.length === 0) return '';
  const all = groups.reduce((sum, { askers }) => sum + askers.length, 0);
  const who = (askers: readonly string[]) =>
    askers.length === all ? 'all' : `${askers.slice(0, MOST).join(', ')}${andMore(askers.length)}`;
  const lines = said.map(({ say, askers }) => `  ${who(askers)}: ${say}\n`);
  return `\nNetworkPolicies: ${POLICIES_ARE}\n${lines.join('')}`;
}

/** Askers that are named. */
const MOST = 6;
const andMore = (all: number): string => (all > MOST ? ` and ${all - MOST} more` : '');
