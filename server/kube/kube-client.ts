/** Requests to the API server: with credentials, limits of time and bytes, and troubles as values. */
import 'server-only';
import * as http from 'node:http';
import * as https from 'node:https';
import { createGunzip } from 'node:zlib';
import { parseJson } from '@/lib/net/json-cursor';
import type { KubeAccess } from './kube-access';
import { type Answer, type Right, type Trouble, troubled } from './trouble';

export interface AskOptions {
  readonly signal: AbortSignal;
  /** Until the answer begins. */
  readonly milliseconds?: number;
  readonly headers?: { readonly [name: string]: string };
  /** The API server takes either for the verb get. */
  readonly method?: 'GET' | 'HEAD';
  /** What is needed for it: named when it is missing. */
  readonly right: Right;
}
const WAIT_MS = 30_000;
const JSON_BYTES = 256e6;
const SAID_BYTES = 64e3;

export class KubeClient {
  constructor(readonly access: KubeAccess) {}

  /** The answer once it begins, whatever its status but 401 and 403. Credentials that are refused are renewed once. */
  async open(path: string, options: AskOptions): Promise<Answer<http.IncomingMessage>> {
    for (const fresh of [false, true]) {
      const answer = await this.#once(path, options, fresh);
      if (!answer.ok) return answer;
      const { statusCode = 0, headers } = answer.value;
      // Somebody behind a proxy of the API server refuses, not the API server: that is an answer (RFC 9457).
      if (headers['content-type']?.startsWith('application/problem+json')) return answer;
      if (statusCode === 401) {
        answer.value.destroy();
        continue;
      }
      if (statusCode === 403) return this.#forbidden(answer.value, options);
      return answer;
    }
    return troubled({ kind: 'unauthorized' });
  }

  /** @param bytes at most, unpacked */
  async json(path: string, options: AskOptions, bytes = JSON_BYTES): Promise<Answer<unknown>> {
    const { signal, milliseconds = WAIT_MS, headers } = options;
    const opened = await this.open(path, {
      ...options,
      headers: { accept: 'application/json', 'accept-encoding': 'gzip', ...headers },
    });
    if (!opened.ok) return opened;
    const { statusCode = 0, headers: said } = opened.value;
    const body = await readBody(opened.value, { bytes, signal, milliseconds: 4 * milliseconds });
    if (!body.ok) return body;
    const json = parseJson(body.value.toString('utf8'));
    if (statusCode !== 200) return troubled(troubleOf(statusCode, json.ok ? json.value : undefined, said));
    return json.ok ? { ok: true, value: json.value } : troubled({ kind: 'nonsense', why: json.problem.say });
  }

  async #once(path: string, options: AskOptions, fresh: boolean): Promise<Answer<http.IncomingMessage>> {
    const { signal, milliseconds = WAIT_MS, method = 'GET' } = options;
    if (signal.aborted) return troubled({ kind: 'cancelled' });
    let credentials: Awaited<ReturnType<KubeAccess['credentials']>>;
    try {
      credentials = await this.access.credentials(fresh);
    } catch (error) {
      return troubled({ kind: 'unauthorized', why: (error as Error).message });
    }
    const url = new URL(this.access.server + path);
    const headers = { 'user-agent': 'nftscope', ...options.headers, ...credentials.headers };
    const ask = url.protocol === 'https:' ? https.request : http.request;
    return answered(
      () => ask(url, { ...credentials.tls, method, agent: credentials.agent, headers }),
      signal,
      milliseconds,
    );
  }

  async #forbidden(answer: http.IncomingMessage, { right, signal }: AskOptions): Promise<Answer<never>> {
    return troubled({ kind: 'forbidden', right, said: await messageOf(answer, signal) });
  }
}

/**
 * A request without a body, and the answer once it begins. A kept connection may be gone without this side knowing it: nothing was
 * asked then, and another one is taken, at last a new one.
 */
export async function answered(
  make: () => http.ClientRequest,
  signal: AbortSignal,
  milliseconds: number,
): Promise<Answer<http.IncomingMessage>> {
  for (;;) {
    let request: http.ClientRequest;
    try {
      request = make();
    } catch (error) {
      // Node throws at once for what it cannot send, such as a token with a line break in it.
      return troubled({ kind: 'unreachable', why: (error as Error).message });
    }
    request.end();
    const answer = await ended(request, signal, milliseconds);
    if (answer.ok || answer.trouble.kind !== 'unreachable' || signal.aborted) return answer;
    if (!request.reusedSocket || !wasReset(answer.trouble.why)) return answer;
  }
}

/** Where nobody answers a connection is tried anew: the kernel's own next try may be half a minute away when the network is back. */
const CONNECT_MS = 10_000;

/** Settles when the answer begins, or cannot. */
function ended(
  request: http.ClientRequest,
  signal: AbortSignal,
  milliseconds: number,
): Promise<Answer<http.IncomingMessage>> {
  return new Promise((resolve) => {
    const cancel = () => request.destroy(new Error('cancelled'));
    const timer = setTimeout(
      () => request.destroy(new Error(`no answer within ${milliseconds / 1000} s`)),
      milliseconds,
    );
    let connecting: NodeJS.Timeout | undefined;
    const settle = (answer: Answer<http.IncomingMessage>) => {
      clearTimeout(timer);
      clearTimeout(connecting);
      signal.removeEventListener('abort', cancel);
      resolve(answer);
    };
    signal.addEventListener('abort', cancel, { once: true });
    if (signal.aborted) cancel();
    request.once('socket', (socket) => {
      socket.setKeepAlive(true, 15_000);
      if (!socket.connecting) return;
      connecting = setTimeout(
        () => request.destroy(new Error(`no connection within ${CONNECT_MS / 1000} s`)),
        CONNECT_MS,
      );
      socket.once('connect', () => clearTimeout(connecting));
    });
    // Also after the answer: otherwise a broken connection would end the process.
    request.on('error', (error) =>
      settle(troubled(signal.aborted ? { kind: 'cancelled' } : { kind: 'unreachable', why: reasonOf(error) })),
    );
    request.once('response', (response) => {
      response.on('error', () => undefined);
      settle({ ok: true, value: response });
    });
  });
}

interface BodyLimits {
  readonly bytes: number;
  readonly milliseconds: number;
  readonly signal: AbortSignal;
}

/** The whole body, unpacked where it is gzip. One that ends before its length, or is longer than allowed, is none. */
export function readBody(response: http.IncomingMessage, limits: BodyLimits): Promise<Answer<Buffer>> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const isPacked = response.headers['content-encoding'] === 'gzip';
    const stream = isPacked ? response.pipe(createGunzip()) : response;
    const settle = (answer: Answer<Buffer>) => {
      clearTimeout(timer);
      limits.signal.removeEventListener('abort', cancel);
      resolve(answer);
      if (!answer.ok) {
        response.destroy();
        if (isPacked) stream.destroy();
      }
    };
    const fail = (why: string) => settle(troubled({ kind: 'unreachable', why }));
    const cancel = () => settle(troubled({ kind: 'cancelled' }));
    const late = () => fail(`the answer was not complete within ${limits.milliseconds / 1000} s`);
    const timer = setTimeout(late, limits.milliseconds);
    limits.signal.addEventListener('abort', cancel, { once: true });
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > limits.bytes) settle(troubled({ kind: 'nonsense', why: `more than ${limits.bytes} bytes` }));
      else chunks.push(chunk);
    });
    stream.once('error', (error) => (isPacked ? fail(`it is damaged: ${error.message}`) : fail(error.message)));
    response.once('close', () => {
      if (!response.complete) fail('the connection broke before the end');
    });
    stream.once('end', () =>
      response.complete || isPacked ? settle({ ok: true, value: Buffer.concat(chunks) }) : undefined,
    );
    if (limits.signal.aborted) cancel();
  });
}

/** `message` of the Status object of an answer that is no success. */
async function messageOf(response: http.IncomingMessage, signal: AbortSignal): Promise<string> {
  const body = await readBody(response, { bytes: SAID_BYTES, milliseconds: 5000, signal });
  const json = body.ok ? parseJson(body.value.toString('utf8')) : undefined;
  return json?.ok === true ? saidIn(json.value) : '';
}

function saidIn(status: unknown): string {
  const message = (status as { readonly message?: unknown } | null | undefined)?.message;
  return typeof message === 'string' ? message.slice(0, 500) : '';
}

/** Of an HTTP status, or of the Status object in an ERROR event (apimachinery: metav1.Status). */
export function troubleOf(status: number, body: unknown, headers: http.IncomingHttpHeaders = {}): Trouble {
  if (status === 410) return { kind: 'gone' };
  const againMs = retryAfter(headers);
  return { kind: 'status', status, said: saidIn(body), ...(againMs !== undefined && { againMs }) };
}

const AGAIN_MS_MAX = 300_000;

/** In seconds; the API server gives no dates. */
function retryAfter({ 'retry-after': given = '' }: http.IncomingHttpHeaders): number | undefined {
  return /^\d{1,9}$/.test(given) ? Math.min(Number(given) * 1000, AGAIN_MS_MAX) : undefined;
}

/** As Node says that the other side closed the connection. */
const wasReset = (why: string): boolean => /ECONNRESET|EPIPE|socket hang up/.test(why);

/** Node wraps what several addresses said in an AggregateError without a message. */
export function reasonOf(error: Error & { readonly code?: string; readonly errors?: readonly Error[] }): string {
  return (
    error.message || error.errors?.map(({ message }) => message).join(', ') || error.code || 'the connection failed'
  );
}
