import { expect, test } from 'vitest';
import { endpointBase, portBase } from './names';

const port = (namespace: string, service: string, protocol: string, name: string) => ({
  namespace,
  service,
  protocol,
  port: name,
});

// Names that kube-proxy itself gave.
test.each([
  [port('default', 'kubernetes', 'tcp', 'https'), '2QRHZV4L-default/kubernetes/tcp/https'],
  [port('kube-system', 'kube-dns', 'udp', 'dns'), 'FY5PMXPG-kube-system/kube-dns/udp/dns'],
  [port('default', 'web', 'tcp', ''), 'PFISGYVC-default/web/tcp/'],
])('%j: %s', (name, want) => {
  expect(portBase(name)).toBe(want);
});

test.each([
  [
    port('default', 'kubernetes', 'tcp', 'https'),
    '192.168.0.2',
    6443,
    '6ZNVLG73-default/kubernetes/tcp/https__192.168.0.2/6443',
  ],
  [
    port('kube-system', 'kube-dns', 'udp', 'dns'),
    '10.244.0.3',
    53,
    'SHKW4FT7-kube-system/kube-dns/udp/dns__10.244.0.3/53',
  ],
  [port('ns1', 'svc1', 'tcp', 'p80'), 'fd00:10:180::1', 80, 'ZVRFLKHO-ns1/svc1/tcp/p80__fd00.10.180..1/80'],
] as const)('%j %s %i: %s', (name, ip, number, want) => {
  expect(endpointBase(name, ip, number)).toBe(want);
});

test('a name beyond 240 bytes is cut and ends in dots; its hash is of the whole', () => {
  const long = port('n'.repeat(63), 's'.repeat(63), 'sctp', 'p'.repeat(63));
  const name = endpointBase(long, '2001:db8:1111:2222:3333:4444:5555:6666', 65535);
  expect(name).toHaveLength(240);
  expect(name.endsWith('...')).toBe(true);
  expect(endpointBase(long, '2001:db8:1111:2222:3333:4444:5555:6667', 65535).slice(0, 8)).not.toBe(name.slice(0, 8));
});
