import { expect, test } from 'vitest';
import type { Family, Ruleset } from '../nft/model';
import { buildParts } from '../world/build-world';
import { serviceProxy } from './service-proxy';

const table = (family: Family, name: string, chains: { readonly [name: string]: number }) => ({
  family,
  name,
  handle: 1,
  flags: [],
  objects: [],
  sets: [],
  flowtables: [],
  chains: Object.entries(chains).map(([chain, rules]) => ({
    name: chain,
    handle: 1,
    rules: Array.from({ length: rules }, () => ({ handle: 2, statements: [], unlisted: false })),
  })),
});
const ruleset = (...tables: Ruleset['tables']): Ruleset => ({
  nftVersion: '1.0.6',
  releaseName: undefined,
  unsupported: [],
  omissions: [],
  tables,
});
const link = (ifname: string) => ({
  ifindex: 1,
  ifname,
  flags: ['UP'],
  mtu: 1500,
  operstate: 'UP',
  link_type: 'ether',
  addr_info: [],
});
const world = (links: readonly string[] | undefined, files: { readonly [name: string]: string } = {}) =>
  buildParts(
    new Map([
      ...(links === undefined
        ? []
        : [['addr.json', { kind: 'read', content: JSON.stringify(links.map(link)) }] as const]),
      ...Object.entries(files).map(([name, content]) => [name, { kind: 'read', content }] as const),
    ]),
  ).parts;

const kubeProxy = table('ip', 'kube-proxy', { services: 3 });
const iptables = table('ip', 'nat', { 'KUBE-SERVICES': 9 });
const plain = world(['eth0']);

test.each([
  ['nftables', ruleset(kubeProxy), plain, null],
  ['none', ruleset(table('ip', 'kube-proxy', { services: 0 })), plain, null],
  ['nftables', ruleset(table('ip', 'kube-proxy', { services: 0, masquerading: 2 })), plain, null],
  ['none', ruleset(), plain, null],
  ['iptables', ruleset(iptables), plain, null],
  ['none', ruleset(table('ip', 'nat', { 'KUBE-SERVICES': 0 })), plain, null],
  ['nftables', ruleset(kubeProxy, iptables), plain, 'the chain KUBE-SERVICES of the table ip nat has rules'],
  ['ipvs', ruleset(), world(['eth0', 'kube-ipvs0']), null],
  [
    'iptables',
    ruleset(),
    world(['eth0'], {
      'ip_tables_names.txt': 'nat\n',
      'iptables-legacy-save.txt': '*nat\n:KUBE-SERVICES - [0:0]\n-A KUBE-SERVICES -j RETURN\nCOMMIT\n',
    }),
    null,
  ],
  ['unknown', ruleset(), world(['eth0'], { 'ip_tables_names.txt': 'nat\n' }), null],
  ['unknown', ruleset(), world(undefined), null],
  ['unknown', undefined, plain, null],
] as const)('%s', (kind, listing, parts, beside) => {
  expect(serviceProxy(listing, parts, 'nft failed')).toMatchObject({ kind, beside });
});
