/** GET /api/sources/[id]/drift: how many differences each node has, and which Services they are about. */
import type { ReadDrift } from './service-page';
import type { DriftView, NodeDriftRow } from './service-types';
import type { NodeSummary } from './types';

export interface DriftState extends Pick<DriftView, 'source' | 'state'> {
  readonly nodes: readonly NodeSummary[];
  readonly read: ReadonlyMap<string, ReadDrift>;
}

export function driftView({ source, state, nodes, read }: DriftState): DriftView {
  const services = new Map<string, Set<string>>();
  const general = new Set<string>();
  const rows = nodes.map((node): NodeDriftRow => {
    const found = read.get(node.name);
    const unknown = (why: string | null): NodeDriftRow => ({ name: node.name, state: 'unknown', differences: 0, why });
    if (node.state === 'absent') return unknown(node.problem?.say ?? null);
    if (found === undefined) return { ...unknown(null), state: 'unread' };
    if (found.problem !== undefined) return unknown(found.problem.say);
    if (!found.drift.ok) return unknown(found.drift.problem.say);
    const differences = found.drift.value.flatMap((family) => family.differences);
    for (const { owner } of differences) {
      if (owner.services.length === 0) general.add(node.name);
      for (const service of owner.services) {
        const key = `${service.namespace}/${service.name}`;
        const on = services.get(key) ?? new Set();
        services.set(key, on.add(node.name));
      }
    }
    const is = differences.length === 0 ? 'expected' : 'differs';
    return { name: node.name, state: is, differences: differences.length, why: null };
  });
  return {
    source,
    state,
    done: rows.filter((row) => row.state !== 'unread').length,
    of: rows.length,
    nodes: rows,
    services: Object.fromEntries([...services].map(([key, on]) => [key, [...on]])),
    general: [...general],
  };
}
