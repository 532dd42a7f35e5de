/** The stream of changes of one source, kept up: comes back by itself, and knows when it hears nothing. Without React. */
import { LIVE_KINDS, type LiveEvent } from '@/lib/api/live-events';

export type LiveState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'connected' }
  /** Nothing is heard since then; the next try is at `again`. Times as Date.now() gives them. */
  | { readonly kind: 'lost'; readonly since: number; readonly again: number };

interface Stream {
  addEventListener(kind: string, listener: (event: { readonly data?: unknown }) => void): void;
  close(): void;
}

interface Options {
  readonly url: string;
  readonly onEvent: (event: LiveEvent) => void;
  /** `isBack`: it was lost before, so that what is shown may be old. */
  readonly onState: (state: LiveState, isBack: boolean) => void;
  /** Tests give their own. */
  readonly open?: (url: string) => Stream;
  readonly random?: () => number;
}

const AGAIN_MS = 1000;
const AGAIN_MS_MAX = 30_000;
/** Until the stream says how often it beats. */
const BEAT_MS = 15_000;
/** Beats that may be missing. */
const MISSING = 2.5;

/** Connects, and goes on until the returned function. */
export function liveConnection({
  url,
  onEvent,
  onState,
  open = (at) => new EventSource(at),
  random = Math.random,
}: Options): () => void {
  let stream: Stream | undefined;
  let again: ReturnType<typeof setTimeout> | undefined;
  let silence: ReturnType<typeof setTimeout> | undefined;
  let wait = AGAIN_MS;
  let beatMs = BEAT_MS;
  let lostSince: number | undefined;
  let wasConnected = false;

  const listen = () => {
    clearTimeout(silence);
    silence = setTimeout(lost, beatMs * MISSING);
  };
  const lost = () => {
    clearTimeout(silence);
    clearTimeout(again);
    // The browser's own way back has no growing pauses, and gives up on an answer that is not 200.
    stream?.close();
    stream = undefined;
    lostSince ??= Date.now();
    const pause = wait * (0.5 + random());
    wait = Math.min(wait * 2, AGAIN_MS_MAX);
    onState({ kind: 'lost', since: lostSince, again: Date.now() + pause }, false);
    again = setTimeout(connect, pause);
  };
  const heard = (event: LiveEvent) => {
    if (event.kind === 'hello') {
      beatMs = event.beatMs;
      const isBack = wasConnected || lostSince !== undefined;
      wait = AGAIN_MS;
      lostSince = undefined;
      wasConnected = true;
      onState({ kind: 'connected' }, isBack);
    }
    listen();
    onEvent(event);
  };
  const connect = () => {
    const opened = open(url);
    stream = opened;
    listen();
    for (const kind of LIVE_KINDS) {
      opened.addEventListener(kind, ({ data }) => {
        if (stream === opened && typeof data === 'string') heard(JSON.parse(data) as LiveEvent);
      });
    }
    opened.addEventListener('error', () => {
      if (stream === opened) lost();
    });
  };

  onState({ kind: 'connecting' }, false);
  connect();
  return () => {
    clearTimeout(silence);
    clearTimeout(again);
    const last = stream;
    stream = undefined;
    last?.close();
  };
}
