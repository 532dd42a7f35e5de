/** The list of findings: what of it is shown, in which order, and what is folded under what. */
import type { FindingView } from '@/lib/api/findings-types';

/** What the list is narrowed to; null is everything. */
export interface FindingFilter {
  readonly severity: FindingView['severity'] | null;
  readonly code: string | null;
  readonly node: string | null;
  /** `NAMESPACE/NAME`, or `NAMESPACE/` for all of a namespace. */
  readonly service: string | null;
  /** Words, each of which must be in the finding. */
  readonly find: string;
}

/** A finding with those that follow from it. */
export interface FindingBranch {
  readonly finding: FindingView;
  readonly follows: readonly FindingBranch[];
}

/**
 * A finding that names no node holds on every node, and one that names no Service may touch any: both are kept, as the command
 * line does.
 */
export function matchesFinding(one: FindingView, { severity, code, node, service, find }: FindingFilter): boolean {
  if (severity !== null && one.severity !== severity) return false;
  if (code !== null && one.code !== code) return false;
  if (node !== null && one.nodes.length > 0 && !one.nodes.includes(node)) return false;
  if (service !== null && one.services.length > 0 && !one.services.some((name) => isIn(name, service))) return false;
  const words = find.toLowerCase().trim().split(/\s+/);
  if (find.trim() === '') return true;
  const text = [one.summary, one.code, one.severity, ...one.nodes, ...one.services].join(' ').toLowerCase();
  return words.every((word) => text.includes(word));
}

const isIn = (name: string, wanted: string): boolean =>
  wanted.endsWith('/') ? name.startsWith(wanted) : name === wanted;

/**
 * Root causes in the order of the answer, each with its consequences. A consequence whose causes are not among `shown` stands
 * by itself; one with several causes stands under the first.
 */
export function branches(shown: readonly FindingView[]): readonly FindingBranch[] {
  const parents = new Map<string, FindingView>();
  for (const one of shown) {
    const parent = shown.find(({ id }) => one.causes.includes(id) && id !== one.id);
    if (parent !== undefined && !isAbove(one, parent, parents)) parents.set(one.id, parent);
  }
  const branch = (finding: FindingView): FindingBranch => ({
    finding,
    follows: shown.filter(({ id }) => parents.get(id) === finding).map(branch),
  });
  return shown.filter(({ id }) => !parents.has(id)).map(branch);
}

/** What explains the connection that was asked about comes first, in the order of the reasons; `about` of the tree do. */
export function aboutFirst(
  tree: readonly FindingBranch[],
  reasons: readonly string[],
): { readonly tree: readonly FindingBranch[]; readonly about: number } {
  const place = ({ finding, follows }: FindingBranch): number =>
    Math.min(...[finding.id, ...follows.flatMap(idsOf)].map((id) => reasons.indexOf(id)).filter((at) => at !== -1));
  const about = tree.filter((branch) => Number.isFinite(place(branch))).toSorted((a, b) => place(a) - place(b));
  return { tree: [...about, ...tree.filter((branch) => !about.includes(branch))], about: about.length };
}

const idsOf = ({ finding, follows }: FindingBranch): readonly string[] => [finding.id, ...follows.flatMap(idsOf)];

/** Causes that name each other must not make a circle. */
function isAbove(one: FindingView, of: FindingView, parents: ReadonlyMap<string, FindingView>): boolean {
  for (let at: FindingView | undefined = of; at !== undefined; at = parents.get(at.id)) if (at === one) return true;
  return false;
}

/** The ids on the way from the top of the list to a finding, itself included. */
export function pathTo(id: string, among: readonly FindingBranch[]): readonly string[] {
  for (const { finding, follows } of among) {
    if (finding.id === id) return [id];
    const below = pathTo(id, follows);
    if (below.length > 0) return [finding.id, ...below];
  }
  return [];
}

/** How many findings follow from one, and from those again. */
export const countFollowing = ({ follows }: FindingBranch): number =>
  follows.reduce((sum, one) => sum + 1 + countFollowing(one), 0);

/** The finding that a link names: by its id, or by its code where that stands alone. */
export const findingOf = (findings: readonly FindingView[], open: string | null): FindingView | undefined =>
  open === null ? undefined : (findings.find(({ id }) => id === open) ?? findings.find(({ code }) => code === open));

export interface SeverityCounts {
  readonly error: number;
  readonly warning: number;
  readonly info: number;
}

export function countSeverities(findings: readonly FindingView[]): SeverityCounts {
  const of = (wanted: FindingView['severity']) => findings.filter(({ severity }) => severity === wanted).length;
  return { error: of('error'), warning: of('warning'), info: of('info') };
}

/** Findings of each node; those of every node are not among them. */
export function byNode(findings: readonly FindingView[]): ReadonlyMap<string, readonly FindingView[]> {
  const found = new Map<string, FindingView[]>();
  for (const one of findings) {
    for (const node of one.nodes) {
      const known = found.get(node);
      if (known === undefined) found.set(node, [one]);
      else known.push(one);
    }
  }
  return found;
}

/** `1 error`, `2 warnings`, `3 notes`: the word for an info is that of the design. */
export function severityCount(severity: FindingView['severity'], n: number): string {
  const word = { error: 'error', warning: 'warning', info: 'note' }[severity];
  return `${n.toLocaleString('en')} ${word}${n === 1 ? '' : 's'}`;
}
