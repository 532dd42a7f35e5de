import { describe, expect, test } from 'vitest';
import { buildCluster } from './build-cluster';
import { resolvePlace } from './place';

const list = (...items: unknown[]) => ({ kind: 'read', content: JSON.stringify({ items }) }) as const;
const pod = (namespace: string, name: string, spec: object, status: object, labels = {}) => ({
  metadata: {
    namespace,
    name,
    labels,
    ownerReferences: [{ controller: true, kind: 'StatefulSet', name: name.replace(/-[^-]+$/, '') }],
  },
  spec,
  status,
});
const { cluster } = buildCluster(
  new Map([
    [
      'pods.json',
      list(
        pod(
          'shop',
          'web-1',
          { nodeName: 'node-1', containers: [{ ports: [{ containerPort: 8080 }] }] },
          { podIPs: [{ ip: '10.244.1.3' }, { ip: 'FD00:10:244:1:0::3' }] },
        ),
        pod('node', 'canary', { nodeName: 'node-2', containers: [] }, { podIPs: [{ ip: '10.244.2.9' }] }),
        pod('shop', 'web-2', { nodeName: 'node-2', containers: [] }, { podIPs: [{ ip: '10.244.2.3' }] }),
        {
          ...pod(
            'shop',
            'frontend-7c9d4-x2k5p',
            { nodeName: 'node-1', containers: [] },
            { podIPs: [{ ip: '10.244.1.9' }] },
          ),
          metadata: {
            namespace: 'shop',
            name: 'frontend-7c9d4-x2k5p',
            labels: { 'pod-template-hash': '7c9d4' },
            ownerReferences: [{ controller: true, kind: 'ReplicaSet', name: 'frontend-7c9d4' }],
          },
        },
        pod('shop', 'db-0', { nodeName: 'node-1', containers: [] }, { phase: 'Pending' }),
        pod(
          'kube-system',
          'agent-x',
          { nodeName: 'node-2', hostNetwork: true, containers: [] },
          { podIPs: [{ ip: '10.240.0.12' }] },
        ),
      ),
    ],
    [
      'nodes.json',
      list({
        metadata: { name: 'node-1' },
        status: {
          addresses: [
            { type: 'InternalIP', address: '10.240.0.11' },
            { type: 'Hostname', address: 'node-1' },
          ],
        },
      }),
    ],
    [
      'services.json',
      list(
        {
          metadata: { namespace: 'shop', name: 'web' },
          spec: {
            clusterIPs: ['10.96.0.5', 'fd00:10:96::5'],
            ports: [
              { name: 'http', port: 80 },
              { name: 'https', port: 443 },
            ],
          },
        },
        { metadata: { namespace: 'shop', name: 'api' }, spec: { clusterIPs: ['10.96.0.6'], ports: [{ port: 80 }] } },
        {
          metadata: { namespace: 'shop', name: 'dns' },
          spec: {
            clusterIPs: ['10.96.0.7'],
            ports: [
              { name: 'dns', port: 53, protocol: 'UDP' },
              { name: 'dns-tcp', port: 53 },
            ],
          },
        },
        { metadata: { namespace: 'shop', name: 'db' }, spec: { clusterIP: 'None', ports: [{ port: 5432 }] } },
      ),
    ],
  ]),
);

describe('places that are found', () => {
  test.each([
    {
      ref: 'shop/web-1',
      end: 'from',
      want: {
        label: 'shop/web-1',
        addresses: ['10.244.1.3', 'fd00:10:244:1::3'],
        where: { kind: 'pod', node: 'node-1' },
        port: 8080,
      },
    },
    { ref: 'pod/shop/web-2', end: 'from', want: { label: 'shop/web-2', addresses: ['10.244.2.3'] } },
    { ref: 'svc/shop/api', end: 'to', want: { addresses: ['10.96.0.6'], port: 80 } },
    { ref: 'svc/shop/web:https', end: 'to', want: { addresses: ['10.96.0.5', 'fd00:10:96::5'], port: 443 } },
    { ref: 'kube-system/agent-x', end: 'from', want: { where: { kind: 'node', node: 'node-2' } } },
    { ref: 'kube-system/agent', end: 'to', want: { label: 'kube-system/agent-x' } },
    {
      ref: 'node-1',
      end: 'from',
      want: { label: 'node node-1', addresses: ['10.240.0.11'], where: { kind: 'node', node: 'node-1' } },
    },
    { ref: 'node/node-1', end: 'from', want: { label: 'node node-1', addresses: ['10.240.0.11'] } },
    { ref: 'node/node-1:10250', end: 'to', want: { object: { kind: 'node', name: 'node-1' }, port: 10250 } },
    { ref: 'node-1:30080/udp', end: 'to', want: { addresses: ['10.240.0.11'], port: 30080, protocol: 'udp' } },
    { ref: 'node/canary', end: 'from', want: { label: 'node/canary', addresses: ['10.244.2.9'] } },
    { ref: 'pod/shop/web-2:8443', end: 'to', want: { label: 'shop/web-2', addresses: ['10.244.2.3'], port: 8443 } },
    {
      ref: 'shop/web-1:53/UDP',
      end: 'to',
      want: { addresses: ['10.244.1.3', 'fd00:10:244:1::3'], port: 53, protocol: 'udp' },
    },
    { ref: 'svc/shop/dns:53/udp', end: 'to', want: { port: 53, protocol: 'udp' } },
    { ref: 'external', end: 'from', want: { label: 'external client', where: { kind: 'external' } } },
    { ref: 'external:2001:DB8::1', end: 'from', want: { addresses: ['2001:db8::1'] } },
    {
      ref: 'svc:shop/api',
      end: 'to',
      want: { label: 'Service shop/api:80', addresses: ['10.96.0.6'], port: 80, protocol: 'tcp' },
    },
    {
      ref: 'svc:shop/web:https',
      end: 'to',
      want: { label: 'Service shop/web:https', port: 443, object: { kind: 'service', port: 'https' } },
    },
    { ref: 'svc:shop/web:80', end: 'to', want: { label: 'Service shop/web:http' } },
    { ref: 'svc:shop/dns:dns', end: 'to', want: { port: 53, protocol: 'udp' } },
    { ref: 'svc:shop/dns:53/UDP', end: 'to', want: { port: 53, protocol: 'udp' } },
    {
      ref: '10.96.0.10:53/UDP',
      end: 'to',
      want: { label: '10.96.0.10:53', addresses: ['10.96.0.10'], port: 53, protocol: 'udp' },
    },
    {
      ref: '[fd00::1]:80',
      end: 'to',
      want: { label: '[fd00::1]:80', addresses: ['fd00::1'], port: 80, protocol: undefined },
    },
    { ref: '10.0.0.1', end: 'to', want: { addresses: ['10.0.0.1'], port: undefined } },
  ] as const)('$ref', ({ ref, end, want }) => {
    const place = resolvePlace(ref, end, cluster);
    expect(place.ok ? place.value : place.problem).toMatchObject(want);
  });
});

describe('places that are not', () => {
  test.each([
    { ref: 'shop/web', end: 'from', code: 'REF-002', near: ['shop/web-1', 'shop/web-2'] },
    { ref: 'shop/db-123', end: 'from', code: 'REF-002', near: ['shop/db-0'] },
    { ref: 'shop/wbe-1', end: 'from', code: 'REF-002', near: ['shop/web-1'] },
    { ref: 'shop/db-123', end: 'from', code: 'REF-002', near: ['shop/db-0'] },
    { ref: 'shop/forntend', end: 'from', code: 'REF-002', near: ['shop/frontend-7c9d4-x2k5p'] },
    { ref: 'default/agent-x', end: 'from', code: 'REF-002', near: ['kube-system/agent-x'] },
    { ref: 'node-9', end: 'from', code: 'REF-003', near: ['node-1'] },
    { ref: 'node/node-9', end: 'from', code: 'REF-003', near: ['node-1'] },
    { ref: 'svc/shop/webb', end: 'to', code: 'REF-004', near: ['svc:shop/web'] },
    { ref: 'pod/shop/web-1:70000', end: 'to', code: 'REF-005', near: [] },
    { ref: 'shop/web-1:80/foo', end: 'to', code: 'REF-001', near: [] },
    { ref: 'pod/shop/web-1:80', end: 'from', code: 'REF-001', near: [] },
    { ref: 'svc:shop/webb:http', end: 'to', code: 'REF-004', near: ['svc:shop/web'] },
    { ref: 'svc:shop/web:grpc', end: 'to', code: 'REF-005', near: ['svc:shop/web:http', 'svc:shop/web:https'] },
    { ref: 'svc:shop/web', end: 'to', code: 'REF-005', near: ['svc:shop/web:http', 'svc:shop/web:https'] },
    { ref: 'svc:shop/db', end: 'to', code: 'REF-006', near: [] },
    { ref: 'shop/db-0', end: 'from', code: 'REF-006', near: [] },
    { ref: 'svc:shop/web:http', end: 'from', code: 'REF-001', near: [] },
    { ref: '10.0.0.1:80', end: 'from', code: 'REF-001', near: [] },
    { ref: '10.0.0.1', end: 'from', code: 'REF-001', near: [] },
    { ref: '10.0.0.1:70000', end: 'to', code: 'REF-005', near: [] },
    { ref: '10.0.0.1:80/foo', end: 'to', code: 'REF-001', near: [] },
    { ref: 'external:nowhere', end: 'from', code: 'REF-001', near: [] },
    { ref: 'a/b/c', end: 'to', code: 'REF-001', near: [] },
    { ref: '', end: 'to', code: 'REF-001', near: [] },
  ] as const)('$ref: $code', ({ ref, end, code, near }) => {
    const place = resolvePlace(ref, end, cluster);
    expect(place.ok ? 'found' : { code: place.problem.code, near: place.problem.near }).toEqual({ code, near });
  });

  test.each([
    ['shop/frontend-1', 'The namespace shop has shop/web-1, shop/web-2, shop/frontend-7c9d4-x2k5p, shop/db-0.'],
    ['store/frontend-1', 'No pod is in a namespace store; pods are in kube-system, node, shop.'],
    ['shop/web', 'There is a Service of this name: svc:shop/web.'],
  ])('%s: what to do says something new', (ref, remedy) => {
    const place = resolvePlace(ref, 'from', cluster);
    expect(place.ok ? '' : place.problem.do).toBe(remedy);
  });

  test.each(['from', 'to'] as const)('%s: every form is named where a text is none', (end) => {
    const place = resolvePlace('a/b/c', end, cluster);
    const forms = [
      'pod/NAMESPACE/POD',
      'node/NODE',
      'external:IP',
      ...(end === 'to' ? ['svc:NAMESPACE/', 'svc/NAMESPACE/'] : []),
    ];
    const todo = place.ok ? '' : place.problem.do;
    expect(forms.filter((form) => !todo.includes(form))).toEqual([]);
  });

  test('what was not read cannot be named, and the reason is said', () => {
    const place = resolvePlace('shop/web-1', 'from', buildCluster(new Map()).cluster);
    expect(place.ok ? '' : `${place.problem.code} ${place.problem.say}`).toBe(
      'REF-007 No pod can be named: cluster/pods.json was not read.',
    );
  });
});
