/**
 * Reading untrusted JSON with a path: `at(json).key('routes').index(0).key('dst').string()`.
 *
 * A reading that fails leaves by an exception private to this module; {@link decoding} turns it into a Result. Callers see
 * Results only.
 */
import { type DecodeError, failed, ok, type Result } from './result';

class DecodeFailure extends Error {
  constructor(readonly at: DecodeError) {
    super(at.message);
  }
}

/** Runs a decoder; its failed readings become an error with a path, anything else that is thrown is a bug and passes on. */
export function decoding<T>(decode: () => T): Result<T> {
  try {
    return ok(decode());
  } catch (error) {
    if (error instanceof DecodeFailure) return failed(error.at);
    throw error;
  }
}

/** Ends the running {@link decoding} with an error. */
export function fail(path: string, message: string): never {
  throw new DecodeFailure({ path, message });
}

/** The value of a Result inside a running {@link decoding}; its error continues under `path`. */
export function unwrap<T>(result: Result<T>, path = ''): T {
  if (result.ok) return result.value;
  const rest = result.error.path;
  const gap = path === '' || rest === '' || rest.startsWith('[') ? '' : ' ';
  return fail(path + gap + rest, result.error.message);
}

/** `JSON.parse` with its complaint as an error. */
export function parseJson(text: string): Result<unknown> {
  try {
    return ok(JSON.parse(text));
  } catch (error) {
    return failed({ path: '', message: `not JSON: ${error instanceof Error ? error.message : String(error)}` });
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
  fail(message: string): never {
    return fail(this.path, message);
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
