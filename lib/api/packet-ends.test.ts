import { expect, test } from 'vitest';
import type { Pod } from '../cluster/cluster';
import { endsOf } from './packet-ends';

const POD = { namespace: 'shop', name: 'web-1', node: 'node-2' } as Pod;
const NETWORK = {
  podByAddress: new Map([
    ['10.244.2.5', POD],
    ['fd00::5', POD],
  ]),
  nodeByAddress: new Map([
    ['10.240.0.11', 'node-1'],
    ['10.240.0.13', 'node-3'],
  ]),
};
const tcp = (saddr: string, daddr: string) => ({
  family: 'ip',
  saddr,
  daddr,
  protocol: 'tcp',
  sport: 40000,
  dport: 80,
});

test.each<readonly [string, object, ReturnType<typeof endsOf>]>([
  [
    'from a pod: its node sends it, whoever has the evidence',
    tcp('10.244.2.5', '10.96.0.10'),
    { from: 'shop/web-1', to: '10.96.0.10:80/tcp', begins: 'node-2' },
  ],
  ['from a node', tcp('10.240.0.11', '10.96.0.10'), { from: 'node-1', to: '10.96.0.10:80/tcp', begins: 'node-1' }],
  [
    'from a node to another: it begins at its sender',
    tcp('10.240.0.11', '10.240.0.13'),
    { from: 'node-1', to: '10.240.0.13:80/tcp', begins: 'node-1' },
  ],
  [
    'from outside to a node',
    tcp('198.51.100.7', '10.240.0.13'),
    { from: 'external:198.51.100.7', to: '10.240.0.13:80/tcp', begins: 'node-3' },
  ],
  [
    'from outside to an address of a Service: by which node is not said',
    tcp('198.51.100.7', '203.0.113.12'),
    { from: 'external:198.51.100.7', to: '203.0.113.12:80/tcp', begins: null },
  ],
  [
    'IPv6',
    { ...tcp('fd00::5', 'fd00:96::10'), family: 'ip6' },
    { from: 'shop/web-1', to: '[fd00:96::10]:80/tcp', begins: 'node-2' },
  ],
  ['that says by which interface it comes in', { ...tcp('198.51.100.7', '10.240.0.13'), iif: 'eth0' }, null],
  ['that the node itself sends', { ...tcp('10.240.0.11', '10.96.0.10'), from: 'local' }, null],
  ['without ports', { family: 'ip', saddr: '10.244.2.5', daddr: '10.96.0.10', protocol: 'icmp' }, null],
])('a packet %s', (_, packet, want) => {
  expect(endsOf(packet, NETWORK)).toEqual(want);
});
