/** Reads a node through its agent (docs/agent.md): its hashes first, then the bodies that are not held yet. */
import 'server-only';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { decodeCost, type ReadingCost } from '@/lib/fleet/reading-cost';
import { at, decoding, parseJson } from '@/lib/net/json-cursor';
import type { Failure } from '@/lib/world/capture-files';
import { readTar } from '../sources/read-tar';
import type { Limits } from '../sources/source';
import type { AgentWay } from './agent-way';
import type { BodyCache } from './body-cache';
import { readBody } from './kube-client';
import { failedReading, type NodeReading, type PartReading, type ReadOutcome, sha256 } from './node-reading';
import { describeTrouble, type Trouble } from './trouble';

export interface AgentLimits {
  /** Until an answer begins: the agent may list first. */
  readonly waitMs: number;
  readonly bodyMs: number;
  readonly bytes: Limits;
}
export const AGENT_LIMITS: AgentLimits = {
  waitMs: 90_000,
  bodyMs: 120_000,
  bytes: { packedBytes: 128e6, unpackedBytes: 256e6, entries: 100 },
};
const HASHES_BYTES = 1e6;
/** Names of files in answers are names of files: nothing else is taken over. */
const FILE_NAME = /^[a-z0-9_-]+\.(json|txt)$/;

interface Hashes {
  readonly capturedAt: string;
  readonly files: ReadonlyMap<string, string>;
  readonly failures: ReadonlyMap<string, Failure>;
  /** Agents from before there was such a member do not tell. */
  readonly cost: Omit<ReadingCost, 'tookMs'> | undefined;
}
type Got<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: Failure };

export async function readByAgent(
  node: string,
  way: AgentWay,
  bodies: BodyCache,
  limits: AgentLimits,
  signal: AbortSignal,
): Promise<ReadOutcome> {
  const hashes = await askHashes(node, way, limits, signal);
  if (!hashes.ok) return hashes;
  const { files, failures, capturedAt, cost } = hashes.value;
  const parts = new Map<string, PartReading>();
  for (const [name, failure] of failures) parts.set(name, { kind: 'failed', failure });
  const wanted: string[] = [];
  const elsewhere: string[] = [];
  for (const [name, hash] of files) {
    const held = bodies.get(hash);
    if (held !== undefined) parts.set(name, { kind: 'read', content: held, sha256: hash });
    else if (bodies.claim(hash)) wanted.push(name);
    else elsewhere.push(name);
  }
  try {
    if (wanted.length > 0) {
      const without = [...files.keys()].filter((name) => !wanted.includes(name));
      const fetched = await askCapture(node, way, without, limits, signal);
      if (!fetched.ok) return fetched;
      for (const [name, content] of fetched.value) {
        const hash = sha256(content);
        parts.set(name, { kind: 'read', content: bodies.put(hash, content), sha256: hash });
      }
    }
  } finally {
    for (const name of wanted) bodies.release(files.get(name) ?? '');
  }
  // What another node of the same content fetches now; by itself where that failed.
  for (const name of elsewhere) {
    const hash = files.get(name) ?? '';
    await bodies.coming(hash);
    const held = bodies.get(hash);
    const one = held === undefined ? await askPart(name, way, limits, signal) : { ok: true as const, value: held };
    if (!one.ok) return one;
    const content = held ?? bodies.put(sha256(one.value), one.value);
    parts.set(name, { kind: 'read', content, sha256: held === undefined ? sha256(content) : hash });
  }
  const missing = wanted.find((name) => !parts.has(name));
  if (missing !== undefined) return failedReading(where(way, '/v1/capture'), `${missing} is named and was not sent`);
  if (!parts.has('nft.json')) return failedReading(where(way, '/v1/hashes'), 'the agent has no ruleset');
  const reading: NodeReading = { parts, capturedAt, cost };
  return { ok: true, value: reading };
}

async function askHashes(node: string, way: AgentWay, limits: AgentLimits, signal: AbortSignal): Promise<Got<Hashes>> {
  const path = '/v1/hashes';
  const got = await ask(way, path, HASHES_BYTES, limits, signal);
  if (!got.ok) return got;
  const json = parseJson(got.value.toString('utf8'));
  if (!json.ok) return failedReading(where(way, path), `the answer is ${json.problem.say}`);
  const decoded = decoding((): Hashes | string => {
    const root = at(json.value);
    if (root.key('format').integer() !== 1) return `format ${root.key('format').integer()} is not known`;
    const name = root.key('node').string();
    if (name !== node) return `the agent answers for the node ${name}`;
    const files = new Map<string, string>();
    for (const file of Object.keys(root.key('files').object())) {
      const hash = root.key('files').optional(file)?.string();
      if (hash === undefined || !FILE_NAME.test(file)) continue;
      if (!/^[0-9a-f]{64}$/.test(hash)) return `the hash of ${file} is none`;
      files.set(file, hash);
    }
    const failures = new Map<string, Failure>();
    const errors = root.optional('errors');
    for (const file of Object.keys(errors?.object() ?? {})) {
      const entry = errors?.optional(file);
      if (entry === undefined || !FILE_NAME.test(file)) continue;
      failures.set(file, {
        command: entry.optional('command')?.string() ?? 'the command',
        exitStatus: entry.optional('exitStatus')?.integer(0, 255) ?? null,
        stderr: entry.optional('stderr')?.string() ?? '',
      });
    }
    const cost = decodeCost(root.optional('cost')?.value);
    return { capturedAt: root.key('capturedAt').string(), files, failures, cost };
  });
  if (!decoded.ok) return failedReading(where(way, path), `${decoded.problem.path}: ${decoded.problem.say}`);
  if (typeof decoded.value === 'string') return failedReading(where(way, path), decoded.value);
  return { ok: true, value: decoded.value };
}

async function askCapture(
  node: string,
  way: AgentWay,
  without: readonly string[],
  limits: AgentLimits,
  signal: AbortSignal,
): Promise<Got<ReadonlyMap<string, Uint8Array>>> {
  const path = `/v1/capture${without.length === 0 ? '' : `?without=${without.join(',')}`}`;
  const got = await ask(way, path, limits.bytes.packedBytes, limits, signal);
  if (!got.ok) return got;
  const folder = `nodes/${node}/`;
  const nameOf = (entry: string) => (entry.startsWith(folder) ? entry.slice(folder.length) : '');
  const isPart = (entry: string) => FILE_NAME.test(nameOf(entry)) && !NOTES.has(nameOf(entry));
  const files = await readTar(() => Readable.from([got.value]), isPart, limits.bytes, signal);
  if (!files.ok) return failedReading(where(way, path), files.problem.say);
  const parts = [...files.value].flatMap(([entry, content]) =>
    content === undefined || !isPart(entry) ? [] : [[nameOf(entry), content] as const],
  );
  return { ok: true, value: new Map(parts) };
}
const NOTES = new Set(['capture.json', 'errors.json']);

async function askPart(name: string, way: AgentWay, limits: AgentLimits, signal: AbortSignal): Promise<Got<Buffer>> {
  const path = `/v1/parts/${name}`;
  const opened = await open(way, path, limits, signal);
  if (!opened.ok) return opened;
  const tag = /^"([0-9a-f]{64})(\.gz)?"$/.exec(opened.value.headers.etag ?? '')?.[1];
  const got = await body(way, path, opened.value, limits.bytes.unpackedBytes, limits, signal);
  if (!got.ok) return got;
  if (tag !== sha256(got.value)) return failedReading(where(way, path), 'what came is not what its hash says');
  return got;
}

async function ask(
  way: AgentWay,
  path: string,
  bytes: number,
  limits: AgentLimits,
  signal: AbortSignal,
): Promise<Got<Buffer>> {
  const opened = await open(way, path, limits, signal);
  return opened.ok ? body(way, path, opened.value, bytes, limits, signal) : opened;
}

async function open(
  way: AgentWay,
  path: string,
  limits: AgentLimits,
  signal: AbortSignal,
): Promise<Got<IncomingMessage>> {
  const answer = await way.get(path, { 'accept-encoding': 'gzip' }, { signal, milliseconds: limits.waitMs });
  return answer.ok ? answer : failedReading(where(way, path), saying(answer.trouble));
}

async function body(
  way: AgentWay,
  path: string,
  response: IncomingMessage,
  bytes: number,
  limits: AgentLimits,
  signal: AbortSignal,
): Promise<Got<Buffer>> {
  const { statusCode = 0, headers } = response;
  const type = headers['content-type'] ?? '';
  const read = await readBody(response, {
    bytes: statusCode === 200 ? bytes : HASHES_BYTES,
    milliseconds: limits.bodyMs,
    signal,
  });
  if (!read.ok) return failedReading(where(way, path), saying(read.trouble));
  if (statusCode !== 200) return failedReading(where(way, path), refusal(statusCode, read.value));
  if (type.startsWith('text/html')) return failedReading(where(way, path), 'the answer is a page of HTML');
  return { ok: true, value: read.value };
}

/** The problem of the agent, or the Status of the API server where the agent was not reached. */
function refusal(status: number, content: Buffer): string {
  const json = parseJson(content.toString('utf8'));
  const decoded = json.ok
    ? decoding(() => {
        const root = at(json.value);
        const title = root.optional('title')?.string() ?? root.optional('message')?.string();
        return [title, root.optional('detail')?.string()].filter((text) => text !== undefined).join(' ');
      })
    : undefined;
  return `status ${status}${decoded?.ok === true && decoded.value !== '' ? `: ${decoded.value}` : ''}`;
}

const where = (way: AgentWay, path: string): string => `GET ${path.split('?')[0]} of the agent (by ${way.name})`;

/** Behind the pod proxy the same troubles mean the agent. */
function saying(trouble: Trouble): string {
  return trouble.kind === 'unreachable' ? trouble.why : describeTrouble(trouble);
}
