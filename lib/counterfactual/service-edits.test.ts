import { expect, test } from 'vitest';
import { decodeEndpointSlices, decodeServices } from '../cluster/decode-objects';
import { expectedTable } from '../expected/expected-table';
import { releaseOf } from '../expected/release';
import { editObjects, serviceEdits } from './service-edits';

const SERVICE = {
  metadata: { namespace: 'shop', name: 'web' },
  spec: {
    clusterIPs: ['10.96.0.10'],
    ports: [{ name: 'http', port: 80 }],
    sessionAffinity: 'ClientIP',
    sessionAffinityConfig: { clientIP: { timeoutSeconds: 600 } },
  },
};
const SLICE = {
  metadata: { namespace: 'shop', name: 'web-x', labels: { 'kubernetes.io/service-name': 'web' } },
  addressType: 'IPv4',
  ports: [{ name: 'http', port: 8080 }],
  endpoints: [{ addresses: ['10.244.1.3'], nodeName: 'node-1' }],
};

test('without session affinity kube-proxy keeps no set of clients', () => {
  const [services, slices] = [decodeServices({ items: [SERVICE] }), decodeEndpointSlices({ items: [SLICE] })];
  const release = releaseOf('v1.36.2');
  if (!services.ok || !slices.ok || release === undefined) throw new Error('not decoded');
  const objects = { services: services.value, endpointSlices: slices.value };
  const packet = { family: 'ip', saddr: '198.51.100.10', daddr: '10.96.0.10', protocol: 'tcp', dport: 80 } as const;
  const edits = [...serviceEdits(objects, packet)];
  expect(edits).toEqual([
    { service: { namespace: 'shop', name: 'web' }, edit: { field: 'sessionAffinity', from: 'ClientIP', to: 'None' } },
  ]);
  const setsOf = (of: typeof objects): readonly string[] =>
    expectedTable(
      'ip',
      of,
      { name: 'node-1', zone: undefined, address: undefined },
      {
        release,
        mark: 0x4000,
        masqueradeAll: false,
        localTraffic: undefined,
        nodePortAddresses: 'any',
        unallocated: undefined,
      },
    ).sets.flatMap(({ name }) => (name.startsWith('affinity-') ? [name] : []));
  expect(setsOf(objects)).toHaveLength(1);
  const [edit] = edits;
  expect(edit && setsOf(editObjects(objects, edit))).toEqual([]);
});

test('a packet for somebody else asks for no Service', () => {
  const services = decodeServices({ items: [SERVICE] });
  if (!services.ok) throw new Error('not decoded');
  const packet = { family: 'ip', saddr: '198.51.100.10', daddr: '10.96.0.11', protocol: 'tcp', dport: 80 } as const;
  expect([...serviceEdits({ services: services.value, endpointSlices: [] }, packet)]).toEqual([]);
});
