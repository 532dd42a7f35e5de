import type { Wire } from '@/lib/api/wire';
import type { Rule } from '@/lib/nft/model';

/** Members of the model that hold exact integers; beyond 2^53 JSON carries them as decimal text. */
const INTEGERS: ReadonlySet<string> = new Set(['packets', 'bytes', 'val', 'used', 'rate', 'burst']);
const isDigits = (text: string): boolean => /^\d{16,}$/.test(text);

/** The rule of the model again, from its way through JSON. */
export function reviveRule(rule: Wire<Rule>): Rule {
  return revive(rule) as Rule;
}

function revive(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(revive);
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [
      key,
      typeof member === 'string' && INTEGERS.has(key) && isDigits(member) ? BigInt(member) : revive(member),
    ]),
  );
}
