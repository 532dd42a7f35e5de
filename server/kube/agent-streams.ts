/**
 * Hears of all agents of a cluster whether their rulesets changed: by an open stream, and where there are too many for that, by
 * asking in turn. Nodes that somebody has open always have a stream.
 */
import 'server-only';
import type { Following } from '@/lib/fleet/following';
import { type AgentEventTimes, type AgentListener, followAgent } from './agent-events';
import { AgentTurns, type TurnTimes } from './agent-turns';
import type { AgentWay } from './agent-way';
import type { NodePod } from './node-pods';
import { pause } from './pause';

/** Streams to keep open: each is a connection here, in the API server and in the agent. */
const STREAMS_MAX = 2000;
/** Nodes that were opened last have a stream. */
const ATTENDED_MAX = 64;
/** Streams are opened so many at a time, so that opening them holds nobody up. */
const OPEN_AT_ONCE = 20;
const OPEN_PAUSE_MS = 10;
/** What is lost and back within this time is told as one. */
const TELL_MS = 500;

export interface StreamsListener {
  /** The ruleset is another one than before, or cannot be read any longer. */
  readonly changed: (node: string) => void;
  /** Its agent has a ruleset; told at least with every heartbeat. */
  readonly heard: (node: string, isBack: boolean) => void;
  /** Undefined: all are heard. */
  readonly lost: (why: string | undefined) => void;
  /** SHA-256 of the listing that is shown of the node; undefined where none is. */
  readonly shown: (node: string) => string | undefined;
}
export interface StreamsOptions {
  readonly max?: number | undefined;
  readonly times?: AgentEventTimes | undefined;
  readonly turnTimes?: TurnTimes | undefined;
}

interface Followed {
  readonly pod: NodePod;
  /** What its agent said last; stays when the way of following changes. */
  known: string | null | undefined;
  state: 'not-yet' | 'heard' | 'lost';
  why: string;
}

export class AgentStreams {
  readonly #followed = new Map<string, Followed>();
  readonly #open = new Map<string, AbortController>();
  readonly #turns: AgentTurns;
  /** In the order in which they were opened. */
  readonly #attended = new Set<string>();
  readonly #waiting = new Set<string>();
  readonly #max: number;
  #told: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    readonly way: (pod: NodePod) => AgentWay,
    readonly listener: StreamsListener,
    readonly signal: AbortSignal,
    readonly options: StreamsOptions = {},
  ) {
    this.#max = options.max ?? STREAMS_MAX;
    this.#turns = new AgentTurns(signal, options.turnTimes);
    signal.addEventListener('abort', () => this.follow([]), { once: true });
  }

  /** From now on these, and no others. */
  follow(pods: readonly NodePod[]): void {
    const wanted = new Map((this.signal.aborted ? [] : pods).map((pod) => [keyOf(pod), pod]));
    for (const key of this.#followed.keys()) {
      if (wanted.has(key)) continue;
      this.#close(key);
      this.#turns.remove(key);
      this.#followed.delete(key);
    }
    for (const [key, pod] of wanted)
      if (!this.#followed.has(key)) this.#followed.set(key, { pod, known: undefined, state: 'not-yet', why: '' });
    this.#choose();
    this.#turned();
  }

  /** Somebody has this node open. */
  attend(node: string): void {
    this.#attended.delete(node);
    this.#attended.add(node);
    for (const old of [...this.#attended].slice(0, Math.max(this.#attended.size - ATTENDED_MAX, 0)))
      this.#attended.delete(old);
    if (this.#followed.size > this.#max) this.#choose();
  }

  /** How it is heard of each node whether its ruleset changed. */
  following(): ReadonlyMap<string, Following> {
    return new Map([...this.#followed].map(([key, one]) => [one.pod.node, this.#way(key, one)]));
  }

  #way(key: string, { state, why }: Followed): Following {
    if (state === 'not-yet') return { kind: 'not-yet' };
    if (state === 'lost') return { kind: 'lost', why };
    if (!this.#turns.has(key)) return { kind: 'heard' };
    return { kind: 'asked', everySeconds: Math.ceil(this.#turns.everyMs(key) / 1000) };
  }

  /** Those that somebody has open come first, then those that have a stream, then the others. */
  #choose(): void {
    const keys = [...this.#followed];
    const attended = keys.filter(([, { pod }]) => this.#attended.has(pod.node));
    const isChosen = (key: string) => this.#open.has(key) || this.#waiting.has(key);
    const order = [...attended, ...keys.filter(([key]) => isChosen(key)), ...keys].map(([key]) => key);
    const chosen = new Set<string>();
    for (const key of order) if (chosen.size < this.#max) chosen.add(key);
    for (const [key, followed] of keys) {
      if (chosen.has(key)) {
        this.#turns.remove(key);
        if (!isChosen(key)) this.#waiting.add(key);
      } else {
        this.#close(key);
        this.#turns.add(key, {
          way: this.way(followed.pod),
          known: () => followed.known,
          listener: this.#listening(followed),
        });
      }
    }
    void this.#openWaiting();
  }

  async #openWaiting(): Promise<void> {
    for (let opened = 1; ; opened += 1) {
      const [key] = this.#waiting;
      if (key === undefined || this.signal.aborted) return;
      this.#waiting.delete(key);
      const followed = this.#followed.get(key);
      if (followed !== undefined && !this.#open.has(key)) {
        const controller = new AbortController();
        this.#open.set(key, controller);
        void followAgent(this.way(followed.pod), this.#listening(followed), controller.signal, this.options.times);
      }
      if (opened % OPEN_AT_ONCE === 0) await pause(OPEN_PAUSE_MS, this.signal);
    }
  }

  #close(key: string): void {
    this.#waiting.delete(key);
    this.#open.get(key)?.abort();
    this.#open.delete(key);
  }

  #listening(followed: Followed): AgentListener {
    const { node } = followed.pod;
    return {
      heard: (hash) => {
        const isBack = followed.state === 'lost';
        const before = followed.known;
        followed.state = 'heard';
        followed.known = hash;
        if (isBack) this.#turned();
        // The first word may come long after the node was read.
        const shown = before === undefined ? this.listener.shown(node) : undefined;
        const isOther = before === undefined ? shown !== undefined && shown !== hash : before !== hash;
        if (isOther) this.listener.changed(node);
        else if (hash !== null) this.listener.heard(node, isBack);
      },
      lost: (why) => {
        if (followed.state === 'lost' && followed.why === why) return;
        followed.state = 'lost';
        followed.why = why;
        this.#turned();
      },
    };
  }

  #turned(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (this.signal.aborted) return;
      const why = this.#why();
      if (why === this.#told) return;
      this.#told = why;
      this.listener.lost(why);
    }, TELL_MS);
    this.#timer.unref();
  }

  #why(): string | undefined {
    const lost = [...this.#followed.values()].filter(({ state }) => state === 'lost');
    const [first] = lost;
    if (first === undefined) return undefined;
    return `${lost.length} of ${this.#followed.size} are not heard. ${first.pod.node}: ${first.why}`;
  }
}

const keyOf = ({ namespace, name, address, port }: NodePod): string => `${namespace}/${name} ${address} ${port}`;
