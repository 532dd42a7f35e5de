/** The cluster of the demo bundle as objects of a fake API server, and the raw readings of its nodes. */
import { fileURLToPath } from 'node:url';
import { openPath } from '../../server/sources/open-source';
import { DEFAULT_LIMITS, type RawFiles } from '../../server/sources/source';
import type { FakeApiServer } from './fake-api-server';
import type { KubeObject } from './object-store';

const DEMO = fileURLToPath(new URL('../../public/demo/shop-3node.tar.gz', import.meta.url));
const RESOURCES = ['services', 'endpointslices', 'nodes', 'pods', 'namespaces', 'networkpolicies'] as const;

export interface ShopCluster {
  readonly objects: ReadonlyMap<string, readonly KubeObject[]>;
  readonly nodes: ReadonlyMap<string, RawFiles>;
}

export async function shopCluster(path = DEMO): Promise<ShopCluster> {
  const signal = new AbortController().signal;
  const opened = await openPath(path, DEFAULT_LIMITS);
  if (!opened.ok) throw new Error(opened.problem.say);
  const source = opened.value;
  const cluster = await source.cluster(signal);
  const entries = await source.nodes(signal);
  if (!cluster.ok || !entries.ok) throw new Error('the demo bundle cannot be read');
  const objects = new Map(
    RESOURCES.map((resource) => {
      const reading = cluster.value.files.get(`${resource}.json`);
      const text = reading?.kind === 'read' ? new TextDecoder().decode(reading.content) : '{"items": []}';
      return [resource, (JSON.parse(text) as { items: KubeObject[] }).items] as const;
    }),
  );
  const nodes = new Map<string, RawFiles>();
  for (const { name } of entries.value) {
    const capture = await source.node(name, signal);
    if (capture.ok) nodes.set(name, capture.value.files);
  }
  return { objects, nodes };
}

export function feed(api: FakeApiServer, { objects }: ShopCluster): void {
  for (const [resource, all] of objects) for (const object of all) api.store.set(resource, object);
}
