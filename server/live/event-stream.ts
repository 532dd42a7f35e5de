/** Events as text/event-stream (WHATWG HTML, section 9.2). */
import 'server-only';
import type { LiveEvent } from '@/lib/api/live-events';
import { API_POLICY } from '../http/problem-response';

/** A page that hears nothing for longer than two of these knows that the connection is lost. */
const BEAT_MS = 15_000;
/** A client that does not read is let go: it comes back and asks anew. */
const BEHIND_MAX = 1000;

/** @param listen begins to tell; its answer ends it */
export function eventStream(listen: (tell: (event: LiveEvent) => void) => () => void, signal: AbortSignal): Response {
  const encoder = new TextEncoder();
  let end = () => {};
  const stream = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        let isOver = false;
        let stop = () => {};
        const timer = setInterval(() => send({ kind: 'beat' }), BEAT_MS);
        timer.unref();
        const send = (event: LiveEvent) => {
          if (isOver) return;
          if ((controller.desiredSize ?? 0) < -BEHIND_MAX) end();
          else controller.enqueue(encoder.encode(`event: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`));
        };
        end = () => {
          if (isOver) return;
          isOver = true;
          clearInterval(timer);
          signal.removeEventListener('abort', end);
          stop();
          try {
            controller.close();
          } catch {
            // The client closed it first.
          }
        };
        signal.addEventListener('abort', end, { once: true });
        // The first, so that what is told at once comes after it.
        send({ kind: 'hello', beatMs: BEAT_MS });
        stop = listen(send);
        if (signal.aborted) end();
      },
      cancel() {
        end();
      },
    },
    { highWaterMark: 16 },
  );
  return new Response(stream, {
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      'content-security-policy': API_POLICY,
      // Not compressed: a compressor would keep events back.
      'cache-control': 'no-store, no-transform',
    },
  });
}
