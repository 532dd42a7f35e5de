/** The streams of all agents of a cluster. */
import 'server-only';
import { type AgentEventTimes, followAgent } from './agent-events';
import type { AgentWay } from './agent-way';
import type { NodePod } from './node-pods';

/** Connections to keep open; agents beyond this are not heard, and that is told. */
const STREAMS_MAX = 2000;
/** What is lost and back within this time is told as one. */
const TELL_MS = 500;

export interface StreamsListener {
  readonly changed: (node: string) => void;
  /** Its agent has a ruleset; told at least with every heartbeat. */
  readonly heard: (node: string, isBack: boolean) => void;
  /** Undefined: all are heard. */
  readonly lost: (why: string | undefined) => void;
}

export class AgentStreams {
  readonly #open = new Map<string, { readonly pod: NodePod; readonly controller: AbortController }>();
  readonly #lost = new Map<string, string>();
  #beyond = 0;
  #told: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    readonly way: (pod: NodePod) => AgentWay,
    readonly listener: StreamsListener,
    readonly signal: AbortSignal,
    readonly times?: AgentEventTimes,
  ) {
    signal.addEventListener('abort', () => this.follow([]), { once: true });
  }

  /** From now on these, and no others. */
  follow(pods: readonly NodePod[]): void {
    const wanted = new Map((this.signal.aborted ? [] : pods).map((pod) => [keyOf(pod), pod]));
    for (const [key, { pod, controller }] of this.#open) {
      if (wanted.has(key)) continue;
      controller.abort();
      this.#open.delete(key);
      this.#lost.delete(pod.node);
    }
    for (const [key, pod] of wanted) if (!this.#open.has(key) && this.#open.size < STREAMS_MAX) this.#start(key, pod);
    this.#beyond = wanted.size - this.#open.size;
    this.#turned();
  }

  #start(key: string, pod: NodePod): void {
    const controller = new AbortController();
    this.#open.set(key, { pod, controller });
    let isBack = false;
    const listener = {
      changed: () => this.listener.changed(pod.node),
      heard: () => {
        this.listener.heard(pod.node, isBack);
        isBack = false;
      },
      lost: (why: string | undefined) => {
        if (why === undefined ? !this.#lost.delete(pod.node) : this.#lost.get(pod.node) === why) return;
        if (why !== undefined) this.#lost.set(pod.node, why);
        else isBack = true;
        this.#turned();
      },
    };
    void followAgent(this.way(pod), listener, controller.signal, this.times);
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
    const [first] = this.#lost;
    if (first !== undefined) return `${this.#lost.size} of ${this.#open.size} are not heard. ${first[0]}: ${first[1]}`;
    return this.#beyond > 0 ? `${this.#beyond} of them are not followed: there are too many` : undefined;
  }
}

const keyOf = ({ namespace, name, address, port }: NodePod): string => `${namespace}/${name} ${address} ${port}`;
