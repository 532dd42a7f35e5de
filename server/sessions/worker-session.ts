/** A session in a worker thread: server/decode-worker.ts holds the model and answers. */
import 'server-only';
import { Worker } from 'node:worker_threads';
import type { NodeInput } from '@/lib/api/open-node';
import { failed } from '@/lib/net/result';
import type { Opened, WorkerReply, WorkerRequest } from '../decode-worker';
import { sourceProblems } from '../sources/problems';
import type { NodeSession } from './node-session';

/** Megabytes of heap: a listing of 100 MB takes about 1 GB decoded. */
const HEAP_MB = 4096;

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

type Body<T> = T extends { readonly id: number } ? Omit<T, 'id'> : never;

/** One worker thread, and the requests that wait for it. */
export class WorkerPort {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;
  #ended: Error | undefined;

  constructor(file: string, heapMb = HEAP_MB) {
    this.#worker = new Worker(file, { resourceLimits: { maxOldGenerationSizeMb: heapMb } });
    // An idle worker does not keep the process alive.
    this.#worker.unref();
    this.#worker.on('message', (reply: WorkerReply) => this.#settle(reply));
    this.#worker.on('error', (error) => this.#end(error instanceof Error ? error : new Error(String(error))));
    this.#worker.on('exit', (code) => this.#end(new Error(`the worker ended with ${code}`)));
  }

  get isGone(): boolean {
    return this.#ended !== undefined;
  }

  request(body: Body<WorkerRequest>): Promise<unknown> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const id = this.#next++;
    this.#worker.ref();
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ ...body, id });
    });
  }

  close(): void {
    this.#end(new Error('closed'));
    void this.#worker.terminate();
  }

  #settle(reply: WorkerReply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (this.#waiting.size === 0) this.#worker.unref();
    if ('thrown' in reply) waiting?.reject(new Error(reply.thrown));
    else waiting?.resolve(reply.result);
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#ended);
    this.#waiting.clear();
  }
}

/** Rejects when the worker dies: out of memory, or a bug. The store forgets such a session, and the next request opens it again. */
export async function startWorkerSession(file: string, input: NodeInput, signal: AbortSignal): Promise<NodeSession> {
  const port = new WorkerPort(file);
  const stop = () => port.close();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const opened = (await port.request({ kind: 'open', input })) as Opened;
    return {
      version: input.version,
      capturedAt: opened.capturedAt,
      problem: opened.problem,
      async ask(question, query, asking) {
        if (asking.aborted) return failed(sourceProblems.cancelled());
        // The type of the answer is that of the question: `answer` in the worker is the same function.
        return (await port.request({ kind: 'ask', question, query })) as Awaited<
          ReturnType<NodeSession['ask']>
        > as never;
      },
      close: stop,
    };
  } catch (error) {
    port.close();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
