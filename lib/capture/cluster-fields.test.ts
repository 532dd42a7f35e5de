import { describe, expect, test } from 'vitest';
import { keepFields } from './cluster-fields';

const kept = (file: string, list: object): string => {
  const result = keepFields(file, JSON.stringify(list));
  if (result?.ok !== true) throw new Error('not kept');
  return JSON.stringify(result.value);
};

describe('what a capture keeps of objects', () => {
  test('a pod without its environment, volumes, commands, annotations and managed fields', () => {
    const pod = {
      kind: 'Pod',
      metadata: {
        name: 'web-1',
        namespace: 'shop',
        annotations: { 'kubectl.kubernetes.io/last-applied-configuration': 'leak-annotation' },
        managedFields: [{ manager: 'leak-managed' }],
      },
      spec: {
        nodeName: 'node-1',
        serviceAccountName: 'leak-account',
        volumes: [{ secret: { secretName: 'leak-volume' } }],
        containers: [
          {
            name: 'web',
            env: [{ name: 'PASSWORD', value: 'leak-env' }],
            args: ['--token=leak-arg'],
            ports: [{ containerPort: 8080, protocol: 'TCP' }],
            readinessProbe: { exec: { command: ['leak-probe'] } },
          },
        ],
      },
      status: { podIP: '10.0.0.1', conditions: [{ type: 'Ready', status: 'True', message: 'leak-message' }] },
    };
    const text = kept('pods.json', { kind: 'List', items: [pod] });
    expect(text).not.toMatch(/leak/);
    expect(JSON.parse(text).items[0]).toEqual({
      kind: 'Pod',
      metadata: { name: 'web-1', namespace: 'shop', annotations: {} },
      spec: { nodeName: 'node-1', containers: [{ name: 'web', ports: [{ containerPort: 8080, protocol: 'TCP' }] }] },
      status: { podIP: '10.0.0.1', conditions: [{ type: 'Ready', status: 'True' }] },
    });
  });

  test('of the annotations those that kube-proxy reads', () => {
    const annotations = { 'service.kubernetes.io/topology-mode': 'Auto', 'example.com/token': 'leak' };
    const text = kept('services.json', { items: [{ metadata: { name: 'a', namespace: 'b', annotations } }] });
    expect(JSON.parse(text).items[0].metadata.annotations).toEqual({ 'service.kubernetes.io/topology-mode': 'Auto' });
  });

  test('of a NetworkPolicy the members that it has; a peer of a kind that is not known stays one', () => {
    const from = [{ ipBlock: { cidr: '10.0.0.0/8' } }, { another: {} }];
    const ports = [{ protocol: 'TCP', port: 80, endPort: 90 }];
    const podSelector = { matchLabels: { a: 'b' }, matchExpressions: [{ key: 'k', operator: 'In', values: ['v'] }] };
    const spec = { podSelector, policyTypes: ['Ingress'], ingress: [{ from, ports }], egress: [{ to: [], ports }] };
    const metadata = { name: 'p', namespace: 'n' };
    const leaking = {
      ...spec,
      podSelector: { ...podSelector, leak: 'leak' },
      ingress: [{ from, ports: [{ ...ports[0], leak: 'leak' }], leak: 'leak' }],
    };
    expect(JSON.parse(kept('networkpolicies.json', { items: [{ metadata, spec: leaking }] })).items).toEqual([
      { metadata, spec },
    ]);
  });

  test('no objects of another kind, whatever list they are in', () => {
    const items = [
      { kind: 'Secret', metadata: { name: 'leak', namespace: 'b' }, data: { token: 'bGVhaw==' } },
      { kind: 'Service', metadata: { name: 'a', namespace: 'b' } },
    ];
    const text = kept('services.json', { kind: 'List', items });
    expect(JSON.parse(text).items).toEqual([{ kind: 'Service', metadata: { name: 'a', namespace: 'b' } }]);
  });

  test.each(['secrets.json', 'configmaps.json', 'events.json'])('no %s', (file) => {
    expect(keepFields(file, '{"items": []}')).toBeUndefined();
  });

  test('a list that is no JSON is a problem; one without items is empty', () => {
    expect(keepFields('pods.json', '<html>')?.ok).toBe(false);
    expect(kept('pods.json', { kind: 'PodList', items: null as never })).toBe('{"kind":"PodList","items":[]}');
  });
});
