/** The agent's HTTP interface (docs/agent.md): read-only, every path but /healthz behind a token. */
import 'server-only';
import { createHash } from 'node:crypto';
import * as http from 'node:http';
import * as https from 'node:https';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { packBundle } from '../capture/pack-bundle';
import { type AgentProblem, agentProblems } from './agent-problems';
import { type ConnectionLimits, Connections } from './connections';
import { EventStreams, type SendEvent } from './event-streams';
import { metricsText } from './metrics';
import { bundleFiles, failureOf, hashesAnswer, nodeAnswer, oldest, rulesetAnswer } from './node-answers';
import { AGENT_FILES, type NodeReader, type ReaderEvent } from './node-reader';
import type { AgentResource, TokenCheck } from './token-check';

export interface AgentOptions {
  readonly reader: NodeReader;
  readonly version: string;
  /** Undefined: anonymous access. */
  readonly check: TokenCheck | undefined;
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer } | undefined;
  readonly connectionLimits?: ConnectionLimits;
  /** Where the agent's own mistakes are told. */
  readonly log: (words: string) => void;
}

const HEARTBEAT_MS = 10_000;
/** A stream's token is checked again so often. */
const RECHECK_MS = 60_000;
const AT_ONCE = 64;
const SLOW_MS = 60_000;
const COMPRESS_FROM = 1024;
const HANDSHAKE_MS = 10_000;
const TIMES = {
  headersTimeout: 10_000,
  requestTimeout: 10_000,
  keepAliveTimeout: 30_000,
  /** Node looks for what is late so often. */
  connectionsCheckingInterval: 2000,
  maxHeaderSize: 16_384,
} as const;

interface Exchange {
  readonly request: http.IncomingMessage;
  readonly response: http.ServerResponse;
  readonly url: URL;
}
interface Body {
  readonly type: string;
  readonly content: Uint8Array;
  /** Without quotes; undefined for answers that are not to be asked for conditionally. */
  readonly tag?: string;
  readonly isWeak?: boolean;
  readonly isPacked?: boolean;
  readonly headers?: { readonly [name: string]: string };
}

export interface AgentServer {
  readonly server: http.Server | https.Server;
  /** Ends the streams and the server; the reader is the caller's. */
  readonly close: () => void;
}

export function agentServer(options: AgentOptions): AgentServer {
  const { reader } = options;
  const streams = new EventStreams();
  const answers = new Map<number, number>();
  const startedAt = new Date();
  let running = 0;

  const listener = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    response.once('finish', () => answers.set(response.statusCode, (answers.get(response.statusCode) ?? 0) + 1));
    answer(request, response).catch((error: Error) => {
      options.log(error.stack ?? error.message);
      if (response.headersSent) response.destroy();
      else sendProblem(response, agentProblems.ours());
    });
  };

  async function answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    // A body is not read; what follows it on the connection cannot be understood.
    if (request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined)
      response.setHeader('connection', 'close');
    const { method = '' } = request;
    if (method !== 'GET' && method !== 'HEAD') return sendProblem(response, agentProblems.method(method));
    const url = urlOf(request.url);
    if (url === undefined) return sendProblem(response, agentProblems.noPath());
    if (url.pathname === '/healthz') return send({ request, response, url }, json({ status: 'ok' }));
    const resource = url.pathname === '/metrics' ? '/metrics' : '/nftscope/agent';
    const refusal = await whyNot(request, resource);
    if (refusal !== undefined) return sendProblem(response, refusal);
    connections.proven(request.socket);
    // Only now: who has no token takes nobody's place.
    running += 1;
    response.once('close', () => (running -= 1));
    if (running - streams.size > AT_ONCE) return sendProblem(response, agentProblems.busy('requests'));
    return route({ request, response, url });
  }

  async function whyNot(request: http.IncomingMessage, resource: AgentResource): Promise<AgentProblem | undefined> {
    if (options.check === undefined) return undefined;
    const token = tokenOf(request);
    if (token === undefined) return agentProblems.noToken();
    const verdict = await options.check(token, resource);
    switch (verdict.kind) {
      case 'allowed':
        return undefined;
      case 'unknown':
        return agentProblems.unknownToken(verdict.advice);
      case 'forbidden':
        return agentProblems.forbidden(resource);
      case 'unavailable':
        return agentProblems.cannotCheck(verdict.why);
    }
  }

  async function route(exchange: Exchange): Promise<void> {
    const { response, url } = exchange;
    const maxAge = maxAgeOf(url);
    if (maxAge === 'wrong') return sendProblem(response, agentProblems.parameter('maxAge', 'a number of seconds'));
    const [, version, name, file, more] = url.pathname.split('/');
    if (url.pathname === '/metrics')
      return send(exchange, { type: 'text/plain; version=0.0.4; charset=utf-8', content: text(metrics()) });
    if (version !== 'v1' || more !== undefined || (file !== undefined && name !== 'parts'))
      return sendProblem(response, agentProblems.noPath());
    switch (name) {
      case 'node': {
        await reader.file('nft.json', maxAge);
        return send(exchange, tagged(json(nodeAnswer(reader, { version: options.version, startedAt }))));
      }
      case 'hashes':
        return send(exchange, tagged(json(hashesAnswer(reader, await reader.files(maxAge)))));
      case 'parts':
        return sendPart(exchange, file, maxAge);
      case 'capture':
        return sendCapture(exchange, maxAge);
      case 'events':
        return openStream(exchange);
      default:
        return sendProblem(response, agentProblems.noPath());
    }
  }

  const metrics = () => metricsText(reader, { answers, streams: streams.size });
  const about = (capturedAt: Date) => ({
    'nftscope-node': encodeURIComponent(reader.options.node),
    'nftscope-state': reader.state,
    'nftscope-captured': capturedAt.toISOString(),
  });

  async function sendPart(exchange: Exchange, file: string | undefined, maxAge: number | undefined): Promise<void> {
    if (file === undefined || !AGENT_FILES.includes(file))
      return sendProblem(exchange.response, agentProblems.noFile(file ?? 'Nothing'));
    const part = await reader.file(file, maxAge);
    if (part === undefined) return sendProblem(exchange.response, agentProblems.notRead(file));
    const failure = failureOf(part);
    if (failure !== undefined || part.reading.kind !== 'read' || part.sha256 === undefined)
      return sendProblem(exchange.response, agentProblems.failedReading(failure ?? UNKNOWN_FAILURE));
    return send(exchange, {
      type: file.endsWith('.json') ? 'application/json' : 'text/plain; charset=utf-8',
      content: part.reading.content,
      tag: part.sha256,
      headers: about(part.capturedAt),
    });
  }

  async function sendCapture(exchange: Exchange, maxAge: number | undefined): Promise<void> {
    const all = await reader.files(maxAge);
    const { hash } = hashesAnswer(reader, all);
    const without = new Set((exchange.url.searchParams.get('without') ?? '').split(','));
    const tag = exchange.url.searchParams.has('without') ? sha256(text(`${hash} ${[...without].sort()}`)) : hash;
    const headers = about(oldest(all));
    if (isHeld(exchange.request, tag)) return sendNotModified(exchange.response, `W/"${tag}"`, headers);
    const kept = new Map(
      [...bundleFiles(reader.options.node, all)].filter(([path]) => !without.has(path.split('/')[2] ?? '')),
    );
    const content = await packBundle(kept);
    return send(exchange, { type: 'application/gzip', content, tag, isWeak: true, isPacked: true, headers });
  }

  async function openStream({ request, response }: Exchange): Promise<void> {
    if (streams.isFull) return sendProblem(response, agentProblems.busy('streams'));
    if (request.method === 'HEAD') return void response.writeHead(200, { 'content-type': 'text/event-stream' }).end();
    // Listened to before the first listing, so that no change falls between.
    const early: ReaderEvent[] = [];
    let tell = (event: ReaderEvent): void => void early.push(event);
    const stop = reader.listen((event) => tell(event));
    response.once('close', stop);
    await reader.file('nft.json');
    if (response.destroyed) return stop();
    const send = streams.open(response);
    send('ruleset', rulesetAnswer(reader));
    tell = (event) => sendEvent(send, event);
    for (const event of early) if (event.kind !== 'ruleset') tell(event);
    const heartbeat = setInterval(() => send('heartbeat', rulesetAnswer(reader)), HEARTBEAT_MS);
    const again = setInterval(async () => {
      const refusal = await whyNot(request, '/nftscope/agent');
      if (refusal !== undefined && refusal.status !== 503) response.end();
    }, RECHECK_MS);
    response.once('close', () => {
      clearInterval(heartbeat);
      clearInterval(again);
    });
  }

  function sendEvent(send: SendEvent, event: ReaderEvent): void {
    const { generation = null, nextListingAt = null } = reader.facts;
    switch (event.kind) {
      case 'change':
        send('change', { generation, state: reader.state, nextListingAt });
        break;
      case 'ruleset':
        send('ruleset', rulesetAnswer(reader));
        break;
      case 'watch':
        send('watch', { state: event.state.state, why: event.state.why ?? null });
        break;
    }
  }

  const server =
    options.tls === undefined
      ? http.createServer(TIMES, listener)
      : https.createServer(
          { ...TIMES, ...options.tls, handshakeTimeout: HANDSHAKE_MS, minVersion: 'TLSv1.2' },
          listener,
        );
  const connections = new Connections(server, options.connectionLimits);
  return {
    server,
    close: () => {
      streams.close();
      server.close();
      server.closeAllConnections();
    },
  };
}

const UNKNOWN_FAILURE = { command: 'the command', exitStatus: null, stderr: '' } as const;
const text = (words: string): Buffer => Buffer.from(words);
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const json = (value: object): Body => ({ type: 'application/json', content: text(`${JSON.stringify(value)}\n`) });
const tagged = (body: Body): Body => ({ ...body, tag: sha256(body.content) });

function urlOf(target: string | undefined): URL | undefined {
  try {
    return new URL(`http://agent${target ?? ''}`);
  } catch {
    return undefined;
  }
}

/** That of our own header goes first: the other one may be a proxy's. */
function tokenOf({ headers }: http.IncomingMessage): string | undefined {
  const own = headers['nftscope-authorization'];
  const value = typeof own === 'string' ? own : headers.authorization;
  return /^Bearer +(\S+)$/i.exec(value ?? '')?.[1];
}

/** In milliseconds. */
function maxAgeOf(url: URL): number | undefined | 'wrong' {
  const given = url.searchParams.get('maxAge');
  if (given === null) return undefined;
  return /^\d{1,7}$/.test(given) ? Number(given) * 1000 : 'wrong';
}

/** RFC 9110, 13.1.2: weak comparison; `*` is whatever there is. */
function isHeld(request: http.IncomingMessage, tag: string): boolean {
  const header = request.headers['if-none-match'];
  if (header === undefined) return false;
  return header.split(',').some((one) => {
    const value = one.trim();
    return value === '*' || /^(?:W\/)?"([^"]*?)(?:\.gz)?"$/.exec(value)?.[1] === tag;
  });
}

const PRIVATE = { 'cache-control': 'private, no-cache', 'x-content-type-options': 'nosniff' };
/** Bodies differ by these headers of the request. */
const VARY = { vary: 'Accept-Encoding, Authorization, Nftscope-Authorization' };

function sendNotModified(
  response: http.ServerResponse,
  etag: string,
  headers: { readonly [name: string]: string },
): void {
  response.writeHead(304, { ...PRIVATE, ...VARY, ...headers, etag }).end();
}

async function send({ request, response }: Exchange, body: Body): Promise<void> {
  const { tag, headers = {} } = body;
  const accepts = /(^|[\s,])gzip\s*(,|;\s*q=(1|0\.\d*[1-9])|$)/i.test(String(request.headers['accept-encoding'] ?? ''));
  const isZipped = accepts && body.isPacked !== true && body.content.length >= COMPRESS_FROM;
  const etag =
    tag === undefined ? undefined : body.isWeak === true ? `W/"${tag}"` : isZipped ? `"${tag}.gz"` : `"${tag}"`;
  if (tag !== undefined && etag !== undefined && isHeld(request, tag)) return sendNotModified(response, etag, headers);
  const content = isZipped ? await zipped(body.content) : body.content;
  response.writeHead(200, {
    ...PRIVATE,
    ...VARY,
    ...headers,
    'content-type': body.type,
    'content-length': content.length,
    ...(etag !== undefined && { etag }),
    ...(isZipped && { 'content-encoding': 'gzip' }),
  });
  // A reader that takes nothing must not keep it all in memory.
  response.setTimeout(SLOW_MS, () => response.destroy());
  response.end(request.method === 'HEAD' ? undefined : content);
}

/** By the bytes themselves: what is read once is compressed once. */
const packed = new WeakMap<Uint8Array, Promise<Buffer>>();
function zipped(content: Uint8Array): Promise<Buffer> {
  const known = packed.get(content) ?? promisify(gzip)(content, { level: 5 });
  packed.set(content, known);
  return known;
}

function sendProblem(response: http.ServerResponse, problem: AgentProblem): void {
  const { headers = {}, status, code, title, detail, failure } = problem;
  const body = { type: 'about:blank', status, title, detail, code, ...(failure !== undefined && { failure }) };
  response.writeHead(status, {
    ...headers,
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(`${JSON.stringify(body)}\n`);
}
