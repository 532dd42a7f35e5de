/** The Fleet view as it grows old: what is new since an answer, instead of thousands of rows that are the same. */
import type { FleetGroup } from '../fleet/groups';
import { type FleetRow, type FleetView, membersOf } from './fleet-view';

/** GET /api/sources/[id]/fleet?since=AT: what is different from the answer of that moment. */
export interface FleetChanges extends Omit<FleetView, 'rows' | 'groups'> {
  readonly since: string;
  /** Those that are new or not the same. */
  readonly rows: readonly FleetRow[];
  /** All nodes in their order, where that is another one. */
  readonly names?: readonly string[];
  /** Their nodes are those of the rows; without differences they are those of the group of the same hash. */
  readonly groups: readonly GroupChange[];
}
interface GroupChange extends Pick<FleetGroup, 'label' | 'hash'> {
  readonly differences?: FleetGroup['differences'];
}
export type FleetAnswer = FleetView | FleetChanges;

/** What was answered, with the number of the answer in which it was new. */
export class FleetLog {
  readonly #rows = new Map<string, { readonly row: FleetRow; readonly at: number }>();
  #names: { readonly value: readonly string[]; readonly at: number } = { value: [], at: 0 };
  #groups = new Map<string, { readonly differences: FleetGroup['differences']; readonly at: number }>();
  #at = 0;

  /** @param id of this log, so that nobody takes a moment of another one for its own */
  constructor(readonly id: string) {}

  /** Notes what is new in it, and says its moment. O(nodes). */
  note(view: FleetView): FleetView {
    const next = this.#at + 1;
    let isNew = false;
    for (const row of view.rows) {
      const known = this.#rows.get(row.name);
      if (known !== undefined && isSame(known.row, row)) continue;
      this.#rows.set(row.name, { row, at: next });
      isNew = true;
    }
    const names = view.rows.map(({ name }) => name);
    if (!isSameList(this.#names.value, names)) {
      const present = new Set(names);
      for (const name of this.#rows.keys()) if (!present.has(name)) this.#rows.delete(name);
      this.#names = { value: names, at: next };
      isNew = true;
    }
    const groups = new Map<string, { readonly differences: FleetGroup['differences']; readonly at: number }>();
    for (const { hash, differences } of view.groups) {
      const known = this.#groups.get(hash);
      const isKnown = known !== undefined && isEqual(known.differences, differences);
      groups.set(hash, isKnown ? known : { differences, at: next });
      isNew ||= !isKnown;
    }
    this.#groups = groups;
    if (isNew) this.#at = next;
    return { ...view, at: `${this.id}.${this.#at}` };
  }

  /** @param view as {@link note} gave it. The whole of it where nothing is known of that moment. */
  since(view: FleetView, since: string): FleetAnswer {
    const [id, number] = since.split('.');
    const at = id === this.id && /^\d{1,15}$/.test(number ?? '') ? Number(number) : undefined;
    if (at === undefined || at > this.#at) return view;
    const { rows: _rows, groups, ...rest } = view;
    return {
      ...rest,
      since,
      rows: [...this.#rows.values()].filter((one) => one.at > at).map(({ row }) => row),
      ...(this.#names.at > at && { names: this.#names.value }),
      groups: groups.map(({ label, hash, differences }) =>
        (this.#groups.get(hash)?.at ?? 0) > at ? { label, hash, differences } : { label, hash },
      ),
    };
  }
}

export const isChanges = (answer: FleetAnswer): answer is FleetChanges => 'since' in answer;

/** The whole view again; rows that are the same are the same objects. */
export function withChanges(
  before: FleetView,
  { since: _since, names, rows, groups, ...rest }: FleetChanges,
): FleetView {
  const changed = new Map(rows.map((row) => [row.name, row]));
  const known = new Map(before.rows.map((row) => [row.name, row]));
  const order = names ?? before.rows.map(({ name }) => name);
  const all = order.flatMap((name) => changed.get(name) ?? known.get(name) ?? []);
  const members = membersOf(all);
  const differences = new Map(before.groups.map((group) => [group.hash, group.differences]));
  return {
    ...rest,
    rows: all,
    groups: groups.map((group) => ({
      label: group.label,
      hash: group.hash,
      nodes: members.get(group.label) ?? [],
      differences: group.differences ?? differences.get(group.hash) ?? [],
    })),
  };
}

/** What was read is kept as it is: only what is new is another object. */
const isEqual = (a: unknown, b: unknown): boolean => a === b || JSON.stringify(a) === JSON.stringify(b);

function isSame(a: FleetRow, b: FleetRow): boolean {
  for (const key of Object.keys(b) as (keyof FleetRow)[]) if (!isEqual(a[key], b[key])) return false;
  return true;
}

const isSameList = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((one, index) => one === b[index]);
