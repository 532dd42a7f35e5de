/**
 * Speaks docs/agent.md over HTTP with recorded readings instead of a node's own, and misbehaves when told to. The real agent is
 * tested against the same client in server/kube/real-agent.test.ts.
 */
import { createHash } from 'node:crypto';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { Failure } from '../../lib/world/capture-files';
import type { RawFiles } from '../../server/sources/source';
import { makeTarGz } from '../../server/sources/testing/make-bundle';

export type AgentFault =
  | 'none'
  | 'hang'
  | 'hang-in-body'
  | 'too-short'
  | 'too-long'
  | 'html'
  | 'html-as-json'
  | 'endless'
  | 'other-node'
  | 'damaged'
  | 'not-all'
  | 'problem'
  | 'slow';

export class RecordedAgent {
  fault: AgentFault = 'none';
  /** Milliseconds before each answer. */
  delayMs = 0;
  /** The member `cost` of its hashes; an older agent has none. */
  cost: unknown;
  readonly asked: string[] = [];
  /** Bytes of bodies that were sent. */
  sent = 0;
  readonly #streams = new Set<http.ServerResponse>();
  readonly #server: http.Server;
  readonly #heartbeat: NodeJS.Timeout;
  readonly #hashes = new WeakMap<Uint8Array, string>();
  #files: ReadonlyMap<string, Uint8Array>;
  readonly #failures: Readonly<Record<string, Failure>>;
  #port = 0;

  constructor(
    readonly node: string,
    files: RawFiles,
    readonly token: string,
  ) {
    this.#files = new Map([...files].flatMap(([name, one]) => (one.kind === 'read' ? [[name, one.content]] : [])));
    this.#failures = Object.fromEntries(
      [...files].flatMap(([name, one]) => (one.kind === 'failed' ? [[name, one.failure]] : [])),
    );
    this.#server = http.createServer((request, response) => void this.#answer(request, response));
    this.#heartbeat = setInterval(() => {
      for (const stream of this.#streams) this.#tell(stream, 'heartbeat');
    }, 10_000).unref();
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  async stop(): Promise<void> {
    clearInterval(this.#heartbeat);
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get streams(): number {
    return this.#streams.size;
  }

  /** The ruleset is another one from now on; listeners hear of it. */
  change(listing: string): void {
    this.#files = new Map([...this.#files, ['nft.json', Buffer.from(listing)]]);
    for (const stream of this.#streams) this.#tell(stream);
  }

  dropStreams(): void {
    for (const stream of this.#streams) stream.destroy();
  }

  #hashOf(content: Uint8Array): string {
    const hash = this.#hashes.get(content) ?? sha256(content);
    this.#hashes.set(content, hash);
    return hash;
  }

  #tell(stream: http.ServerResponse, event = 'ruleset'): void {
    const hash = this.#hashOf(this.#files.get('nft.json') ?? NOTHING);
    stream.write(`event: ${event}\ndata: ${JSON.stringify({ generation: 1, state: 'current', hash })}\n\n`);
  }

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://agent');
    this.asked.push(`${request.method === 'HEAD' ? 'HEAD ' : ''}${url.pathname}${url.search}`);
    if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
    const given = request.headers['nftscope-authorization'] ?? request.headers.authorization;
    if (given !== `Bearer ${this.token}`) return problem(response, 401, 'AGENT-401', 'The token is not known.');
    if (url.pathname === '/v1/events') return this.#stream(response);
    switch (this.fault) {
      case 'hang':
        return;
      case 'html':
        return send(response, 'text/html', '<!doctype html><title>Login</title>');
      case 'html-as-json':
        return send(response, 'application/json', '<!doctype html><title>Login</title>');
      case 'problem':
        return problem(response, 503, 'AGENT-503', 'Too many requests at once.');
      case 'endless':
        return this.#endless(response);
      case 'too-short':
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': 5000 });
        response.write('{"format": 1');
        return void setTimeout(() => response.destroy(), 5);
      case 'too-long':
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': 20 });
        response.write(`{"format": 1, "node": ${JSON.stringify(this.node)}, "files": {}}`);
        return void setTimeout(() => response.destroy(), 5);
      case 'hang-in-body':
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': 5000 });
        return void response.write('{"format": 1');
      case 'none':
      case 'other-node':
      case 'damaged':
      case 'not-all':
      case 'slow':
        break;
    }
    if (url.pathname === '/v1/hashes') return this.#answerHashes(response);
    if (url.pathname === '/v1/capture') return this.#capture(response, url.searchParams.get('without') ?? '');
    const content = this.#files.get(url.pathname.replace('/v1/parts/', ''));
    if (content === undefined) return problem(response, 404, 'AGENT-404', 'There is no such file.');
    const etag = `"${this.#hashOf(content)}"`;
    if (request.headers['if-none-match'] === etag) return void response.writeHead(304, { etag }).end();
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': content.length, etag });
    if (request.method === 'HEAD') return void response.end();
    this.sent += content.length;
    response.end(content);
  }

  #answerHashes(response: http.ServerResponse): void {
    const files = Object.fromEntries([...this.#files].map(([name, content]) => [name, this.#hashOf(content)]));
    const nulls = Object.fromEntries(Object.keys(this.#failures).map((name) => [name, null]));
    const body = {
      format: 1,
      node: this.fault === 'other-node' ? 'another' : this.node,
      hash: sha256(JSON.stringify(files)),
      state: 'current',
      capturedAt: '2026-01-31T12:00:00.000Z',
      files: { ...files, ...nulls },
      errors: this.#failures,
      ...(this.cost !== undefined && { cost: this.cost }),
    };
    send(response, 'application/json', JSON.stringify(body));
  }

  async #capture(response: http.ServerResponse, without: string): Promise<void> {
    const left = new Set(without.split(','));
    const all = [...this.#files].filter(([name]) => !left.has(name));
    const sent = this.fault === 'not-all' ? all.filter(([name]) => name !== 'addr.json') : all;
    const entries = sent.map(([name, body]) => ({
      header: { name: `nodes/${this.node}/${name}`, size: body.length },
      body,
    }));
    const packed = await makeTarGz([...entries, [`nodes/${this.node}/capture.json`, '{"format": 1}']]);
    this.sent += packed.length;
    response.writeHead(200, { 'content-type': 'application/gzip' });
    if (this.fault !== 'slow') return void response.end(this.fault === 'damaged' ? packed.subarray(0, -200) : packed);
    for (let at = 0; at < packed.length; at += 16_384) {
      response.write(packed.subarray(at, at + 16_384));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    response.end();
  }

  #stream(response: http.ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    this.#streams.add(response);
    response.once('close', () => this.#streams.delete(response));
    this.#tell(response);
  }

  /** 500 MB that pack well. */
  #endless(response: http.ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
    const piece = gzipSync(Buffer.alloc(5e6, ' '));
    let left = 100;
    const more = () => {
      while (left > 0 && !response.destroyed) {
        left -= 1;
        if (!response.write(piece)) return void response.once('drain', more);
      }
      response.end();
    };
    more();
  }
}

const NOTHING = new Uint8Array();
const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

function send(response: http.ServerResponse, type: string, body: string): void {
  response.writeHead(200, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

function problem(response: http.ServerResponse, status: number, code: string, title: string): void {
  response.writeHead(status, { 'content-type': 'application/problem+json' });
  response.end(JSON.stringify({ type: 'about:blank', status, title, detail: 'As the test wants it.', code }));
}
