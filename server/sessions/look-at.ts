/** What a source has, read once: its nodes, and the cluster's files. */
import 'server-only';
import { clusterReadings } from '@/lib/api/readings';
import type { Reading } from '@/lib/api/types';
import { buildInSteps, type SteppedCluster } from '@/lib/cluster/build-in-steps';
import type { ClusterNode } from '@/lib/cluster/cluster';
import { ok, type Result } from '@/lib/net/result';
import type { NodeEntry, RawFiles, Source } from '../sources/source';
import { inTurns } from './in-turns';

export interface Described {
  readonly nodes: readonly NodeEntry[];
  readonly clusterFiles: RawFiles;
  readonly cluster: SteppedCluster;
  readonly clusterNodes: readonly ClusterNode[];
  readonly readings: readonly Reading[];
}

/** @param before what it was: objects that are the same are not decoded again */
export async function lookAt(source: Source, before?: Described): Promise<Result<Described>> {
  const { signal } = new AbortController();
  const [nodes, capture] = [await source.nodes(signal), await source.cluster(signal)];
  if (!nodes.ok) return nodes;
  if (!capture.ok) return capture;
  if (before !== undefined && isSame(before.clusterFiles, capture.value.files))
    return ok({ ...before, nodes: nodes.value });
  const built = await inTurns(buildInSteps(capture.value.files, before?.cluster));
  const { cluster, problems } = built;
  return ok({
    nodes: nodes.value,
    clusterFiles: capture.value.files,
    cluster: built,
    clusterNodes: cluster.nodes.known ? cluster.nodes.value : [],
    readings: clusterReadings(capture.value.files, problems),
  });
}

/** A source that follows a cluster gives the same body for as long as nothing changed. */
function isSame(before: RawFiles, now: RawFiles): boolean {
  if (before.size !== now.size) return false;
  return [...now].every(([name, reading]) => {
    const old = before.get(name);
    if (old?.kind === 'failed' && reading.kind === 'failed')
      return old.failure.command === reading.failure.command && old.failure.stderr === reading.failure.stderr;
    return old?.kind === 'read' && reading.kind === 'read' && old.content === reading.content;
  });
}
