/**
 * Memory that following a large cluster takes, and how long a change of it holds the event loop: 10,000 Services with a slice each,
 * 5,000 nodes, 30 pods a node.
 *
 *   node --expose-gc --conditions=react-server --import tsx bench/cluster-objects.ts [SERVICES] [NODES] [PODS]
 */
import { Agent } from 'node:http';
import { ClusterObjects } from '../server/kube/cluster-objects';
import { KubeClient } from '../server/kube/kube-client';
import { inTurns } from '../server/sessions/in-turns';
import { type Described, lookAt } from '../server/sessions/look-at';
import type { Source } from '../server/sources/source';
import { Held } from './held';

const [services = 10_000, nodes = 5000, pods = 150_000] = process.argv.slice(2).map(Number);
const address = (base: number, i: number) => `10.${base + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`;
const MANAGED = Array.from({ length: 40 }, (_, i) => ({
  'f:field': { [`k:{"name":"${i}"}`]: { '.': {}, 'f:value': {} } },
}));
const meta = (namespace: string | undefined, name: string, i: number) => ({
  ...(namespace !== undefined && { namespace }),
  name,
  uid: `00000000-0000-0000-0000-${String(i).padStart(12, '0')}`,
  resourceVersion: String(i),
  labels: { app: `app-${i % 500}`, 'pod-template-hash': '7d9c5b8f6d', team: `team-${i % 40}` },
  managedFields: MANAGED,
});
/** Objects of usual size, made when they are asked for. */
const MAKE: Readonly<Record<string, readonly [count: number, make: (i: number) => object]>> = {
  services: [
    services,
    (i) => ({
      metadata: meta(`ns-${i % 200}`, `service-${i}`, i),
      spec: {
        type: 'ClusterIP',
        clusterIP: address(96, i),
        clusterIPs: [address(96, i)],
        selector: { app: `app-${i}` },
        ports: [{ name: 'http', protocol: 'TCP', port: 80, targetPort: 8080 }],
      },
      status: { loadBalancer: {} },
    }),
  ],
  endpointslices: [
    services,
    (i) => ({
      metadata: {
        ...meta(`ns-${i % 200}`, `service-${i}-abcde`, i),
        labels: { 'kubernetes.io/service-name': `service-${i}` },
      },
      addressType: 'IPv4',
      ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
      endpoints: Array.from({ length: 5 }, (_, e) => ({
        addresses: [address(128, 5 * i + e)],
        conditions: { ready: true, serving: true, terminating: false },
        nodeName: `node-${(i + e) % nodes}`,
        zone: 'a',
        targetRef: { kind: 'Pod', namespace: 'a', name: `pod-${i}-${e}`, uid: 'x' },
      })),
    }),
  ],
  nodes: [
    nodes,
    (i) => ({
      metadata: meta(undefined, `node-${i}`, i),
      spec: { podCIDR: `${address(128, i << 8)}/24`, podCIDRs: [`${address(128, i << 8)}/24`] },
      status: { addresses: [{ type: 'InternalIP', address: address(240, i) }], images: MANAGED, conditions: MANAGED },
    }),
  ],
  pods: [
    pods,
    (i) => ({
      metadata: {
        ...meta(`ns-${i % 200}`, `pod-${i}-7d9c5b8f6d-abcde`, i),
        ownerReferences: [{ kind: 'ReplicaSet', name: `app-${i}-7d9c5b8f6d`, controller: true }],
      },
      spec: {
        nodeName: `node-${i % nodes}`,
        containers: [
          {
            name: 'app',
            image: 'registry/app:1',
            env: MANAGED,
            ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
          },
        ],
        volumes: MANAGED,
      },
      status: {
        phase: 'Running',
        podIP: address(128, i),
        podIPs: [{ ip: address(128, i) }],
        conditions: [
          { type: 'Ready', status: 'True', lastTransitionTime: 'x' },
          { type: 'Initialized', status: 'True' },
        ],
      },
    }),
  ],
  namespaces: [200, (i) => ({ metadata: meta(undefined, `ns-${i}`, i) })],
  networkpolicies: [200, (i) => ({ metadata: meta(`ns-${i}`, 'default', i) })],
};

let received = 0;
/** Named in one object of each kind: a change. */
let mark = 'unchanged';
/** Pages as JSON that is parsed as that of a real answer is. */
class MadeCluster extends KubeClient {
  override async json(path: string) {
    const url = new URL(path, 'http://api');
    const [count, make] = MAKE[url.pathname.split('/').at(-1) ?? ''] ?? [0, () => ({})];
    const from = Number(url.searchParams.get('continue') ?? 0);
    const to = Math.min(from + Number(url.searchParams.get('limit') ?? 500), count);
    const items = Array.from({ length: to - from }, (_, i) => make(from + i));
    const [one] = items as { readonly metadata?: { readonly labels: object } }[];
    if (from === 0 && one?.metadata !== undefined) Object.assign(one.metadata.labels, { mark });
    const text = JSON.stringify({
      metadata: { resourceVersion: '1', ...(to < count && { continue: String(to) }) },
      items,
    });
    received += text.length;
    return { ok: true as const, value: JSON.parse(text) as unknown };
  }
}
const client = new MadeCluster({
  context: '',
  server: 'http://api',
  inCluster: false,
  credentials: async () => ({ headers: {}, agent: new Agent(), tls: {} }),
});
const heap = () => {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 1e6;
};
const before = heap();
const objects = new ClusterObjects({ client, named: {} });
const began = performance.now();
await objects.refresh(new AbortController().signal);
const listed = (performance.now() - began) / 1000;
const heldMb = heap() - before;
const files = await inTurns(objects.files());
const withFiles = heap() - before;
const size = [...files.values()].reduce((sum, one) => sum + (one.kind === 'read' ? one.content.length : 0), 0);
process.stdout.write(
  `${services} Services and slices, ${nodes} nodes, ${pods} pods: ${Math.round(received / 1e6)} MB of JSON, listed in ${listed.toFixed(1)} s\n` +
    `held: ${Math.round(heldMb)} MB; with the files that are handed out (${Math.round(size / 1e6)} MB): ${Math.round(withFiles)} MB; ` +
    `at most ${Math.round(process.resourceUsage().maxRSS / 1e3)} MB of the process\n`,
);

const source: Source = {
  describe: () => ({ kind: 'cluster', name: 'bench', live: true }),
  nodes: async () => ({ ok: true, value: [] }),
  cluster: async () => ({ ok: true, value: { files: await inTurns(objects.files()) } }),
  node: () => Promise.reject(new Error('not asked for')),
};
const held = new Held();
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
async function look(what: string, previous: Described | undefined): Promise<Described> {
  await pause(50);
  held.start();
  const from = performance.now();
  const described = await lookAt(source, previous);
  const took = performance.now() - from;
  await pause(20);
  if (!described.ok) throw new Error(described.problem.say);
  process.stdout.write(`${what}: ${Math.round(took)} ms, the event loop ${held.words}\n`);
  return described.value;
}
const first = await look('objects decoded', undefined);
mark = 'changed';
await objects.refresh(new AbortController().signal);
const second = await look('decoded again after one object of each kind changed', first);
const label = (one: Described) => (one.cluster.cluster.nodes.known ? one.clusterNodes[0]?.labels.mark : undefined);
if (label(first) !== 'unchanged' || label(second) !== 'changed') throw new Error('the change was not seen');
held.end();
