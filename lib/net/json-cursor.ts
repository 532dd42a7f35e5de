/**
 * Reading untrusted JSON with a path: `at(json).key('routes').index(0).key('dst').string()`.
 *
 * A reading that fails leaves by an exception private to this module; {@link decoding} turns it into a Result. Callers see
 * Results only.
 */
import { failed, ok, type Problem, type Result } from './result';

class DecodeFailure extends Error {
  constructor(readonly problem: Problem) {
    super(problem.say);
  }
}

/** Runs a decoder; its failed readings become a problem with a path, anything else that is thrown is a bug and passes on. */
export function decoding<T>(decode: () => T): Result<T> {
  try {
    return ok(decode());
  } catch (error) {
    if (error instanceof DecodeFailure) return failed(error.problem);
    throw error;
  }
}

const READ_AGAIN =
  'Read it again with the command of the capture format (docs/captures.md). If that command itself printed it, report its version and this message.';

/** Ends the running {@link decoding}: code DOC-001 for what is not JSON, DOC-002 for what has another shape than expected. */
export function fail(path: string, say: string, code: 'DOC-001' | 'DOC-002' = 'DOC-002'): never {
  throw new DecodeFailure({ code, path, say, do: READ_AGAIN });
}

/** The value of a Result inside a running {@link decoding}; its problem continues under `path`. */
export function unwrap<T>(result: Result<T>, path = ''): T {
  if (result.ok) return result.value;
  const rest = result.problem.path ?? '';
  const gap = path === '' || rest === '' || rest.startsWith('[') ? '' : ' ';
  throw new DecodeFailure({ ...result.problem, path: path + gap + rest });
}

/** `JSON.parse` with its complaint as a problem. */
export function parseJson(text: string): Result<unknown> {
  try {
    return ok(JSON.parse(text));
  } catch (error) {
    const complaint = error instanceof Error ? error.message : String(error);
    return failed({ code: 'DOC-001', path: '', say: `not JSON: ${complaint}`, do: READ_AGAIN });
  }
}

/** A place in a JSON document. */
export class At {
  constructor(
    readonly value: unknown,
    readonly path: string,
  ) {}

  /** A member that must be there. */
  key(name: string): At {
    const member = this.optional(name);
    return member ?? fail(this.#memberPath(name), 'missing');
  }

  /** A member, undefined where it is absent or null. */
  optional(name: string): At | undefined {
    const value = this.object()[name];
    return value === undefined || value === null ? undefined : new At(value, this.#memberPath(name));
  }

  /** True when the member is there, whatever its value: iproute2 prints flags as `"l3mdev": null`. */
  has(name: string): boolean {
    return Object.hasOwn(this.object(), name);
  }

  items(): readonly At[] {
    if (!Array.isArray(this.value)) return this.#expected('an array');
    return this.value.map((item: unknown, index) => new At(item, `${this.path}[${index}]`));
  }

  object(): { readonly [key: string]: unknown } {
    if (typeof this.value !== 'object' || this.value === null || Array.isArray(this.value)) {
      return this.#expected('an object');
    }
    return this.value as { readonly [key: string]: unknown };
  }

  string(): string {
    return typeof this.value === 'string' ? this.value : this.#expected('a string');
  }

  boolean(): boolean {
    return typeof this.value === 'boolean' ? this.value : this.#expected('a boolean');
  }

  integer(min = 0, max = Number.MAX_SAFE_INTEGER): number {
    const { value } = this;
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) return this.#expected('an integer');
    return value >= min && value <= max ? value : this.#expected(`an integer from ${min} to ${max}`);
  }

  /** An integer, or its text in decimal or `0x…` form. */
  integerOrText(min = 0, max = Number.MAX_SAFE_INTEGER): number {
    const { value } = this;
    if (typeof value === 'string' && /^(0x[0-9a-f]+|\d+)$/i.test(value)) {
      return new At(Number(value), this.path).integer(min, max);
    }
    return this.integer(min, max);
  }

  oneOf<const T extends string>(words: readonly T[]): T {
    const word = words.find((candidate) => candidate === this.value);
    return word ?? this.#expected(`one of ${words.join(', ')}`);
  }

  /** Ends the decoding: this value is not `what`. */
  fail(say: string): never {
    return fail(this.path, say);
  }

  #expected(what: string): never {
    const text = JSON.stringify(this.value) ?? 'undefined';
    return fail(this.path, `expected ${what}, got ${text.length > 60 ? `${text.slice(0, 60)}…` : text}`);
  }

  #memberPath(name: string): string {
    if (!/^[A-Za-z_][\w-]*$/.test(name)) return `${this.path}[${JSON.stringify(name)}]`;
    return this.path === '' ? name : `${this.path}.${name}`;
  }
}

export const at = (value: unknown, path = ''): At => new At(value, path);
