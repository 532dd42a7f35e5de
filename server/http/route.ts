/** What every API route shares: who may ask, how answers and problems are written, what happens when we fail. */
import 'server-only';
import type { Problem, Result } from '@/lib/net/result';
import { refusal } from './guards';
import { problemResponse } from './problem-response';

type Handler<C> = (request: Request, context: C) => Promise<Response>;

/** A route handler of Next. A mistake of ours fails this request alone; its cause goes to the log, not to the client. */
export function guarded<C>(handler: Handler<C>): Handler<C> {
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
  'cache-control': isFinal ? 'private, max-age=31536000, immutable' : 'no-store',
});

export function answered<T>(result: Result<T>, encode: (value: T) => Response): Response {
  return result.ok ? encode(result.value) : problemResponse(result.problem);
}
