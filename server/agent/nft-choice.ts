/** Which nft reads the ruleset: the node's or the image's, and why. */
import 'server-only';
import { describeFailure, type Failure, type FileReading } from '@/lib/world/capture-files';
import { type Argv, versionOf } from '../sources/node-commands';

export interface NftProgram {
  /** `node`: the one in the node's own file system; `image`: the one beside the agent. */
  readonly of: 'node' | 'image';
  readonly argv: Argv;
}
interface Candidate extends NftProgram {
  readonly version: string | undefined;
  readonly failure: Failure | undefined;
}
type Run = (argv: Argv) => Promise<FileReading<Uint8Array>>;
type Bytes = FileReading<Uint8Array>;

/**
 * The newest first: it reads what older ones wrote, and not the other way round. Of equally new ones the node's goes first, as it has
 * the node's xtables plugins. One that fails gives way to the next, and is tried again after `again()`.
 */
export class NftChoice {
  #candidates: readonly Candidate[] | undefined;
  #use: NftProgram | undefined;
  #isDue = true;

  /** @param programs the node's before the image's */
  constructor(readonly programs: readonly [NftProgram, ...NftProgram[]]) {}

  get use(): (NftProgram & { readonly version: string | undefined }) | undefined {
    return this.#candidates?.find(({ argv }) => argv === this.#use?.argv);
  }

  get candidates(): readonly Candidate[] {
    return this.#candidates ?? this.programs.map((one) => ({ ...one, version: undefined, failure: undefined }));
  }

  /** What to run before anything was tried. */
  get first(): Argv {
    return this.#use?.argv ?? this.candidates[0]?.argv ?? this.programs[0].argv;
  }

  /** Lets the next listing begin with the first one again, whatever failed. */
  again(): void {
    this.#isDue = true;
  }

  /** The outcome of the first that lists the ruleset; where none does, a failure with the words of each. */
  async list(run: Run): Promise<Bytes> {
    if (this.#isDue) this.#candidates = await this.#order(run);
    this.#isDue = false;
    const failures: Failure[] = [];
    const candidates = this.candidates;
    const untried = candidates.filter(({ failure }) => failure === undefined);
    for (const candidate of [...untried, ...candidates.filter(({ failure }) => failure !== undefined)]) {
      const reading = checked(candidate.argv, await run([...candidate.argv, '-j', 'list', 'ruleset']));
      const failure = reading.kind === 'failed' ? reading.failure : undefined;
      this.#candidates = this.candidates.map((one) => (one.argv === candidate.argv ? { ...one, failure } : one));
      if (failure === undefined) {
        this.#use = candidate;
        return reading;
      }
      failures.push(failure);
    }
    this.#use = undefined;
    this.again();
    return { kind: 'failed', failure: joined(failures) };
  }

  /** A sentence for people: why this one is used, or that none can be. */
  why(): string {
    const { use, candidates } = this;
    if (this.#candidates === undefined) return 'Nothing was listed yet.';
    if (use === undefined) return 'None of them can list the ruleset.';
    const name = `The ${nameOf(use)} ${use.version ?? 'of unknown version'}`;
    const others = candidates.filter(({ argv }) => argv !== use.argv);
    if (others.length === 0) return `${name} is the only one.`;
    return others
      .map((other) =>
        other.failure !== undefined
          ? `${name} is used: the ${nameOf(other)} ${other.version ?? ''} failed: ${describeFailure(other.failure)}.`
          : compareVersions(use.version, other.version) > 0
            ? `${name} is newer than the ${nameOf(other)} ${other.version ?? 'of unknown version'}.`
            : `${name} is as new as the ${nameOf(other)} ${other.version ?? 'of unknown version'}, and knows the node's plugins.`,
      )
      .join(' ');
  }

  async #order(run: Run): Promise<readonly Candidate[]> {
    const found: Candidate[] = [];
    for (const program of this.programs) {
      const reading = await run([...program.argv, '--version']);
      found.push({
        ...program,
        version: versionOf(reading),
        failure: reading.kind === 'failed' ? reading.failure : undefined,
      });
    }
    return found.sort((a, b) => compareVersions(b.version, a.version));
  }
}

const nameOf = ({ of }: NftProgram): string => (of === 'node' ? "node's nft" : "image's nft");

/** 1.0.9 before 1.0.10; an unknown version is older than any. */
function compareVersions(a = '', b = ''): number {
  const [left, right] = [a, b].map((text) => text.split('.').map(Number)) as [number[], number[]];
  for (let i = 0; i < Math.max(left.length, right.length); i += 1) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** A program may end well and print something else; a listing of nft is one line that begins with its own version. */
function checked(argv: Argv, reading: Bytes): Bytes {
  if (reading.kind !== 'read') return reading;
  const bytes = Buffer.from(reading.content.buffer, reading.content.byteOffset, reading.content.length);
  const [head, tail] = [bytes.subarray(0, 200).toString(), bytes.subarray(-20).toString()];
  if (/^\{\s*"nftables"\s*:\s*\[\s*\{\s*"metainfo"/.test(head) && /\]\s*\}\s*$/.test(tail)) return reading;
  const words = head === '' ? 'printed nothing' : `printed no listing: ${JSON.stringify(head.slice(0, 80))}`;
  return { kind: 'failed', failure: { command: [...argv, '-j list ruleset'].join(' '), exitStatus: 0, stderr: words } };
}

function joined(failures: readonly Failure[]): Failure {
  const [first] = failures;
  if (first === undefined) return { command: 'nft -j list ruleset', exitStatus: null, stderr: 'there is no nft' };
  if (failures.length === 1) return first;
  return { ...first, stderr: failures.map((one) => `${describeFailure(one)}\n${one.stderr}`.trim()).join('\n') };
}
