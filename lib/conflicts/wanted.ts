/**
 * What a packet must have to reach a statement: for each field the values that are allowed. Sets of values are lists of
 * intervals; all numbers are bigints here, so that ports, marks and addresses of both families are treated alike.
 */

export type Field =
  | 'saddr'
  | 'daddr'
  | 'protocol'
  | 'sport'
  | 'dport'
  | 'mark'
  | 'uid'
  | 'icmpType'
  | 'ttl'
  | 'dscp'
  | 'ecn';

/** What a chain may write without changing where a packet goes: one that reads it after need not get it so. */
export const REWRITTEN = ['mark', 'ttl', 'dscp', 'ecn'] as const satisfies readonly Field[];

/** From, to; both belong to it. */
export type Interval = readonly [bigint, bigint];

export interface Wanted {
  readonly family?: 'ip' | 'ip6';
  readonly fields: { readonly [F in Field]?: readonly Interval[] };
  /** Names of interfaces that are allowed. */
  readonly iif?: readonly string[];
  readonly oif?: readonly string[];
  /** The address is, or is not, one of the node's own. */
  readonly daddrLocal?: boolean;
  readonly saddrLocal?: boolean;
}

export const ANY: Wanted = { fields: {} };

/** Values in both lists; each is sorted or not, the result keeps the order of the first. */
function intersect(a: readonly Interval[], b: readonly Interval[]): readonly Interval[] {
  return a.flatMap(([from, to]) =>
    b.flatMap(([low, high]): Interval[] => {
      const start = greater(from, low);
      const end = lesser(to, high);
      return start <= end ? [[start, end]] : [];
    }),
  );
}

const BITS: { readonly [F in Field]: number } = {
  saddr: 32,
  daddr: 32,
  protocol: 8,
  sport: 16,
  dport: 16,
  mark: 32,
  uid: 32,
  icmpType: 8,
  ttl: 8,
  dscp: 6,
  ecn: 2,
};

/** Width of a field. */
export const bitsOf = (field: Field, family: 'ip' | 'ip6'): number =>
  (field === 'saddr' || field === 'daddr') && family === 'ip6' ? 128 : BITS[field];

// Math.max takes no bigint.
function greater(a: bigint, b: bigint): bigint {
  if (a > b) return a;
  return b;
}

function lesser(a: bigint, b: bigint): bigint {
  if (a < b) return a;
  return b;
}

/** The values of a width that are in none of the intervals. */
export function complement(intervals: readonly Interval[], bits: number): readonly Interval[] {
  const out: Interval[] = [];
  let next = 0n;
  for (const [from, to] of [...intervals].sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0))) {
    if (from > next) out.push([next, from - 1n]);
    if (to >= next) next = to + 1n;
  }
  const last = (1n << BigInt(bits)) - 1n;
  return next > last ? out : [...out, [next, last]];
}

/** `wanted` with a field restricted to some values; undefined where no value is left. */
export function restrict(wanted: Wanted, field: Field, to: readonly Interval[]): Wanted | undefined {
  const known = wanted.fields[field];
  const left = known === undefined ? to : intersect(known, to);
  return left.length === 0 ? undefined : { ...wanted, fields: { ...wanted.fields, [field]: left } };
}

export function restrictFamily(wanted: Wanted, family: 'ip' | 'ip6'): Wanted | undefined {
  return wanted.family === undefined || wanted.family === family ? { ...wanted, family } : undefined;
}

export function restrictNames(wanted: Wanted, key: 'iif' | 'oif', names: readonly string[]): Wanted | undefined {
  const known = wanted[key];
  const left = known === undefined ? names : known.filter((name) => names.includes(name));
  return left.length === 0 ? undefined : { ...wanted, [key]: left };
}

export function restrictLocal(wanted: Wanted, key: 'daddrLocal' | 'saddrLocal', local: boolean): Wanted | undefined {
  return wanted[key] === undefined || wanted[key] === local ? { ...wanted, [key]: local } : undefined;
}

/** What satisfies both; undefined where nothing does. */
export function both(a: Wanted, b: Wanted): Wanted | undefined {
  let out: Wanted | undefined = a;
  if (b.family !== undefined) out = restrictFamily(out, b.family);
  for (const [field, intervals] of Object.entries(b.fields) as [Field, readonly Interval[]][])
    out = out && restrict(out, field, intervals);
  for (const key of ['iif', 'oif'] as const) {
    const names = b[key];
    if (names !== undefined) out = out && restrictNames(out, key, names);
  }
  for (const key of ['daddrLocal', 'saddrLocal'] as const) {
    const local = b[key];
    if (local !== undefined) out = out && restrictLocal(out, key, local);
  }
  return out;
}

export const holds = (intervals: readonly Interval[] | undefined, value: bigint): boolean =>
  intervals === undefined || intervals.some(([from, to]) => value >= from && value <= to);

export const withoutFields = ({ fields, ...rest }: Wanted, ...names: readonly Field[]): Wanted => ({
  ...rest,
  fields: Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name as Field))),
});
