/** Nodes with equal rulesets, and what is different on the others. */
import { lastStep } from '../net/last-step';
import type { ComparedPart } from './compared-part';
import { type Difference, differences } from './differences';
import type { FleetNode } from './fleet-node';
import { hashText } from './hash';
import type { LocalPart } from './local-facts';

export interface FleetGroup {
  /** `A` is the largest: what the others are compared with. */
  readonly label: string;
  /** Of the ruleset without what is local to a node: equal for equal groups of the same reading. */
  readonly hash: string;
  readonly nodes: readonly string[];
  /** Against group A; empty for A. */
  readonly differences: readonly Difference[];
}

/**
 * A part that several nodes have word for word is compared as it is; one that a single node has is compared without the facts of
 * its node. So an address list that is the same everywhere stays one, and `nodeport-ips` with the node's own address is no
 * difference. O(parts of all nodes).
 */
export function groupNodes(nodes: readonly FleetNode[]): readonly FleetGroup[] {
  return lastStep(groupInSteps(nodes));
}

/** {@link groupNodes} with a step for each node and group: a thousand nodes take most of a second. */
export function* groupInSteps(nodes: readonly FleetNode[]): Generator<undefined, readonly FleetGroup[]> {
  const known = nodes.flatMap(({ node, parts }) => (parts === undefined ? [] : [{ node, parts }]));
  const ids = new Interned();
  const owners = new Map<number, number>();
  for (const { parts } of known) {
    for (const part of parts) owners.set(ids.asIs(part), (owners.get(ids.asIs(part)) ?? 0) + 1);
    yield;
  }
  const isShared = (part: LocalPart) => known.length < 2 || (owners.get(ids.asIs(part)) ?? 0) > 1;

  const groups = new Map<string, { readonly nodes: string[]; readonly parts: readonly LocalPart[] }>();
  for (const { node, parts } of known) {
    const chosen = new Set(parts.map((part) => (isShared(part) ? ids.asIs(part) : ids.local(part))));
    const signature = [...chosen].sort((a, b) => a - b).join(' ');
    const group = groups.get(signature) ?? { nodes: [], parts };
    groups.set(signature, group);
    group.nodes.push(node);
    yield;
  }
  const compared = (parts: readonly LocalPart[]): readonly ComparedPart[] =>
    parts.map((local) => {
      const { kind, table, header } = local.part;
      return isShared(local)
        ? { kind, table, header, name: local.part.name, lines: local.part.lines }
        : { kind, table, header, name: local.name, lines: local.lines, texts: local.texts, original: local.part.lines };
    });
  const sorted = [...groups].sort(
    ([, a], [, b]) => b.nodes.length - a.nodes.length || compareNames(a.nodes[0] ?? '', b.nodes[0] ?? ''),
  );
  const reference = compared(sorted[0]?.[1].parts ?? []);
  const found: FleetGroup[] = [];
  for (const [at, [signature, group]] of sorted.entries()) {
    const texts = signature.split(' ').map((id) => ids.text(Number(id)));
    found.push({
      label: labelOf(at),
      hash: hashText(texts.sort().join('\n')),
      nodes: group.nodes,
      differences: at === 0 ? [] : differences(reference, compared(group.parts)),
    });
    yield;
  }
  return found;
}

/** node-2 before node-10. */
const compareNames = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true });

/** A, B, …, Z, AA, AB, … */
function labelOf(at: number): string {
  const letter = String.fromCharCode(65 + (at % 26));
  return at < 26 ? letter : `${labelOf(Math.floor(at / 26) - 1)}${letter}`;
}

/** Numbers for texts, so that a node is a list of numbers. */
class Interned {
  readonly #ids = new Map<string, number>();
  readonly #texts: string[] = [];
  /** By the part of the listing: nodes with equal listings have the same. */
  readonly #asIs = new WeakMap<LocalPart['part'], number>();

  asIs({ part }: LocalPart): number {
    const known = this.#asIs.get(part);
    if (known !== undefined) return known;
    const { kind, table, name, header, lines } = part;
    const id = this.#id(`${kind} ${table} ${name}\n${header}\n${lines.join('\n')}`);
    this.#asIs.set(part, id);
    return id;
  }
  local({ part: { kind, table, header }, name, lines }: LocalPart): number {
    return this.#id(`${kind} ${table} ${name}\n${header}\n${lines.join('\n')}`);
  }
  text(id: number): string {
    return this.#texts[id] ?? '';
  }
  #id(text: string): number {
    const id = this.#ids.get(text) ?? this.#texts.push(text) - 1;
    this.#ids.set(text, id);
    return id;
  }
}
