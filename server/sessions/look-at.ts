/** What a source has, read once: its nodes, and the cluster's files. */
import 'server-only';
import { clusterReadings } from '@/lib/api/readings';
import type { Reading } from '@/lib/api/types';
import { type BuiltCluster, buildCluster } from '@/lib/cluster/build-cluster';
import type { ClusterNode } from '@/lib/cluster/cluster';
import { ok, type Result } from '@/lib/net/result';
import type { NodeEntry, RawFiles, Source } from '../sources/source';

export interface Described {
  readonly nodes: readonly NodeEntry[];
  readonly clusterFiles: RawFiles;
  readonly cluster: BuiltCluster;
  readonly clusterNodes: readonly ClusterNode[];
  readonly readings: readonly Reading[];
}

export async function lookAt(source: Source): Promise<Result<Described>> {
  const { signal } = new AbortController();
  const [nodes, capture] = [await source.nodes(signal), await source.cluster(signal)];
  if (!nodes.ok) return nodes;
  if (!capture.ok) return capture;
  const decoder = new TextDecoder();
  const texts = new Map(
    [...capture.value.files].map(([name, reading]) => [
      name,
      reading.kind === 'read' ? { kind: 'read' as const, content: decoder.decode(reading.content) } : reading,
    ]),
  );
  const built = buildCluster(texts);
  const { cluster, problems } = built;
  return ok({
    nodes: nodes.value,
    clusterFiles: capture.value.files,
    cluster: built,
    clusterNodes: cluster.nodes.known ? cluster.nodes.value : [],
    readings: clusterReadings(capture.value.files, problems),
  });
}
