import { describe, expect, test } from 'vitest';
import { fleet, lines, service, slice } from '../testing/fleet';
import { askedServiceFindings } from './asked-service';

const OBJECTS = {
  services: [
    service(
      'web',
      { type: 'LoadBalancer', loadBalancerSourceRanges: ['198.51.100.0/25'] },
      { loadBalancer: { ingress: [{ ip: '203.0.113.1' }] } },
    ),
    service(
      'open',
      { type: 'LoadBalancer', clusterIP: '10.96.0.11' },
      { loadBalancer: { ingress: [{ ip: '203.0.113.2' }] } },
    ),
  ],
  slices: [slice('web', ['10.244.1.5'])],
};

test.each([
  ['a port that is there', { from: 'node-1', srcIP: '10.240.0.11', dst: '10.96.0.10', dport: 80 }, []],
  [
    'the target port',
    { from: 'node-1', srcIP: '10.240.0.11', dst: '10.96.0.10', dport: 8080 },
    ['clusterip-port-undefined shop/web'],
  ],
  [
    'another protocol',
    { from: 'node-1', srcIP: '10.240.0.11', dst: '10.96.0.10', dport: 80, protocol: 'UDP' },
    ['clusterip-port-undefined shop/web'],
  ],
  [
    'an address of no Service',
    { from: 'node-1', srcIP: '10.240.0.11', dst: '10.96.77.77', dport: 80 },
    ['clusterip-unallocated'],
  ],
  [
    'an address outside of the Service network',
    { from: 'node-1', srcIP: '10.240.0.11', dst: '192.0.2.1', dport: 80 },
    [],
  ],
  [
    'a client in the ranges',
    { from: 'external', srcIP: '198.51.100.10', node: 'node-1', dst: '203.0.113.1', dport: 80 },
    [],
  ],
  [
    'a client outside of them',
    { from: 'external', srcIP: '198.51.100.200', node: 'node-1', dst: '203.0.113.1', dport: 80 },
    ['source-ranges-block shop/web'],
  ],
  [
    'ranges do not count for the ClusterIP',
    { from: 'external', srcIP: '198.51.100.200', node: 'node-1', dst: '10.96.0.10', dport: 80 },
    [],
  ],
  [
    'a Service without ranges',
    { from: 'external', srcIP: '198.51.100.200', node: 'node-1', dst: '203.0.113.2', dport: 80 },
    [],
  ],
])('%s', (_, ask, want) => {
  const context = fleet(OBJECTS, undefined, { protocol: 'TCP', ...ask });
  expect(context.question).toBeDefined();
  expect(lines(askedServiceFindings(context))).toEqual(want);
});

describe('where no rule names the Service network', () => {
  const services = ['10.96.0.1', '10.96.0.10', '10.96.3.7'].map((clusterIP, at) => service(`s${at}`, { clusterIP }));
  test.each([
    ['between ClusterIPs', '10.96.1.99', ['clusterip-unallocated']],
    ['beside them', '10.97.0.1', []],
  ])('an address %s', (_, dst, want) => {
    const ask = { from: 'node-1', srcIP: '10.240.0.11', dst, dport: 80, protocol: 'TCP' };
    expect(lines(askedServiceFindings(fleet({ services }, [{ name: 'node-1', seen: null }], ask)))).toEqual(want);
  });
});

test('nothing is said where nobody asks', () => expect(askedServiceFindings(fleet(OBJECTS))).toEqual([]));
