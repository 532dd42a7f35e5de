/**
 * A Kubernetes API server over real HTTP or HTTPS, for tests: list in pages, watch with bookmarks, RBAC refusals, token reviews,
 * the pod proxy to real servers, exec over WebSocket, and the faults of a bad day.
 */
import * as http from 'node:http';
import * as https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { ExecEndpoint } from './exec-endpoint';
import { type KubeObject, ObjectStore, type WatchEvent } from './object-store';
import { forbidden, kindOf, statusOf, type Target, targetOf } from './routes';

interface FakeUser {
  readonly name: string;
  readonly audiences?: readonly string[];
  /** Non-resource URLs that a SubjectAccessReview allows. */
  readonly mayGet?: readonly string[];
}
export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
}
interface Faults {
  /** Answers of lists and watches wait so long. */
  delayMs: number;
  /** What the next watch gets instead of events: then the connection ends. */
  watch: 'none' | 'garbage' | 'half-line' | 'http-410' | 'silent';
  /** Bytes of a watch come so few at a time. */
  chunkBytes: number;
  /** Status of every answer, in the place of it. */
  status: number;
}
interface Setup {
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer; readonly clientCa?: Buffer };
  readonly bookmarkMs?: number;
}

export class FakeApiServer {
  readonly store = new ObjectStore();
  readonly exec = new ExecEndpoint();
  readonly asked: Asked[] = [];
  readonly faults: Faults = { delayMs: 0, watch: 'none', chunkBytes: 0, status: 0 };
  /** `list pods`, `watch pods`, `get configmaps`, `get pods/proxy`, `create pods/exec`. */
  readonly denied = new Set<string>();
  /** Bearer tokens; empty: everybody is `anonymous`. */
  readonly users = new Map<string, FakeUser>();
  /** `NAMESPACE/POD:PORT` → the address of a real server. */
  readonly proxied = new Map<string, string>();
  version = { major: '1', minor: '36', gitVersion: 'v1.36.2' };
  readonly #sockets = new Set<Socket>();
  readonly #watches = new Map<http.ServerResponse, string>();
  #server: http.Server | https.Server | undefined;
  #port = 0;

  constructor(readonly setup: Setup = {}) {}

  async start(): Promise<this> {
    const { tls } = this.setup;
    const listener: http.RequestListener = (request, response) => void this.#answer(request, response);
    const server =
      tls === undefined
        ? http.createServer(listener)
        : https.createServer(
            { ...tls, ca: tls.clientCa, requestCert: tls.clientCa !== undefined, rejectUnauthorized: false },
            listener,
          );
    server.keepAliveTimeout = 60_000;
    server.on('upgrade', (request, socket, head) => void this.#upgrade(request, socket, head));
    server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
    return this;
  }

  /** Gone, with all connections; `start` brings it back on the same port. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
  }

  get url(): string {
    return `${this.setup.tls === undefined ? 'http' : 'https'}://127.0.0.1:${this.#port}`;
  }

  /** Breaks the watches of a resource, or all, in the middle of a line. */
  dropWatches(resource?: string): void {
    for (const [response, of] of this.#watches) {
      if (resource !== undefined && of !== resource) continue;
      response.write('{"type":"MOD');
      response.socket?.destroy();
    }
  }

  /** Ends all watches in order, after what was sent. */
  endWatches(): void {
    for (const response of this.#watches.keys()) response.end();
  }

  watchesOf(resource: string): number {
    return [...this.#watches.values()].filter((of) => of === resource).length;
  }

  bookmark(): void {
    for (const [response, resource] of this.#watches) {
      const metadata = { resourceVersion: String(this.store.version) };
      response.write(`${JSON.stringify({ type: 'BOOKMARK', object: { kind: kindOf(resource), metadata } })}\n`);
    }
  }

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://api');
    const { authorization } = request.headers;
    this.asked.push({ method: request.method ?? '', url: request.url ?? '', authorization });
    const user = this.#userOf(request);
    if (user === undefined) return send(response, 401, statusOf(401, 'Unauthorized', 'Unauthorized'));
    if (this.faults.status !== 0)
      return send(response, this.faults.status, statusOf(this.faults.status, 'InternalError', 'as the test wants it'));
    if (url.pathname === '/version') return send(response, 200, this.version);
    const target = targetOf(url.pathname);
    if (target === undefined) return send(response, 404, statusOf(404, 'NotFound', 'there is no such path'));
    if (request.method === 'POST') return this.#review(request, response, target);
    const isWatch = ['1', 'true'].includes(url.searchParams.get('watch') ?? '');
    const verb = isWatch ? 'watch' : target.name === undefined ? 'list' : 'get';
    if (this.#isDenied(verb, target)) return send(response, 403, forbidden(user.name, verb, target));
    if (target.subresource === 'proxy') return this.#proxy(request, response, target, url.search);
    if (this.faults.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.faults.delayMs));
    if (isWatch) return this.#watch(response, target, url.searchParams);
    if (target.name === undefined) return this.#list(response, target, url.searchParams);
    const object = this.store.of(target.resource).get(`${target.namespace ?? ''}/${target.name}`);
    if (object !== undefined) return send(response, 200, object);
    send(response, 404, statusOf(404, 'NotFound', `${target.resource} "${target.name}" not found`));
  }

  #userOf(request: http.IncomingMessage): FakeUser | undefined {
    const socket = request.socket as { getPeerCertificate?: () => { subject?: { CN?: string } }; authorized?: boolean };
    const subject = socket.authorized === true ? socket.getPeerCertificate?.().subject?.CN : undefined;
    if (typeof subject === 'string') return { name: subject };
    if (this.users.size === 0) return { name: 'anonymous' };
    return this.users.get(/^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '');
  }

  #isDenied(verb: string, { resource, subresource }: Target): boolean {
    return this.denied.has(`${verb} ${resource}${subresource === undefined ? '' : `/${subresource}`}`);
  }

  async #list(
    response: http.ServerResponse,
    { resource, group, namespace }: Target,
    params: URLSearchParams,
  ): Promise<void> {
    const kind = kindOf(resource);
    if (kind === undefined) return send(response, 404, statusOf(404, 'NotFound', 'the server could not find it'));
    const keep = selecting(namespace, params);
    const page = this.store.page(resource, Number(params.get('limit') ?? 0), params.get('continue') ?? undefined, keep);
    if (page === undefined)
      return send(response, 410, statusOf(410, 'Expired', 'The provided continue parameter is too old'));
    const metadata = {
      resourceVersion: String(page.version),
      ...(page.next !== undefined && { continue: page.next, remainingItemCount: page.remaining }),
    };
    const apiVersion = group === '' ? 'v1' : `${group}/v1`;
    // Items of a list have neither kind nor apiVersion.
    const items = page.items.map(({ kind: _kind, apiVersion: _version, ...rest }) => rest);
    send(response, 200, { kind: `${kind}List`, apiVersion, metadata, items });
  }

  async #watch(response: http.ServerResponse, { resource, namespace }: Target, params: URLSearchParams): Promise<void> {
    const fault = this.faults.watch;
    const gone = statusOf(410, 'Expired', 'too old resource version');
    if (fault === 'http-410') return send(response, 410, gone);
    response.writeHead(200, { 'content-type': 'application/json', 'transfer-encoding': 'chunked' });
    response.flushHeaders();
    if (fault === 'garbage') return void response.end('<html>Bad Gateway</html>\n');
    if (fault === 'half-line') return void response.end('{"type":"ADDED","object":{"metadata":{"na');
    if (fault === 'silent') return;
    const keep = selecting(namespace, params);
    const write = (event: WatchEvent) => this.#writeSlowly(response, `${JSON.stringify(event)}\n`);
    const stop = this.store.follow(resource, Number(params.get('resourceVersion') ?? 0), ({ type, object }) => {
      if (keep(object as KubeObject)) write({ type, object });
    });
    if (stop === 'gone') return void response.end(`${JSON.stringify({ type: 'ERROR', object: gone })}\n`);
    this.#watches.set(response, resource);
    const seconds = Number(params.get('timeoutSeconds') ?? 0);
    const end = seconds > 0 ? setTimeout(() => response.end(), seconds * 1000) : undefined;
    const { bookmarkMs = 0 } = this.setup;
    const marks =
      bookmarkMs > 0 && params.get('allowWatchBookmarks') === 'true'
        ? setInterval(() => {
            const metadata = { resourceVersion: String(this.store.version) };
            write({ type: 'BOOKMARK', object: { kind: kindOf(resource), metadata } });
          }, bookmarkMs)
        : undefined;
    response.once('close', () => {
      this.#watches.delete(response);
      stop();
      clearTimeout(end);
      clearInterval(marks);
    });
  }

  #writeSlowly(response: http.ServerResponse, line: string): void {
    const { chunkBytes } = this.faults;
    if (chunkBytes === 0) return void response.write(line);
    const bytes = Buffer.from(line);
    for (let at = 0; at < bytes.length; at += chunkBytes) response.write(bytes.subarray(at, at + chunkBytes));
  }

  /** TokenReview and SubjectAccessReview by `users`. */
  async #review(request: http.IncomingMessage, response: http.ServerResponse, { resource }: Target): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString()) as { spec: Record<string, unknown> };
    const { spec } = body;
    if (resource === 'tokenreviews') {
      const user = this.users.get(String(spec.token));
      const wanted = (spec.audiences ?? []) as readonly string[];
      const audiences = wanted.filter((one) => user?.audiences?.includes(one));
      const isKnown = user !== undefined && (wanted.length === 0 || audiences.length > 0);
      const status = isKnown
        ? { authenticated: true, user: { username: user.name }, audiences }
        : { authenticated: false };
      return send(response, 201, { ...body, status });
    }
    if (resource === 'subjectaccessreviews') {
      const { path } = spec.nonResourceAttributes as { path: string };
      const user = [...this.users.values()].find(({ name }) => name === spec.user);
      return send(response, 201, { ...body, status: { allowed: user?.mayGet?.includes(path) === true } });
    }
    send(response, 404, statusOf(404, 'NotFound', 'there is no such path'));
  }

  /** The name may be `POD`, `POD:PORT` or `SCHEME:POD:PORT`. The API server keeps Authorization for itself. */
  async #proxy(
    request: http.IncomingMessage,
    response: http.ServerResponse,
    target: Target,
    search: string,
  ): Promise<void> {
    const parts = (target.name ?? '').split(':');
    const scheme = parts.length === 3 ? parts.shift() : 'http';
    const [pod = '', port = ''] = parts;
    if (!this.store.of('pods').has(`${target.namespace}/${pod}`))
      return send(response, 404, statusOf(404, 'NotFound', `pods "${pod}" not found`));
    const base = this.proxied.get(`${target.namespace}/${pod}:${port}`);
    const unreachable = (why: string) =>
      send(response, 503, statusOf(503, 'ServiceUnavailable', `error trying to reach service: ${why}`));
    if (base === undefined) return unreachable('dial tcp 10.0.0.1: connect: connection refused');
    if (!base.startsWith(`${scheme}:`)) return unreachable('server gave HTTP response to HTTPS client');
    const { authorization: _kept, host: _host, ...headers } = request.headers;
    const ask = base.startsWith('https:') ? https.request : http.request;
    const { method } = request;
    // The API server does not check the certificates of pods.
    const asked = ask(`${base}/${target.rest}${search}`, { method, headers, rejectUnauthorized: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
      answer.once('aborted', () => response.destroy());
    });
    asked.once('error', (error) => (response.headersSent ? response.destroy() : unreachable(error.message)));
    response.once('close', () => asked.destroy());
    asked.end();
  }

  async #upgrade(request: http.IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://api');
    this.asked.push({ method: 'UPGRADE', url: request.url ?? '', authorization: request.headers.authorization });
    socket.on('error', () => undefined);
    const target = targetOf(url.pathname);
    const user = this.#userOf(request);
    if (user === undefined) return refuse(socket, 401, statusOf(401, 'Unauthorized', 'Unauthorized'));
    if (target?.subresource !== 'exec') return refuse(socket, 404, statusOf(404, 'NotFound', 'there is no such path'));
    if (this.#isDenied('create', target)) return refuse(socket, 403, forbidden(user.name, 'create', target));
    const { namespace = '', name: pod = '' } = target;
    if (!this.store.of('pods').has(`${namespace}/${pod}`))
      return refuse(socket, 404, statusOf(404, 'NotFound', `pods "${pod}" not found`));
    const container = url.searchParams.get('container');
    this.exec.accept(request, socket, head, { namespace, pod, container, command: url.searchParams.getAll('command') });
  }
}

/** `metadata.namespace`, and equality in labelSelector and fieldSelector. */
function selecting(namespace: string | undefined, params: URLSearchParams): (object: KubeObject) => boolean {
  const pairs = (text: string | null) => (text ?? '').split(',').flatMap((one) => (one === '' ? [] : [one.split('=')]));
  const labels = pairs(params.get('labelSelector'));
  return ({ metadata }) =>
    (namespace === undefined || metadata.namespace === namespace) &&
    labels.every(([key = '', value]) => (metadata.labels as Record<string, string> | undefined)?.[key] === value);
}

function send(response: http.ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

function refuse(socket: Duplex, status: number, body: object): void {
  const text = JSON.stringify(body);
  socket.end(
    `HTTP/1.1 ${status} ${http.STATUS_CODES[status]}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
  );
}
