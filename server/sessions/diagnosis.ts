/**
 * What is wrong in one source: looked for once for each version of what was read, in a worker where one is built. The answer of
 * before stays until the next is there.
 */
import 'server-only';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type AskedConnection, decodeDiagnosis, diagnosisView, type RawDiagnosis } from '@/lib/api/diagnosis';
import type { DiagnosisView, FindingsView } from '@/lib/api/findings-types';
import { failed, type Problem, type Result } from '@/lib/net/result';
import { readDiagnosis } from '../findings/open-diagnosis';
import { sourceProblems } from '../sources/problems';
import type { Source } from '../sources/source';
import { storeProblems } from './store-problems';
import { workerFile } from './worker-file';
import { WorkerPort } from './worker-session';

/** A source that is decoded, ready to be asked. */
interface Opened {
  readonly version: string;
  diagnose(asked?: AskedConnection): Promise<Result<DiagnosisView>>;
  close(): void;
}

interface Run {
  readonly controller: AbortController;
  state: 'reading' | 'looking';
  done: number;
  of: number;
}

/** A decoded source that nobody asks for so long is let go. */
const IDLE_MS = 120_000;
/** Answers about connections that are kept. */
const ASKED = 16;

export class Diagnosis {
  #run: Run | undefined;
  #answer: { readonly version: string; readonly value: DiagnosisView } | undefined;
  #problem: Problem | undefined;
  /** What was read may be another by now. */
  #isOld = true;
  #isStopped = false;
  #opened: Opened | undefined;
  #idle: ReturnType<typeof setTimeout> | undefined;
  readonly #asked = new Map<string, Promise<Result<DiagnosisView>>>();

  constructor(
    readonly source: Source,
    readonly open: (raw: RawDiagnosis, version: string, signal: AbortSignal) => Promise<Opened> = openSource,
  ) {}

  /** What is known now; starts looking where that is old. @param goOn also after it was stopped, or failed */
  view(id: string, goOn: boolean): FindingsView {
    if (goOn) {
      this.#isStopped = false;
      this.#problem = undefined;
    }
    if (this.#isOld && this.#run === undefined && !this.#isStopped && this.#problem === undefined) this.#start();
    const run = this.#run;
    const problem = this.#problem;
    const state =
      run?.state ?? (problem !== undefined ? 'failed' : this.#isStopped && this.#isOld ? 'stopped' : 'done');
    return {
      source: id,
      state,
      done: run?.done ?? 0,
      of: run?.of ?? 0,
      problem: problem ?? null,
      diagnosis: this.#answer?.value ?? null,
    };
  }

  /** How one connection ends, and which findings explain it. Who gives up stops waiting; the answer is kept for the next. */
  async ask(asked: AskedConnection, signal: AbortSignal): Promise<Result<DiagnosisView>> {
    const key = JSON.stringify(asked);
    const answer = this.#asked.get(key) ?? this.#ask(asked);
    this.#asked.delete(key);
    this.#asked.set(key, answer);
    answer.catch(() => this.#asked.delete(key));
    for (const old of [...this.#asked.keys()].slice(0, Math.max(this.#asked.size - ASKED, 0))) this.#asked.delete(old);
    if (signal.aborted) return failed(sourceProblems.cancelled());
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => resolve(failed(sourceProblems.cancelled())), { once: true });
      answer.then(resolve, reject);
    });
  }

  async #ask(asked: AskedConnection): Promise<Result<DiagnosisView>> {
    const { signal } = new AbortController();
    const read = await readDiagnosis(this.source, signal);
    if (!read.ok) return read;
    const opened = await this.#openedOf(read.value.raw, read.value.version, signal);
    return opened.diagnose(asked);
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#run === undefined) return;
    this.#isOld = true;
    this.#run.controller.abort();
    this.#run = undefined;
    this.#letGo();
  }

  /** Something was read anew: the next question looks again. */
  changed(): void {
    this.#isOld = true;
    this.#problem = undefined;
    this.#asked.clear();
  }

  close(): void {
    this.stop();
    clearTimeout(this.#idle);
    this.#letGo();
  }

  #start(): void {
    const run: Run = { controller: new AbortController(), state: 'reading', done: 0, of: 0 };
    this.#run = run;
    this.#isOld = false;
    void this.#look(run)
      .catch((error: unknown) => {
        if (run.controller.signal.aborted) return;
        const isTooLarge = (error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY';
        if (!isTooLarge)
          process.stderr.write(
            `findings: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
          );
        this.#problem = isTooLarge ? storeProblems.tooLarge() : storeProblems.notDiagnosed();
        this.#isOld = true;
        this.#letGo();
      })
      .finally(() => {
        if (this.#run === run) this.#run = undefined;
      });
  }

  async #look(run: Run): Promise<void> {
    const { signal } = run.controller;
    const read = await readDiagnosis(this.source, signal, (done, of) => Object.assign(run, { done, of }));
    if (signal.aborted) return;
    if (!read.ok) {
      this.#problem = read.problem;
      this.#isOld = true;
      return;
    }
    const { raw, version } = read.value;
    run.state = 'looking';
    if (this.#answer?.version === version) return;
    // Whoever asks how far it is gets an answer before the long work.
    await nextTurn();
    const opened = await this.#openedOf(raw, version, signal);
    const value = await opened.diagnose();
    if (!value.ok) this.#problem = value.problem;
    else this.#answer = { version, value: value.value };
  }

  async #openedOf(raw: RawDiagnosis, version: string, signal: AbortSignal): Promise<Opened> {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.#letGo(), IDLE_MS);
    this.#idle.unref();
    if (this.#opened?.version === version) return this.#opened;
    this.#letGo();
    const opened = await this.open(raw, version, signal);
    this.#opened = opened;
    return opened;
  }

  #letGo(): void {
    this.#opened?.close();
    this.#opened = undefined;
  }
}

/** In a worker where one is built: looking through thousands of Services would keep every other request waiting. */
function openSource(raw: RawDiagnosis, version: string, signal: AbortSignal): Promise<Opened> {
  const file = workerFile();
  return file === undefined ? openHere(raw, version) : openInWorker(file, raw, version, signal);
}

/** In this thread. */
export async function openHere(raw: RawDiagnosis, version: string): Promise<Opened> {
  const input = decodeDiagnosis(raw);
  return { version, diagnose: async (asked) => diagnosisView(input, asked), close: () => undefined };
}

/** @param file the bundled worker */
export async function openInWorker(
  file: string,
  raw: RawDiagnosis,
  version: string,
  signal: AbortSignal,
): Promise<Opened> {
  const port = new WorkerPort(file);
  const stop = () => port.close();
  signal.addEventListener('abort', stop, { once: true });
  try {
    await port.request({ kind: 'open-source', input: raw });
  } catch (error) {
    port.close();
    throw error;
  }
  return {
    version,
    // The same function runs in the worker.
    diagnose: async (asked) => (await port.request({ kind: 'diagnose', asked })) as Result<DiagnosisView>,
    close: stop,
  };
}
