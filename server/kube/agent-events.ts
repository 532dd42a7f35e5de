/** Hears from agents that rulesets changed (docs/agent.md, /v1/events): a stream for each, begun again when it ends. */
import 'server-only';
import type { IncomingMessage } from 'node:http';
import { at, decoding, parseJson } from '@/lib/net/json-cursor';
import type { AgentWay } from './agent-way';
import { readBody } from './kube-client';
import { pause } from './pause';
import { describeTrouble, oddAnswer } from './trouble';

export interface AgentEventTimes {
  readonly againMs: number;
  readonly againMsMax: number;
  /** Heartbeats come every 10 s (docs/agent.md): after this time without any the stream is lost. */
  readonly silenceMs: number;
}
/** The longest pause is 15 s: {@link followAgent} takes between half of it and one and a half. */
const AGENT_EVENT_TIMES: AgentEventTimes = { againMs: 1000, againMsMax: 10_000, silenceMs: 30_000 };
const LINE_BYTES = 64e3;

export interface AgentListener {
  /** The SHA-256 of its listing, the same as before or not; null: it cannot be read. */
  readonly heard: (hash: string | null) => void;
  readonly lost: (why: string) => void;
}

/** Until it is cancelled. After an outage all agents are lost at once: chance spreads the moments at which they are asked again. */
export async function followAgent(
  way: AgentWay,
  listener: AgentListener,
  signal: AbortSignal,
  times: AgentEventTimes = AGENT_EVENT_TIMES,
  random: () => number = Math.random,
): Promise<void> {
  let wait = times.againMs;
  while (!signal.aborted) {
    const why = await once(
      way,
      (hash) => {
        wait = times.againMs;
        listener.heard(hash);
      },
      signal,
      times,
    );
    if (signal.aborted) return;
    listener.lost(why);
    await pause(wait * (0.5 + random()), signal);
    wait = Math.min(wait * 2, times.againMsMax);
  }
}

/** Until the stream ends; returns why. */
async function once(
  way: AgentWay,
  ruleset: (hash: string | null) => void,
  signal: AbortSignal,
  times: AgentEventTimes,
): Promise<string> {
  const headers = { accept: 'text/event-stream' };
  // The first event waits for the first listing.
  const opened = await way.get('/v1/events', headers, { signal, milliseconds: 90_000 });
  if (!opened.ok) return describeTrouble(opened.trouble);
  const { value: response } = opened;
  if (response.statusCode !== 200 || response.headers['content-type']?.startsWith('text/event-stream') !== true) {
    await readBody(response, { bytes: LINE_BYTES, milliseconds: 5000, signal });
    return oddAnswer(response, '/v1/events');
  }
  return hear(response, ruleset, signal, times.silenceMs);
}

function hear(
  response: IncomingMessage,
  ruleset: (hash: string | null) => void,
  signal: AbortSignal,
  silenceMs: number,
): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    let silence: NodeJS.Timeout | undefined;
    const end = (why: string) => {
      clearTimeout(silence);
      signal.removeEventListener('abort', cancel);
      response.destroy();
      resolve(why);
    };
    const cancel = () => end('cancelled');
    const listen = () => {
      clearTimeout(silence);
      silence = setTimeout(() => end(`nothing was heard for ${silenceMs / 1000} s`), silenceMs);
    };
    signal.addEventListener('abort', cancel, { once: true });
    listen();
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      listen();
      text += chunk;
      if (text.length > LINE_BYTES) return end('an event that does not end');
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        const hash = hashIn(block);
        if (hash !== undefined) ruleset(hash);
      }
    });
    response.once('close', () => end('the stream ended'));
    if (signal.aborted) cancel();
  });
}

/** Of `ruleset` and `heartbeat`; null: the ruleset cannot be read. A change is told once it is listed. */
function hashIn(block: string): string | null | undefined {
  const fields = new Map(block.split('\n').map((line) => line.split(/: ?(.*)/s, 2) as [string, string]));
  if (fields.get('event') !== 'ruleset' && fields.get('event') !== 'heartbeat') return undefined;
  const json = parseJson(fields.get('data') ?? '');
  const hash = json.ok ? decoding(() => at(json.value).optional('hash')?.string() ?? null) : json;
  return hash.ok ? hash.value : undefined;
}
