/** An answer that comes bit by bit: one line of JSON each (application/x-ndjson). It ends with the work, or when nobody reads on. */
import 'server-only';
import { failed, type Result } from '@/lib/net/result';
import { API_POLICY, problemResponse } from './problem-response';

/** Sends a line; false where the client has not read the ones before, and the line was not sent. */
type Send = (line: object, isLast?: boolean) => boolean;

/**
 * What fails before the first line is a problem document, what fails later the last line, `{"problem"}`.
 *
 * @param work its signal is that of the request, and of the stream: it ends when the client goes
 */
export async function lineStream(
  work: (send: Send, signal: AbortSignal) => Promise<Result<unknown>>,
  signal: AbortSignal,
): Promise<Response> {
  const gone = new AbortController();
  const ends = AbortSignal.any([signal, gone.signal]);
  const encoder = new TextEncoder();
  let begun = () => {};
  const first = new Promise<undefined>((resolve) => {
    begun = () => resolve(undefined);
  });
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const stream = new ReadableStream<Uint8Array>(
    {
      start(made) {
        controller = made;
      },
      cancel: () => gone.abort(),
    },
    { highWaterMark: 4 },
  );
  const send: Send = (line, isLast = false) => {
    if (ends.aborted || (!isLast && (controller?.desiredSize ?? 0) <= 0)) return false;
    controller?.enqueue(encoder.encode(`${JSON.stringify(line)}\n`));
    begun();
    return true;
  };
  const done = work(send, ends).catch((error: unknown): Result<never> => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    return failed({
      code: 'HTTP-500',
      say: 'nftscope failed on this request.',
      do: 'The cause is in the output of the server.',
    });
  });
  const early = await Promise.race([first, done]);
  if (early?.ok === false) return problemResponse(early.problem);
  void done.then((result) => {
    if (!result.ok) send({ problem: result.problem }, true);
    if (!gone.signal.aborted) controller?.close();
  });
  return new Response(stream, {
    headers: {
      'content-type': 'application/x-ndjson',
      'content-security-policy': API_POLICY,
      // Not compressed: a compressor would keep lines back.
      'cache-control': 'no-store, no-transform',
    },
  });
}
