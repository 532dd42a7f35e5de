import { describe, expect, test } from 'vitest';
import { driftFindings } from '../findings/checks/proxy-drift';
import { endpoint, fleet, type Objects, service, slice } from '../findings/testing/fleet';
import type { Table } from '../nft/model';

const PORTS = [
  { name: 'http', port: 80, nodePort: 30080 },
  { name: 'metrics', port: 9090, nodePort: 30090 },
];
const BALANCED = { type: 'LoadBalancer', ports: PORTS };
const STATUS = { loadBalancer: { ingress: [{ ip: '203.0.113.12' }] } };
const balanced = (spec: object): object => service('web', { ...BALANCED, ...spec }, STATUS);

/** One Service at other times; its addresses and ports are the same. */
const SAME_ADDRESSES: Readonly<Record<string, object>> = {
  plain: balanced({}),
  'external Local': balanced({ externalTrafficPolicy: 'Local', healthCheckNodePort: 32000 }),
  'internal Local': balanced({ internalTrafficPolicy: 'Local' }),
  'both Local': balanced({ internalTrafficPolicy: 'Local', externalTrafficPolicy: 'Local' }),
  affinity: balanced({ sessionAffinity: 'ClientIP' }),
  'short affinity': balanced({
    sessionAffinity: 'ClientIP',
    sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } },
  }),
  ranges: balanced({ loadBalancerSourceRanges: ['198.51.100.0/24', '10.0.0.0/8'] }),
  'ranges that touch': balanced({ loadBalancerSourceRanges: ['198.51.100.0/25', '198.51.100.128/25'] }),
  'ranges with a gap': balanced({ loadBalancerSourceRanges: ['198.51.100.0/25', '198.51.100.128/26'] }),
  'one range': balanced({ loadBalancerSourceRanges: ['198.51.100.0/24'] }),
  'one range with the node': balanced({ loadBalancerSourceRanges: ['10.240.0.0/16'] }),
  'a lone address': balanced({ loadBalancerSourceRanges: ['198.51.100.7/32'], externalTrafficPolicy: 'Local' }),
};

/** With others. */
const OTHERS: Readonly<Record<string, object>> = {
  'no NodePorts': service('web', { ports: PORTS.map(({ name, port }) => ({ name, port })) }),
  'external address': service('web', { ports: PORTS, externalIPs: ['198.51.100.80'], externalTrafficPolicy: 'Local' }),
  'another number': balanced({ ports: [{ name: 'http', port: 8080, nodePort: 30080 }, PORTS[1]] }),
  'one port': balanced({ ports: [PORTS[0]] }),
  'another balancer': service(
    'web',
    { ...BALANCED, loadBalancerSourceRanges: ['10.0.0.0/8'] },
    {
      loadBalancer: { ingress: [{ ip: '203.0.113.99' }] },
    },
  ),
};

const both = [
  { name: 'http', port: 8080 },
  { name: 'metrics', port: 9100 },
];
const ENDPOINTS: Readonly<Record<string, readonly object[]>> = {
  'here and there': [slice('web', ['10.244.1.5', '10.244.2.5'], both)],
  here: [slice('web', ['10.244.1.5'], both)],
  there: [slice('web', ['10.244.2.5'], both)],
  none: [slice('web', [], both)],
  ending: [
    slice('web', [endpoint('10.244.1.5', { ready: false, serving: true, terminating: true }), '10.244.2.5'], both),
  ],
  'named port': [
    slice('web', ['10.244.1.5'], both),
    slice('web', ['10.244.2.5'], [{ name: 'http', port: 8081 }, both[1] ?? {}]),
  ],
};

const some = <T>(of: Readonly<Record<string, T>>, names: readonly string[]) =>
  Object.entries(of).filter(([name]) => names.includes(name));

const found = (now: Objects, seen: Objects, version: string) =>
  driftFindings(fleet(now, [{ name: 'node-1', seen, version }, { name: 'node-2' }]));

describe.each(['v1.35.6', 'v1.36.2'])('kube-proxy %s has seen an earlier state', (version) => {
  const all = { ...SAME_ADDRESSES, ...OTHERS };
  test.each(Object.entries(all))('%s: nobody changed its table', (_, before) => {
    const wrong: string[] = [];
    for (const [now, after] of some(all, ['both Local', 'ranges', 'no NodePorts']))
      for (const [then, seen] of Object.entries(ENDPOINTS))
        for (const [since, slices] of some(ENDPOINTS, ['here and there', 'there', 'none']))
          for (const { code } of found({ services: [after], slices }, { services: [before], slices: seen }, version))
            if (code === 'proxy-rules-altered') wrong.push(`${then} -> ${now}, ${since}`);
    expect(wrong).toEqual([]);
  });

  test.each(Object.entries(SAME_ADDRESSES))('%s: no address and no endpoint is missing', (_, before) => {
    const slices = ENDPOINTS['here and there'] ?? [];
    const codes = Object.values(SAME_ADDRESSES).flatMap((after) =>
      found({ services: [after], slices }, { services: [before], slices }, version).map(({ code }) => code),
    );
    expect(codes).toEqual([]);
  });
});

const emptied = (at: RegExp, table: Table): Table => ({
  ...table,
  chains: table.chains.map((chain) => (at.test(chain.name) ? { ...chain, rules: [] } : chain)),
});

describe('no earlier state explains it', () => {
  const now = { services: [SAME_ADDRESSES.ranges ?? {}], slices: ENDPOINTS['here and there'] ?? [] };
  const firewall =
    (at: RegExp, change: (text: string) => string) =>
    (table: Table): Table => ({
      ...table,
      chains: table.chains.map((chain) => (at.test(chain.name) ? JSON.parse(change(JSON.stringify(chain))) : chain)),
    });
  const withoutElements =
    (name: string, key: string) =>
    (table: Table): Table => ({
      ...table,
      sets: table.sets.map((set) =>
        set.name === name
          ? { ...set, elements: set.elements.filter((one) => !JSON.stringify(one.key).includes(key)) }
          : set,
      ),
    });
  const at = /^firewall-.*http$/;
  const elements =
    (name: string, change: (text: string) => string) =>
    (table: Table): Table => ({
      ...table,
      sets: table.sets.map((set) => (set.name === name ? JSON.parse(change(JSON.stringify(set))) : set)),
    });
  const moved =
    (from: string, to: string) =>
    (table: Table): Table => {
      const taken = table.sets.find(({ name }) => name === from)?.elements ?? [];
      return {
        ...table,
        sets: table.sets.map((set) => (set.name === to ? { ...set, elements: [...set.elements, ...taken] } : set)),
      };
    };
  test.each<readonly [string, (table: Table) => Table]>([
    ['other ranges for one of its ports', firewall(at, (text) => text.replaceAll('198.51.100.0', '198.51.101.0'))],
    ['a firewall that drops everybody', firewall(/^firewall-/, (text) => text.replaceAll('"!="', '"=="'))],
    ['ranges that are not asked for one address', withoutElements('firewall-ips', '"tcp",80')],
    [
      'policy Local at one of its ports',
      firewall(/^external-.*http$/, (text) => text.replaceAll('service-', 'local-')),
    ],
    [
      'a choice that prefers one endpoint',
      firewall(/^service-.*http$/, (text) => text.replaceAll('10.244.2.5', '10.244.1.5')),
    ],
    [
      'no masquerading for clients from outside',
      firewall(/^external-.*http$/, (text) => text.replace(/"kind":"mangle"/, '"kind":"counter"')),
    ],
    ['a used firewall without its rule', (table) => emptied(/^firewall-.*http$/, table)],
    ['another port of the pods', firewall(/^service-.*http$/, (text) => text.replaceAll('8080', '8081'))],
    [
      'an address that leads to another port of the Service',
      elements('service-ips', (text) => text.replaceAll('tcp/metrics', 'tcp/http')),
    ],
    ['a Service that is served and refused', moved('service-ips', 'no-endpoint-services')],
  ])('%s', (_, edit) => {
    const findings = driftFindings(fleet(now, [{ name: 'node-1', edit }, { name: 'node-2' }]));
    expect(findings.map(({ code, services }) => `${code} ${services}`)).toEqual(['proxy-rules-altered shop/web']);
  });
});
