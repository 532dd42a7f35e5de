import { type OpenNode, openNode } from '../open-node';

/** A ruleset with one of each thing that views show. */
export const LISTING = {
  nftables: [
    { metainfo: { version: '1.0.6', release_name: 'x', json_schema_version: 1 } },
    { table: { family: 'ip', name: 'kube-proxy', handle: 1 } },
    { counter: { family: 'ip', table: 'kube-proxy', name: 'seen', handle: 2, packets: 1, bytes: 2 } },
    {
      map: {
        family: 'ip',
        table: 'kube-proxy',
        name: 'service-ips',
        handle: 3,
        type: ['ipv4_addr', 'inet_proto', 'inet_service'],
        map: 'verdict',
        elem: [
          [{ concat: ['10.96.0.10', 'udp', 53] }, { goto: { target: 'service-AAAAAAAA-kube-system/dns/udp/dns' } }],
          [{ concat: ['10.96.0.9', 'tcp', 80] }, { goto: { target: 'service-AAAAAAAA-kube-system/dns/udp/dns' } }],
          [{ concat: ['10.96.0.100', 'tcp', 443] }, { drop: null }],
        ],
      },
    },
    {
      set: {
        family: 'ip',
        table: 'kube-proxy',
        name: 'blocked',
        handle: 4,
        type: 'ipv4_addr',
        flags: ['interval'],
        elem: [{ prefix: { addr: '192.0.2.0', len: 24 } }, { elem: { val: '198.51.100.7', comment: 'one' } }],
      },
    },
    {
      chain: {
        family: 'ip',
        table: 'kube-proxy',
        name: 'nat-prerouting',
        handle: 5,
        type: 'nat',
        hook: 'prerouting',
        prio: -100,
        policy: 'accept',
      },
    },
    { chain: { family: 'ip', table: 'kube-proxy', name: 'services', handle: 6 } },
    { chain: { family: 'ip', table: 'kube-proxy', name: 'service-AAAAAAAA-kube-system/dns/udp/dns', handle: 7 } },
    { chain: { family: 'ip', table: 'kube-proxy', name: 'unused', handle: 8 } },
    {
      rule: {
        family: 'ip',
        table: 'kube-proxy',
        chain: 'nat-prerouting',
        handle: 20,
        expr: [{ jump: { target: 'services' } }],
      },
    },
    {
      rule: {
        family: 'ip',
        table: 'kube-proxy',
        chain: 'services',
        handle: 21,
        expr: [
          { match: { op: '==', left: { payload: { protocol: 'ip', field: 'saddr' } }, right: '@blocked' } },
          { counter: 'seen' },
          { drop: null },
        ],
      },
    },
    {
      rule: {
        family: 'ip',
        table: 'kube-proxy',
        chain: 'services',
        handle: 22,
        expr: [
          {
            vmap: {
              key: {
                concat: [
                  { payload: { protocol: 'ip', field: 'daddr' } },
                  { meta: { key: 'l4proto' } },
                  { payload: { protocol: 'th', field: 'dport' } },
                ],
              },
              data: '@service-ips',
            },
          },
        ],
      },
    },
    {
      rule: {
        family: 'ip',
        table: 'kube-proxy',
        chain: 'service-AAAAAAAA-kube-system/dns/udp/dns',
        handle: 23,
        expr: [{ dnat: { addr: '10.244.1.2', port: 53 } }],
      },
    },
    { table: { family: 'inet', name: 'site', handle: 2 } },
    {
      chain: {
        family: 'inet',
        table: 'site',
        name: 'first',
        handle: 1,
        type: 'filter',
        hook: 'forward',
        prio: 0,
        policy: 'drop',
      },
    },
    {
      chain: {
        family: 'inet',
        table: 'site',
        name: 'second',
        handle: 2,
        type: 'filter',
        hook: 'forward',
        prio: 0,
        policy: 'accept',
      },
    },
  ],
};

export const PODS = {
  items: [
    {
      metadata: { namespace: 'kube-system', name: 'dns-1' },
      spec: { nodeName: 'node-1', containers: [] },
      status: { podIPs: [{ ip: '10.244.1.2' }] },
    },
  ],
};

/** @param files texts by name; nft.json is {@link LISTING} unless given */
export function testNode(
  files: Readonly<Record<string, string>> = {},
  cluster: Readonly<Record<string, unknown>> = { 'pods.json': PODS },
): OpenNode {
  const bytes = (texts: readonly (readonly [string, string])[]) =>
    new Map(texts.map(([name, text]) => [name, { kind: 'read', content: new TextEncoder().encode(text) } as const]));
  return openNode({
    node: 'node-1',
    files: bytes(Object.entries({ 'nft.json': JSON.stringify(LISTING), ...files })),
    cluster: bytes(Object.entries(cluster).map(([name, json]) => [name, JSON.stringify(json)])),
    capturedAt: undefined,
    version: 'v1',
  });
}
