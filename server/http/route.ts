/** What every API route shares: who may ask and how, how answers and problems are written, what happens when we fail. */
import 'server-only';
import type { Problem, Result } from '@/lib/net/result';
import { refusal } from './guards';
import { API_POLICY, problemResponse } from './problem-response';
import { requestProblems } from './request-problems';

type Handler<C> = (request: Request, context: C) => Promise<Response>;

/** Those that Next calls a route by. It answers HEAD with what is exported for GET. */
type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS';

interface Handlers<C> {
  readonly GET?: Handler<C>;
  readonly POST?: Handler<C>;
  /** In the place of 405. */
  readonly otherwise?: Handler<C>;
}

/**
 * The exports of a route file: each method has a handler, so that none is left to Next, which answers without a body.
 *
 * Methods without a handler get 405 with `Allow` (RFC 9110, section 15.5.6).
 */
export function route<C>(handlers: Handlers<C>): { readonly [M in Method]: Handler<C> } {
  const allow = [
    ...(handlers.GET === undefined ? [] : ['GET', 'HEAD']),
    ...(handlers.POST === undefined ? [] : ['POST']),
    'OPTIONS',
  ].join(', ');
  const { GET, POST, otherwise } = handlers;
  const others = guarded<C>(
    otherwise ??
      (async ({ method }) =>
        method === 'OPTIONS'
          ? new Response(null, { status: 204, headers: { allow } })
          : problemResponse(requestProblems.method(method, allow), { allow })),
  );
  return {
    GET: GET === undefined ? others : guarded(GET),
    POST: POST === undefined ? others : guarded(POST),
    PUT: others,
    PATCH: others,
    DELETE: others,
    OPTIONS: others,
  };
}

/** A mistake of ours fails this request alone; its cause goes to the log, not to the client. */
function guarded<C>(handler: Handler<C>): Handler<C> {
  return async (request, context) => {
    const refused = refusal(request.headers);
    if (refused !== undefined) return problemResponse(refused);
    try {
      return await handler(request, context);
    } catch (error) {
      const { pathname } = new URL(request.url);
      process.stderr.write(
        `${request.method} ${pathname}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
      );
      return problemResponse(OUR_MISTAKE);
    }
  };
}

const OUR_MISTAKE: Problem = {
  code: 'HTTP-500',
  say: 'nftscope failed on this request.',
  do: 'The cause is in the output of the server. The server goes on; please report it.',
};

/** @param isFinal the answer is that of a version named in the request: it never changes */
export function json(value: unknown, { status = 200, isFinal = false } = {}): Response {
  return new Response(JSON.stringify(value), { status, headers: headersOf('application/json', isFinal) });
}

export const text = (value: string, isFinal = false): Response =>
  new Response(value, { headers: headersOf('text/plain; charset=utf-8', isFinal) });

const headersOf = (type: string, isFinal: boolean): HeadersInit => ({
  'content-type': type,
  'content-security-policy': API_POLICY,
  'cache-control': isFinal ? 'private, max-age=31536000, immutable' : 'no-store',
});

export function answered<T>(result: Result<T>, encode: (value: T) => Response): Response {
  return result.ok ? encode(result.value) : problemResponse(result.problem);
}
