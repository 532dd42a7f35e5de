import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { describeShared } from '@/tests/shared';
import type { FileReading } from '../world/capture-files';
import { buildCluster } from './build-cluster';

const read = (content: unknown): FileReading => ({ kind: 'read', content: JSON.stringify(content) });
const list = (...items: unknown[]) => read({ apiVersion: 'v1', kind: 'List', items });

test('defaults of the API: type, protocol, policies, affinity, conditions', () => {
  const { cluster } = buildCluster(
    new Map([
      [
        'services.json',
        list(
          {
            metadata: { namespace: 'shop', name: 'a' },
            spec: { clusterIP: '10.96.0.1', sessionAffinity: 'ClientIP', ports: [{ port: 80 }] },
          },
          { metadata: { namespace: 'shop', name: 'b' }, spec: { clusterIP: 'None', clusterIPs: ['None'] } },
        ),
      ],
      [
        'endpointslices.json',
        list({
          metadata: { namespace: 'shop', name: 'a-1' },
          addressType: 'IPv4',
          endpoints: [{ addresses: ['10.0.0.1'] }],
        }),
      ],
    ]),
  );
  expect(cluster.services).toMatchObject({
    known: true,
    value: [
      {
        name: 'a',
        type: 'ClusterIP',
        clusterIPs: ['10.96.0.1'],
        headless: false,
        clientIPAffinity: 10800,
        ports: [{ protocol: 'TCP', port: 80 }],
      },
      { name: 'b', clusterIPs: [], headless: true, clientIPAffinity: undefined },
    ],
  });
  expect(cluster.endpointSlices).toMatchObject({
    known: true,
    value: [{ endpoints: [{ ready: true, serving: true, terminating: false }] }],
  });
  expect(cluster.pods).toEqual({ known: false, why: 'cluster/pods.json was not read' });
});

test.each<{ name: string; file: FileReading; want: string }>([
  { name: 'shape', file: list({ metadata: {} }), want: 'cluster/pods.json items[0].spec: missing' },
  { name: 'truncated', file: { kind: 'read', content: '{"items": [' }, want: 'cluster/pods.json: not JSON' },
  {
    name: 'failed',
    file: { kind: 'failed', failure: { command: 'kubectl get pods', exitStatus: 1, stderr: 'forbidden\n' } },
    want: 'cluster/pods.json: kubectl get pods failed (exit status 1): forbidden',
  },
])('unknown, with the reason: $name', ({ file, want }) => {
  const { pods } = buildCluster(new Map([['pods.json', file]])).cluster;
  expect(pods.known ? 'known' : pods.why).toContain(want);
});

describeShared('captures', (shared) => {
  test('every object of the shop cluster', () => {
    const dir = `${shared}/captures/shop-3node/cluster`;
    const files = new Map(
      readdirSync(dir).map((name) => [
        name,
        { kind: 'read', content: readFileSync(`${dir}/${name}`, 'utf8') } as const,
      ]),
    );
    const { cluster, problems } = buildCluster(files);
    expect([...problems]).toEqual([]);
    expect(cluster.version).toEqual({ known: true, value: 'v1.36.2' });
    const count = (part: { known: boolean; value?: readonly unknown[] }) => part.value?.length;
    expect(
      [cluster.services, cluster.endpointSlices, cluster.nodes, cluster.pods, cluster.namespaces].map(count),
    ).toEqual([29, 29, 3, 22, 8]);
    const api = cluster.pods.known
      ? cluster.pods.value.filter((pod) => pod.namespace === 'shop' && pod.labels.app === 'api')
      : [];
    expect(api.map((pod) => pod.node)).toEqual(expect.arrayContaining(['node-1', 'node-2', 'node-3']));
    expect(api.every((pod) => pod.addresses.length > 0)).toBe(true);
  });
});
