/** Parameters of a request, checked. What is wrong leaves as a problem with code REQ-001. */
import 'server-only';
import { failed, ok, type Problem, type Result } from '@/lib/net/result';
import { isTooDeep, MOST_LEVELS } from './request-json';
import { requestProblems } from './request-problems';

/** Of whole numbers up to 2^53 those of at most 15 digits. */
const DIGITS = /^\d{1,15}$/;
const MOST = 1e15 - 1;

class BadParameter extends Error {
  constructor(readonly problem: Problem) {
    super(problem.say);
  }
}

export class Params {
  readonly #search: URLSearchParams;

  constructor(request: Request) {
    this.#search = new URL(request.url).searchParams;
  }

  /** Runs `read`; a parameter that is missing or wrong becomes a problem. */
  static read<T>(request: Request, read: (params: Params) => T): Result<T> {
    try {
      return ok(read(new Params(request)));
    } catch (error) {
      if (error instanceof BadParameter) return failed(error.problem);
      throw error;
    }
  }

  optional(name: string): string | undefined {
    const value = this.#search.get(name);
    return value === null || value === '' ? undefined : value;
  }

  required(name: string): string {
    return this.optional(name) ?? bad(name, `The parameter ${name} is missing.`, `Add ${name}=… to the address.`);
  }

  integer(name: string, otherwise: number): number {
    return this.optionalInteger(name, MOST) ?? otherwise;
  }

  /** How many are asked for; of more than `most` no more than `most` are given. */
  limit(most: number, otherwise = most): number {
    const value = this.optional('limit');
    if (value === undefined) return otherwise;
    if (DIGITS.test(value)) return Math.min(Number(value), most);
    return bad('limit', `limit is ${JSON.stringify(value)}.`, `Give a whole number; ${most} are given at most.`);
  }

  optionalInteger(name: string, max: number): number | undefined {
    const value = this.optional(name);
    if (value === undefined) return undefined;
    if (DIGITS.test(value) && Number(value) <= max) return Number(value);
    return bad(name, `${name} is ${JSON.stringify(value)}.`, `Give a whole number from 0 to ${max}.`);
  }

  flag(name: string): boolean {
    const value = this.optional(name);
    return value === '1' || value === 'true';
  }

  /** One of some words, in any case, and what it stands for. */
  word<T>(name: string, words: ReadonlyMap<string, T>): T | undefined {
    const value = this.optional(name);
    if (value === undefined) return undefined;
    const found = words.get(value.toLowerCase());
    return found ?? bad(name, `${name} is ${JSON.stringify(value)}.`, `Give one of ${[...words.keys()].join(', ')}.`);
  }

  /** A Service as `NAMESPACE/NAME`. */
  service(name: string): { readonly namespace: string; readonly name: string } {
    const value = this.required(name);
    const found = /^([^/\s]+)\/([^/\s]+)$/.exec(value);
    if (found === null) return bad(name, `${name} is ${JSON.stringify(value)}.`, 'Write NAMESPACE/NAME.');
    const [, namespace = '', service = ''] = found;
    return { namespace, name: service };
  }

  json(name: string): unknown {
    const value = this.optional(name);
    if (value === undefined) return undefined;
    let json: unknown;
    try {
      json = JSON.parse(value);
    } catch {
      return bad(
        name,
        `The ${name} in the address is not JSON.`,
        'The address may have been cut off or changed on its way: open the whole of it, or ask anew.',
      );
    }
    if (isTooDeep(json)) throw new BadParameter(requestProblems.tooDeep(name, MOST_LEVELS));
    return json;
  }
}

function bad(path: string, say: string, remedy: string): never {
  throw new BadParameter({ code: 'REQ-001', say, do: remedy, path });
}
