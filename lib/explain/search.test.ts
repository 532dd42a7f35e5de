import { describe, expect, test } from 'vitest';
import type { Chain, NftSet, Rule, Ruleset, Table } from '../nft/model';
import { searchRuleset } from './search';
import { parseQuery } from './search-query';

const payload = (protocol: string, field: string) => ({ kind: 'payload', protocol, field }) as const;
const rule = (handle: number, statements: Rule['statements'], comment?: string): Rule => ({
  handle,
  statements,
  unlisted: false,
  ...(comment === undefined ? {} : { comment }),
});
const chain = (name: string, handle: number, rules: readonly Rule[], rest: Partial<Chain> = {}): Chain => ({
  name,
  handle,
  rules,
  ...rest,
});
const set = (partial: Pick<NftSet, 'kind' | 'name' | 'handle' | 'type' | 'elements'> & Partial<NftSet>): NftSet => ({
  flags: [],
  autoMerge: false,
  statements: [],
  ...partial,
});

const kubeProxy: Table = {
  family: 'ip',
  name: 'kube-proxy',
  handle: 3,
  flags: [],
  objects: [],
  flowtables: [],
  sets: [
    set({
      kind: 'set',
      name: 'cluster-ips',
      handle: 37,
      type: { kind: 'types', names: ['ipv4_addr'] },
      elements: [{ key: '10.96.0.1' }, { key: '10.99.151.112' }],
    }),
    set({
      kind: 'map',
      name: 'service-ips',
      handle: 49,
      type: { kind: 'types', names: ['ipv4_addr', 'inet_proto', 'inet_service'] },
      data: { kind: 'verdict' },
      elements: [
        {
          key: { kind: 'concat', parts: ['10.96.0.1', 'tcp', 443] },
          data: { kind: 'goto', target: 'service-2QRHZV4L-default/kubernetes/tcp/https' },
        },
        {
          key: { kind: 'concat', parts: ['10.99.151.112', 'tcp', 80] },
          data: { kind: 'goto', target: 'service-WEZGB4Y6-shop/api/tcp/http' },
        },
      ],
    }),
    set({
      kind: 'map',
      name: 'no-endpoint-services',
      handle: 41,
      type: { kind: 'types', names: ['ipv4_addr', 'inet_proto', 'inet_service'] },
      data: { kind: 'verdict' },
      elements: [
        {
          key: { kind: 'concat', parts: ['10.106.32.181', 'tcp', 80] },
          comment: 'shop/inventory:http',
          data: { kind: 'goto', target: 'reject-chain' },
        },
      ],
    }),
  ],
  chains: [
    chain('services', 26, [
      rule(52, [
        {
          kind: 'vmap',
          key: {
            kind: 'concat',
            parts: [payload('ip', 'daddr'), { kind: 'meta', key: 'l4proto' }, payload('th', 'dport')],
          },
          data: { kind: 'setref', name: 'service-ips' },
        },
      ]),
    ]),
    chain('cluster-ips-check', 31, [
      rule(38, [
        { kind: 'match', op: '==', left: payload('ip', 'daddr'), right: { kind: 'setref', name: 'cluster-ips' } },
        { kind: 'reject' },
      ]),
      rule(
        39,
        [
          {
            kind: 'match',
            op: '==',
            left: payload('ip', 'daddr'),
            right: { kind: 'prefix', addr: '10.96.0.0', len: 12 },
          },
          { kind: 'drop' },
        ],
        'Drop traffic to unallocated ClusterIPs',
      ),
    ]),
    chain('service-WEZGB4Y6-shop/api/tcp/http', 83, [
      rule(85, [
        { kind: 'match', op: '==', left: { kind: 'meta', key: 'l4proto' }, right: 'tcp' },
        {
          kind: 'dnat',
          family: 'ip',
          flags: [],
          typeFlags: [],
          addr: {
            kind: 'map',
            key: { kind: 'numgen', mode: 'random', mod: 2, offset: 0 },
            data: {
              kind: 'set',
              elements: [
                { key: 0, data: { kind: 'concat', parts: ['10.244.1.4', 8080] } },
                { key: 1, data: { kind: 'concat', parts: ['10.244.2.4', 8080] } },
              ],
            },
          },
        },
      ]),
    ]),
    chain('reject-chain', 40, [rule(44, [{ kind: 'reject' }])]),
  ],
};
const filter: Table = {
  family: 'inet',
  name: 'filter',
  handle: 9,
  flags: [],
  objects: [],
  flowtables: [],
  sets: [
    set({
      kind: 'set',
      name: 'nets',
      handle: 2,
      type: { kind: 'types', names: ['ipv4_addr', 'inet_service'] },
      flags: ['interval'],
      elements: [
        {
          key: {
            kind: 'concat',
            parts: [
              { kind: 'range', from: '10.0.0.5', to: '10.0.0.9' },
              { kind: 'range', from: 8000, to: 8100 },
            ],
          },
        },
      ],
    }),
  ],
  chains: [
    chain(
      'input',
      1,
      [
        rule(4, [
          {
            kind: 'match',
            op: '==',
            left: payload('tcp', 'dport'),
            right: { kind: 'set', elements: [{ key: 22 }, { key: { kind: 'range', from: 80, to: 90 } }] },
          },
          { kind: 'accept' },
        ]),
        rule(5, [
          { kind: 'match', op: '==', left: { kind: 'meta', key: 'mark' }, right: 80 },
          { kind: 'jump', target: 'more' },
        ]),
        rule(6, [
          {
            kind: 'match',
            op: '!=',
            left: payload('ip6', 'saddr'),
            right: { kind: 'prefix', addr: 'fd00:1::', len: 64 },
          },
          { kind: 'drop' },
        ]),
      ],
      { base: { type: 'filter', hook: 'input', prio: 0, policy: 'drop', devices: [] } },
    ),
    chain('more', 2, []),
  ],
};
const RULESET: Ruleset = {
  nftVersion: '1.0.6',
  releaseName: undefined,
  tables: [kubeProxy, filter],
  unsupported: [],
  omissions: [],
};

const find = (q: string, limit = 100) =>
  searchRuleset(
    RULESET,
    parseQuery(q).terms,
    {
      ownerOf: (t) =>
        t.name === 'kube-proxy' ? { key: 'kp', name: 'kube-proxy' } : { key: 'ot', name: 'not recognised' },
    },
    limit,
  );
const places = (q: string) =>
  find(q).places.map(
    (p) => `${p.kind} ${p.name}${p.kind === 'rule' ? ` #${p.handle}` : ''}${p.index === null ? '' : `[${p.index}]`}`,
  );

describe('searchRuleset', () => {
  test.each([
    // Sets, maps of concatenations, prefixes.
    ['ip:10.99.151.112', ['element cluster-ips[1]', 'element service-ips[1]', 'rule cluster-ips-check #39']],
    ['10.99.151.112', ['element cluster-ips[1]', 'element service-ips[1]', 'rule cluster-ips-check #39']],
    // Anonymous maps in rules.
    ['ip:10.244.2.4', ['rule service-WEZGB4Y6-shop/api/tcp/http #85']],
    ['port:8080', ['rule service-WEZGB4Y6-shop/api/tcp/http #85', 'element nets[0]']],
    // Intervals.
    ['ip:10.0.0.7', ['element nets[0]']],
    ['ip:10.0.0.4', []],
    ['ip:10.0.0.0/29', ['element nets[0]']],
    ['ip:fd00:1::5', ['rule input #6']],
    ['ip:fd00:2::5', []],
    // A mark of 80 is not a port.
    ['port:80', ['element service-ips[1]', 'element no-endpoint-services[0]', 'rule input #4']],
    ['port:90-100', ['rule input #4']],
    // All terms at one place.
    ['ip:10.99.151.112 port:80', ['element service-ips[1]']],
    ['ip:10.99.151.112 verdict:drop', ['rule cluster-ips-check #39']],
    // Names, both ends of a reference.
    ['chain:reject-chain', ['element no-endpoint-services[0]', 'chain reject-chain']],
    ['chain:more', ['rule input #5', 'chain more']],
    ['chain:input verdict:drop', ['chain input', 'rule input #6']],
    ['set:service-ips', ['set service-ips', 'rule services #52']],
    ['set:service-ips port:443', ['element service-ips[0]']],
    ['service:api', ['element cluster-ips[1]', 'element service-ips[1]', 'chain service-WEZGB4Y6-shop/api/tcp/http']],
    [
      'service:shop/api:http',
      ['element cluster-ips[1]', 'element service-ips[1]', 'chain service-WEZGB4Y6-shop/api/tcp/http'],
    ],
    ['service:shop/api:grpc', []],
    ['service:shop/inventory', ['element no-endpoint-services[0]']],
    ['ns:shop verdict:dnat', ['rule service-WEZGB4Y6-shop/api/tcp/http #85']],
    ['verdict:reject', ['rule cluster-ips-check #38', 'rule reject-chain #44']],
    ['owner:kp verdict:drop', ['rule cluster-ips-check #39']],
    ['owner:kp chain:services', ['chain services']],
    // Words: names, texts, comments; any case.
    ['UNALLOCATED', ['rule cluster-ips-check #39']],
    ['"traffic to unallocated"', ['rule cluster-ips-check #39']],
    ['inventory', ['element no-endpoint-services[0]']],
    ['nothing-like-this', []],
    ['', []],
  ])('%s', (q, want) => {
    expect(places(q)).toEqual(want);
  });

  test('says what in the place matched, and its text', () => {
    const [place] = find('ip:10.99.151.112 verdict:drop').places;
    expect(place).toEqual({
      kind: 'rule',
      family: 'ip',
      table: 'kube-proxy',
      name: 'cluster-ips-check',
      handle: 39,
      index: null,
      text: 'ip daddr 10.96.0.0/12 drop comment "Drop traffic to unallocated ClusterIPs"',
      found: ['10.96.0.0/12', 'drop'],
    });
  });

  test('counts all places beyond the limit', () => {
    const { places: some, total } = find('ip:10.99.151.112', 1);
    expect([some.length, total]).toEqual([1, 3]);
  });
});
