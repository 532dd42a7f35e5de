/** GET /api/sources/[id]/fleet: the nodes of a source side by side. */
import type { FleetNode, OwnerShare } from '../fleet/fleet-node';
import type { Following } from '../fleet/following';
import type { FleetGroup } from '../fleet/groups';
import type { ReadingCost } from '../fleet/reading-cost';
import type { ServiceProxy } from '../fleet/service-proxy';
import type { FleetFacts } from './nodes-desk';
import type { NodeState, NodeSummary, ProblemView } from './types';

/** One node. What is not known is null, never zero. */
export interface FleetRow {
  readonly name: string;
  readonly zone: string | null;
  /** `unread`: its turn has not come yet. */
  readonly state: NodeState | 'unread';
  readonly problem: ProblemView | null;
  readonly capturedAt: string | null;
  /** How a node of a live cluster is read; null for captures. */
  readonly reader: string | null;
  /** How it is known whether it changed since; null for captures and this host. */
  readonly following: Following | null;
  /** Why it cannot be read at this moment: what is shown is that of `capturedAt`. */
  readonly notAnew: string | null;
  /** What its last reading cost; null for captures, and where it could not be read. */
  readonly cost: ReadingCost | null;
  /** Hash of what was read. */
  readonly version: string | null;
  readonly kernel: string | null;
  readonly nft: string | null;
  readonly kubeProxy: string | null;
  readonly proxy: ServiceProxy | null;
  /** The largest first. */
  readonly owners: readonly OwnerShare[];
  readonly counts: FleetNode['counts'] | null;
  /** Label of its group; null while nodes are being read, and where its ruleset is not known. */
  readonly group: string | null;
}

export interface FleetView {
  readonly source: string;
  /** The moment of this answer: what is new later is asked for with `since`. */
  readonly at: string;
  /** `stopped`: reading was stopped; the nodes not read yet are `unread`. */
  readonly state: 'reading' | 'done' | 'stopped';
  readonly done: number;
  readonly of: number;
  readonly rows: readonly FleetRow[];
  /** The largest first; empty until all nodes are read. */
  readonly groups: readonly FleetGroup[];
  /** Objects of the cluster; null where they are not known. */
  readonly services: number | null;
  readonly pods: number | null;
}

/** What was read of one node. */
export interface ReadNode {
  readonly version: string;
  readonly capturedAt: string | undefined;
  readonly cost?: ReadingCost | undefined;
  readonly reader?: string | undefined;
  readonly facts: FleetFacts;
  readonly problem: ProblemView | undefined;
}

export interface FleetState extends Pick<FleetView, 'source' | 'state' | 'services' | 'pods'> {
  readonly nodes: readonly NodeSummary[];
  readonly read: ReadonlyMap<string, ReadNode>;
  readonly following?: ((node: string) => Following) | undefined;
  /** Those of the last whole reading. */
  readonly groups: readonly FleetGroup[];
}

export function fleetView({ nodes, read, groups, following, ...rest }: FleetState): FleetView {
  const labels = new Map(groups.flatMap((group) => group.nodes.map((node) => [node, group.label] as const)));
  const rows = nodes.map((node) => ({
    ...fleetRow(node, read.get(node.name), labels.get(node.name) ?? null),
    following: following?.(node.name) ?? null,
  }));
  const members = membersOf(rows);
  const ordered = groups.map((group) => ({ ...group, nodes: members.get(group.label) ?? [] }));
  return {
    ...rest,
    at: '',
    groups: ordered,
    rows,
    done: rows.filter(({ state }) => state !== 'unread').length,
    of: rows.length,
  };
}

/** The nodes of each group, in the order of the rows. */
export function membersOf(rows: readonly Pick<FleetRow, 'name' | 'group'>[]): ReadonlyMap<string, readonly string[]> {
  const members = new Map<string, string[]>();
  for (const { name, group } of rows) {
    if (group === null) continue;
    const of = members.get(group);
    if (of === undefined) members.set(group, [name]);
    else of.push(name);
  }
  return members;
}

function fleetRow(node: NodeSummary, read: ReadNode | undefined, group: string | null): Omit<FleetRow, 'following'> {
  const { name, zone } = node;
  const facts = read?.facts;
  return {
    name,
    zone,
    ...stateOf(node, read),
    capturedAt: read?.capturedAt ?? node.capturedAt,
    reader: read?.reader ?? node.reader ?? null,
    notAnew: node.notAnew ?? null,
    cost: read?.cost ?? null,
    version: read?.version ?? null,
    kernel: facts?.versions.kernel ?? null,
    nft: facts?.versions.nft ?? facts?.listedBy ?? null,
    kubeProxy: facts?.versions.kubeProxy ?? null,
    proxy: facts?.proxy ?? null,
    owners: facts?.owners ?? [],
    counts: facts?.counts ?? null,
    group,
  };
}

/** Of a node that was read as its reading has it, whatever is known of the node beside that: state and data are of one moment. */
function stateOf(node: NodeSummary, read: ReadNode | undefined): Pick<FleetRow, 'state' | 'problem'> {
  if (read !== undefined) {
    const { problem } = read;
    if (problem === undefined) return { state: 'ready', problem: null };
    return { state: problem.code === 'SRC-013' ? 'incomplete' : 'unreadable', problem };
  }
  return node.state === 'absent' ? { state: 'absent', problem: node.problem } : { state: 'unread', problem: null };
}
