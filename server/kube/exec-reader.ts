/** Reads a node by running the commands of the capture format in a pod that has nft and the node's network namespace. */
import 'server-only';
import { isUtf8 } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { parseJson } from '@/lib/net/json-cursor';
import type { FileReading } from '@/lib/world/capture-files';
import { hasXt, NODE_COMMANDS, versionOf, XT_COMMANDS } from '../sources/node-commands';
import { type ExecLimits, type ExecOutput, exec } from './exec';
import {
  execScript,
  KERNEL_PART,
  LEGACY_PART,
  LEGACY6_PART,
  type PartOutput,
  parseScript,
  type ScriptPart,
  SETTINGS_PART,
} from './exec-script';
import type { KubeAccess } from './kube-access';
import type { NodePod } from './node-pods';
import { failedReading, type PartReading, part, type ReadOutcome } from './node-reading';
import { type Answer, describeTrouble } from './trouble';

type Commands = typeof NODE_COMMANDS;
type Run = (command: readonly string[]) => Promise<Answer<ExecOutput>>;

/** `2-conntrack.txt`: files of several commands have several parts. */
const partsOf = (commands: Commands): readonly ScriptPart[] =>
  commands.flatMap(([file, ...argvs]) => argvs.map((argv, index) => ({ name: `${index}-${file}`, argv })));
const VERSION: ScriptPart = { name: 'version', argv: ['nft', '--version'] };

export async function readByExec(
  access: KubeAccess,
  pod: NodePod,
  limits: ExecLimits,
  signal: AbortSignal,
): Promise<ReadOutcome> {
  const target = { namespace: pod.namespace, pod: pod.name, container: pod.container };
  const run: Run = (command) => exec(access, target, command, limits, signal);
  const where = `exec in ${pod.namespace}/${pod.name}`;
  const capturedAt = new Date().toISOString();
  const first = await runScript(run, [...partsOf(NODE_COMMANDS), VERSION], true);
  if (first.kind === 'failed') return failedReading(where, first.why);
  const parts = first.kind === 'no-shell' ? await withoutShell(run) : first.parts;
  if (typeof parts === 'string') return failedReading(where, parts);
  const readings = new Map<string, PartReading>();
  put(readings, NODE_COMMANDS, parts);
  if (first.kind === 'parts' && hasXt(readingOf(readings.get('nft.json')))) {
    const saved = await runScript(run, partsOf(XT_COMMANDS), false);
    if (saved.kind === 'parts') put(readings, XT_COMMANDS, saved.parts);
  }
  putFiles(readings, parts);
  return { ok: true, value: { parts: readings, capturedAt } };
}

type Ran =
  | { readonly kind: 'parts'; readonly parts: ReadonlyMap<string, PartOutput> }
  | { readonly kind: 'no-shell' }
  | { readonly kind: 'failed'; readonly why: string };

async function runScript(run: Run, parts: readonly ScriptPart[], withFiles: boolean): Promise<Ran> {
  const word = `nftscope-${randomBytes(16).toString('hex')}`;
  const answer = await run(['sh', '-c', execScript(word, parts, withFiles)]);
  if (!answer.ok) return { kind: 'failed', why: describeTrouble(answer.trouble) };
  const { stdout, stderr, exitStatus, said } = answer.value;
  if (stdout.length === 0 && exitStatus !== 0 && /sh.*(not found|no such file)|no such file.*sh/i.test(said + stderr))
    return { kind: 'no-shell' };
  const parsed = parseScript(word, stdout, stderr);
  if ('parts' in parsed) return { kind: 'parts', parts: parsed.parts };
  const more = [said, stderr.trim().split('\n').at(-1) ?? ''].filter((text) => text !== '').join('; ');
  return { kind: 'failed', why: `${parsed.cut}${more === '' ? '' : ` (${more})`}` };
}

/**
 * In a container without a shell only JSON can be trusted: cut short, it cannot be parsed. Text is left out. And without
 * `timeout` nft has no limit of its own, so it is asked for nothing but the ruleset and its version.
 */
async function withoutShell(run: Run): Promise<ReadonlyMap<string, PartOutput> | string> {
  const parts = new Map<string, PartOutput>();
  for (const { name, argv } of [...partsOf(NODE_COMMANDS.filter(([file]) => file === 'nft.json')), VERSION]) {
    const answer = await run(argv);
    if (!answer.ok) return describeTrouble(answer.trouble);
    const { stdout, stderr, exitStatus, said } = answer.value;
    if (name !== VERSION.name && exitStatus === 0 && !(isUtf8(stdout) && parseJson(stdout.toString('utf8')).ok))
      return `${argv.join(' ')}: the output was cut, or is no JSON`;
    const words = stderr === '' ? said : stderr;
    parts.set(name, { exitStatus: exitStatus ?? 126, stdout, stderr: words, counted: false });
  }
  return parts;
}

function put(readings: Map<string, PartReading>, commands: Commands, parts: ReadonlyMap<string, PartOutput>): void {
  for (const [file, ...argvs] of commands) {
    const outputs = argvs.map((argv, index) => ({ argv, output: parts.get(`${index}-${file}`) }));
    if (outputs.some(({ output }) => output === undefined)) continue;
    const wrong = outputs.find(({ output }) => output?.exitStatus !== 0);
    if (wrong?.output !== undefined) {
      const { exitStatus, stderr } = wrong.output;
      // 124 is that of timeout: it was stopped.
      const words = exitStatus === 124 ? `stopped: it took too long\n${stderr}`.trim() : stderr;
      const failure = {
        command: wrong.argv.join(' '),
        exitStatus: exitStatus === 124 ? null : exitStatus,
        stderr: words,
      };
      readings.set(file, { kind: 'failed', failure });
    } else readings.set(file, part(Buffer.concat(outputs.flatMap(({ output }) => output?.stdout ?? []))));
  }
}

function putFiles(readings: Map<string, PartReading>, parts: ReadonlyMap<string, PartOutput>): void {
  const settings = parts.get(SETTINGS_PART);
  if (settings !== undefined) {
    const lines = settings.stdout
      .toString('utf8')
      .split('\n')
      .filter((line) => line !== '');
    readings.set('sysctl.txt', part(Buffer.from(lines.map(settingLine).join(''))));
  }
  const legacy = parts.get(LEGACY_PART);
  if (legacy?.exitStatus === 0) readings.set('ip_tables_names.txt', part(legacy.stdout));
  const legacy6 = parts.get(LEGACY6_PART);
  if (legacy6?.exitStatus === 0) readings.set('ip6_tables_names.txt', part(legacy6.stdout));
  const version = parts.get(VERSION.name);
  const nft = version?.exitStatus === 0 ? versionOf({ kind: 'read', content: version.stdout }) : undefined;
  const kernel = parts.get(KERNEL_PART)?.stdout.toString('utf8').trim();
  readings.set('versions.json', part(Buffer.from(JSON.stringify({ nft, kernel }))));
}

/** `net/ipv4/conf/eth0.100/rp_filter = 1` as sysctl(8) prints it: a slash for a dot within a part. */
function settingLine(line: string): string {
  const [path = '', ...value] = line.split(' = ');
  const key = path
    .split('/')
    .map((word) => word.replaceAll('.', '/'))
    .join('.');
  return `${key} = ${value.join(' = ').trim().replaceAll('\t', ' ')}\n`;
}

function readingOf(one: PartReading | undefined): FileReading<Uint8Array> | undefined {
  return one?.kind === 'read' ? { kind: 'read', content: one.content } : undefined;
}
