import { describe, expect, test } from 'vitest';
import type { Chain, Rule, Table } from '../../nft/model';
import { endpoint, fleet, lines, type Objects, pod, service, slice, type TestNode } from '../testing/fleet';
import { driftFindings } from './proxy-drift';

const WEB = service('web', { type: 'NodePort', ports: [{ name: 'http', port: 80, nodePort: 30080 }] });
const DB = service('db', { clusterIP: '10.96.0.20' });
/** Another Service of the pods of web. */
const SHOP = service('shop', { clusterIP: '10.96.0.30', selector: { app: 'web' } });
const LOCAL = service('web', {
  type: 'NodePort',
  externalTrafficPolicy: 'Local',
  ports: [{ name: 'http', port: 80, nodePort: 30080 }],
});
const web = (...addresses: readonly (string | object)[]) => slice('web', addresses);
const db = slice('db', ['10.244.2.9']);
const NOW: Objects = { services: [WEB, DB], slices: [web('10.244.1.5', '10.244.2.5'), db] };

const drop = (comment: string): Rule => ({ handle: 99, comment, unlisted: false, statements: [{ kind: 'drop' }] });
const inChain =
  (name: RegExp, change: (chain: Chain) => Chain) =>
  (table: Table): Table => ({
    ...table,
    chains: table.chains.map((chain) => (name.test(chain.name) ? change(chain) : chain)),
  });
const withoutElements =
  (set: string, key = '') =>
  (table: Table): Table => ({
    ...table,
    sets: table.sets.map((one) =>
      one.name === set ? { ...one, elements: one.elements.filter((e) => !JSON.stringify(e.key).includes(key)) } : one,
    ),
  });
const withElement =
  (set: string, parts: readonly (string | number)[], comment: string) =>
  (table: Table): Table => ({
    ...table,
    sets: table.sets.map((one) =>
      one.name === set
        ? { ...one, elements: [...one.elements, { key: { kind: 'concat', parts }, data: { kind: 'drop' }, comment }] }
        : one,
    ),
  });
const replaced =
  (from: string, to: string, where: RegExp) =>
  (table: Table): Table =>
    inChain(where, (chain) => JSON.parse(JSON.stringify(chain).replaceAll(`"${from}"`, `"${to}"`)))(table);

const on = (node: Omit<TestNode, 'name'>): readonly TestNode[] => [{ name: 'node-1', ...node }, { name: 'node-2' }];

describe.each(['v1.32.13', 'v1.35.6', 'v1.36.2', 'v1.37.0'])('kube-proxy %s that is behind', (version) => {
  test.each<readonly [string, Objects, Objects, readonly string[]]>([
    ['up to date', NOW, NOW, []],
    ['a new Service', NOW, { services: [WEB], slices: NOW.slices ?? [] }, ['service-missing-on-node shop/db @node-1']],
    [
      'a deleted Service',
      { services: [WEB], slices: [web('10.244.1.5', '10.244.2.5')] },
      NOW,
      ['service-stale-on-node shop/db @node-1'],
    ],
    [
      'a new endpoint',
      NOW,
      { services: [WEB, DB], slices: [web('10.244.2.5'), db] },
      ['endpoint-missing-on-node shop/web @node-1'],
    ],
    [
      'the first endpoint',
      NOW,
      { services: [WEB, DB], slices: [web(), db] },
      ['endpoint-missing-on-node shop/web @node-1'],
    ],
    [
      'an endpoint that is gone',
      { services: [WEB, DB], slices: [web('10.244.2.5'), db] },
      NOW,
      ['endpoint-stale-on-node shop/web @node-1'],
    ],
    [
      'the last endpoint gone',
      { services: [WEB, DB], slices: [web(), db] },
      NOW,
      ['endpoint-stale-on-node shop/web @node-1'],
    ],
    [
      'an endpoint that is not ready any more',
      {
        services: [WEB, DB],
        slices: [web('10.244.2.5', endpoint('10.244.1.5', { ready: false, serving: false })), db],
      },
      NOW,
      ['endpoint-stale-on-node shop/web @node-1'],
    ],
    [
      'one replaced by another',
      { services: [WEB, DB], slices: [web('10.244.1.6', '10.244.2.5'), db] },
      NOW,
      ['endpoint-missing-on-node shop/web @node-1', 'endpoint-stale-on-node shop/web @node-1'],
    ],
    [
      'a pod of two Services gone',
      { services: [WEB, SHOP], slices: [web('10.244.2.5'), slice('shop', ['10.244.2.5'])] },
      { services: [WEB, SHOP], slices: [web('10.244.1.5', '10.244.2.5'), slice('shop', ['10.244.1.5', '10.244.2.5'])] },
      ['endpoint-stale-on-node shop/shop,shop/web @node-1'],
    ],
    [
      'the local endpoint is ready again, policy Local',
      { services: [LOCAL], slices: [web('10.244.1.5', '10.244.2.5')] },
      { services: [LOCAL], slices: [web('10.244.2.5')] },
      ['endpoint-missing-on-node shop/web @node-1'],
    ],
    [
      'no NodePort any more',
      { services: [service('web'), DB], slices: NOW.slices ?? [] },
      NOW,
      ['service-stale-on-node shop/web @node-1'],
    ],
    [
      'another NodePort',
      {
        services: [service('web', { type: 'NodePort', ports: [{ name: 'http', port: 80, nodePort: 30081 }] }), DB],
        slices: NOW.slices ?? [],
      },
      NOW,
      ['service-missing-on-node shop/web @node-1', 'service-stale-on-node shop/web @node-1'],
    ],
  ])('%s', (_, now, seen, want) => {
    expect(lines(driftFindings(fleet(now, on({ seen, version }))))).toEqual(want);
  });
});

describe.each(['v1.35.6', 'v1.36.2'])('a table of kube-proxy %s that somebody changed', (version) => {
  const SHARED: Objects = {
    services: [WEB, SHOP],
    slices: [web('10.244.1.5', '10.244.2.5'), slice('shop', ['10.244.1.5', '10.244.2.5'])],
  };
  const ALTERED = ['proxy-rules-altered shop/web @node-1'];
  test.each<readonly [string, Objects, (table: Table) => Table, readonly string[]]>([
    [
      'a drop in a chain for all',
      NOW,
      inChain(/^filter-forward$/, (c) => ({ ...c, rules: [drop(''), ...c.rules] })),
      ['proxy-rules-altered @node-1'],
    ],
    [
      'a drop in a chain of a Service',
      NOW,
      inChain(/^service-.*web/, (c) => ({ ...c, rules: [drop(''), ...c.rules] })),
      ALTERED,
    ],
    ['an emptied chain that is used', NOW, inChain(/^service-.*web/, (c) => ({ ...c, rules: [] })), ALTERED],
    [
      'a chain of their own with rules, not hooked',
      NOW,
      (t) => ({ ...t, chains: [...t.chains, { name: 'mine', handle: 9, rules: [drop('')] }] }),
      ['proxy-rules-altered @node-1'],
    ],
    [
      'an element of service-ips deleted',
      NOW,
      withoutElements('service-ips', '10.96.0.20'),
      ['service-missing-on-node shop/db @node-1'],
    ],
    ['an element of cluster-ips deleted', NOW, withoutElements('cluster-ips', '10.96.0.10'), ALTERED],
    [
      'one endpoint of two with a port that its pod does not declare',
      { ...NOW, pods: [pod('web', '10.244.2.5')] },
      (t) =>
        inChain(/^(service|endpoint)-.*web/, (chain) =>
          JSON.parse(JSON.stringify(chain).replaceAll(/("10\.244\.2\.5",(?:"port":)?)8080/g, '$18081')),
        )(t),
      ALTERED,
    ],
    [
      'a drop among no-endpoint-services for a pod, in the name of another Service',
      { ...NOW, pods: [pod('db', '10.244.2.9')] },
      withElement('no-endpoint-services', ['10.244.2.9', 'tcp', 8080], 'shop/web:http'),
      ['proxy-rules-altered shop/db @node-1'],
    ],
    [
      'the same for an address that a Service may have had',
      { ...NOW, pods: [pod('db', '10.244.2.9')] },
      withElement('no-endpoint-services', ['192.0.2.9', 'tcp', 8080], 'shop/web:http'),
      ['service-stale-on-node shop/web @node-1'],
    ],
    [
      'a pod among the ClusterIPs, which all traffic to it is rejected for',
      { ...NOW, pods: [pod('db', '10.244.2.9')] },
      (t) => ({
        ...t,
        sets: t.sets.map((set) =>
          set.name === 'cluster-ips' ? { ...set, elements: [...set.elements, { key: '10.244.2.9' }] } : set,
        ),
      }),
      ['proxy-rules-altered shop/db @node-1'],
    ],
    ['NodePort addresses emptied', NOW, withoutElements('nodeport-ips'), ['proxy-rules-altered @node-1']],
    [
      'a target changed that another Service of the pods has right',
      SHARED,
      replaced('10.244.2.5', '10.244.2.55', /^(service|endpoint)-.*web/),
      ALTERED,
    ],
  ])('%s', (_, now, edit, want) => {
    expect(lines(driftFindings(fleet(now, on({ edit, version }))))).toEqual(want);
  });
});

test('nodes that lack the same are one finding', () => {
  const seen = { services: [WEB], slices: NOW.slices ?? [] };
  const nodes = ['node-1', 'node-2'].map((name) => ({ name, seen }));
  expect(lines(driftFindings(fleet(NOW, nodes)))).toEqual(['service-missing-on-node shop/db @node-1,node-2']);
});

test('hints of topology, and a zone that nobody has read', () => {
  const hinted = (address: string, zone: string) => ({
    ...endpoint(address),
    zone,
    hints: { forZones: [{ name: zone }] },
  });
  const slices = [web(hinted('10.244.1.5', 'a'), hinted('10.244.1.6', 'a'), hinted('10.244.2.5', 'b')), db];
  const now = { ...NOW, slices, nodes: [] };
  const codes = (name: string, zone: string, seen: Objects = now) =>
    lines(driftFindings(fleet(now, [{ name, zone, seen }])));
  expect(codes('node-1', 'a')).toEqual([]);
  // No endpoint there tells its zone.
  expect(codes('node-3', 'b')).toEqual([]);
  const before = { ...now, slices: [web(hinted('10.244.1.5', 'a'), hinted('10.244.2.5', 'b')), db] };
  expect(codes('node-3', 'a', before)).toEqual(['endpoint-missing-on-node shop/web @node-3']);
});

test('nodes in a sentence', () => {
  const seen = { services: [WEB, DB], slices: [web('10.244.1.5', '10.244.2.5', '10.244.2.6'), db] };
  const sentence = (...names: readonly string[]) =>
    driftFindings(fleet(NOW, [...names.map((name) => ({ name, seen })), { name: 'node-3' }]))[0]?.summary;
  expect(sentence('node-1')).toMatch(/^node-1 still sends traffic/);
  expect(sentence('node-10', 'node-2')).toMatch(/^node-2 and node-10 still send traffic/);
});

test('an emptied chain that nothing leads to waits to be deleted', () => {
  const now = { services: [WEB], slices: NOW.slices ?? [] };
  const name = 'service-AAAAAAAA-shop/old/tcp/http';
  const edit = (table: Table): Table => ({ ...table, chains: [...table.chains, { name, handle: 9, rules: [] }] });
  expect(driftFindings(fleet(now, on({ edit })))).toEqual([]);
});

test('an added rule names the Services that it is about', () => {
  const now = { services: [WEB, DB], slices: NOW.slices ?? [] };
  const rule: Rule = {
    handle: 99,
    unlisted: false,
    statements: [
      { kind: 'match', op: '==', left: { kind: 'payload', protocol: 'ip', field: 'daddr' }, right: '10.244.2.9' },
      { kind: 'drop' },
    ],
  };
  const edit = inChain(/^filter-forward$/, (chain) => ({ ...chain, rules: [rule, ...chain.rules] }));
  const [found] = driftFindings(fleet(now, on({ edit })));
  expect(found).toMatchObject({ code: 'proxy-rules-altered', services: ['shop/db'] });
  expect(found?.evidence[0]).toMatchObject({ kind: 'rule', chain: 'filter-forward', handle: 99 });
  expect(found?.summary).toContain('the rule ip daddr 10.244.2.9 drop was added to chain filter-forward');
});

describe('earlier states that look like changes by hand', () => {
  const rest = slice('shop', ['10.244.1.5', '10.244.2.5']);
  const OTHER = service('shop', { clusterIP: '10.96.0.30', selector: { app: 'other' } });
  test.each<readonly [string, Objects, Objects, readonly string[]]>([
    [
      'a Service that selects the pods of another now',
      { services: [WEB, OTHER], slices: [web('10.244.1.5', '10.244.2.5'), rest], pods: [pod('x', '10.244.1.6')] },
      { services: [WEB, OTHER], slices: [web('10.244.1.6'), rest] },
      ['endpoint-missing-on-node shop/web @node-1', 'endpoint-stale-on-node shop/web @node-1'],
    ],
    [
      'one that went to an address outside',
      { services: [WEB, OTHER], slices: [web('10.244.1.5', '10.244.2.5'), rest] },
      { services: [WEB, OTHER], slices: [web('198.51.100.7'), rest] },
      ['endpoint-missing-on-node shop/web @node-1', 'endpoint-stale-on-node shop/web @node-1'],
    ],
    [
      'another policy',
      { services: [LOCAL], slices: [web('10.244.1.5', '10.244.2.5')] },
      { services: [WEB], slices: [web('10.244.1.5', '10.244.2.5')] },
      [],
    ],
    [
      'policy Local before, when it has no endpoint here',
      { services: [WEB], slices: [web('10.244.2.5')] },
      { services: [LOCAL], slices: [web('10.244.2.5')] },
      ['endpoint-missing-on-node shop/web @node-1'],
    ],
    [
      'affinity since then',
      { services: [service('web', { sessionAffinity: 'ClientIP' })], slices: [web('10.244.2.5')] },
      { services: [service('web')], slices: [web('10.244.2.5')] },
      [],
    ],
  ])('%s', (_, now, seen, want) => {
    expect(lines(driftFindings(fleet(now, on({ seen }))))).toEqual(want);
  });
});

test('what no packet meets is worth knowing, what packets meet is an error', () => {
  const chain: Chain = { name: 'mine', handle: 9, rules: [drop('')] };
  const base = { type: 'filter', hook: 'forward', prio: 0, policy: 'accept', devices: [] } as const;
  const severities = (more: Partial<Chain>, and: (table: Table) => Table = (table) => table) =>
    driftFindings(fleet(NOW, on({ edit: (t) => and({ ...t, chains: [...t.chains, { ...chain, ...more }] }) }))).map(
      ({ severity }) => severity,
    );
  expect(severities({})).toEqual(['info']);
  expect(severities({ base })).toEqual(['error']);
  expect(severities({ base, rules: [] })).toEqual(['info']);
  expect(severities({ base: { ...base, policy: 'drop' }, rules: [] })).toEqual(['error']);
  // Both the chain and the rule that leads there.
  const jump: Rule = { handle: 98, unlisted: false, statements: [{ kind: 'jump', target: 'mine' }] };
  expect(
    severities(
      {},
      inChain(/^filter-forward$/, (c) => ({ ...c, rules: [...c.rules, jump] })),
    ),
  ).toEqual(['error']);
});

test('of long rules the sentence has what differs', () => {
  const addresses = Array.from({ length: 12 }, (_, at) => `10.244.1.${at + 5}`);
  const now = { services: [WEB], slices: [web(...addresses)] };
  const edit = replaced('10.244.1.9', '10.244.1.99', /^service-.*web/);
  const sentence = driftFindings(fleet({ ...now, pods: [] }, on({ edit })))[0]?.summary ?? '';
  expect(sentence).toContain('… 11 : 10.244.1.99 … instead of … 11 : 10.244.1.9 …');
  expect(sentence.length).toBeLessThan(250);
});

test('a set that no rule reads does nothing, one that a rule reads may', () => {
  const set: Table['sets'][number] = {
    ...{ kind: 'set', name: 'mine', handle: 9, flags: [], autoMerge: false, statements: [], elements: [] },
    type: { kind: 'types', names: ['ipv4_addr'] },
  };
  const read: Rule = {
    handle: 98,
    unlisted: false,
    statements: [
      {
        ...{ kind: 'match', op: '==', left: { kind: 'payload', protocol: 'ip', field: 'saddr' } },
        right: { kind: 'setref', name: 'mine' },
      },
      { kind: 'drop' },
    ],
  };
  const severities = (and: (table: Table) => Table = (table) => table) =>
    driftFindings(fleet(NOW, on({ edit: (t) => and({ ...t, sets: [...t.sets, set] }) }))).map((one) => one.severity);
  expect(severities()).toEqual(['info']);
  expect(severities(inChain(/^filter-forward$/, (c) => ({ ...c, rules: [...c.rules, read] })))).toEqual(['error']);
});

test('what keeps connections of an endpoint of the node to itself, emptied, names all of them', () => {
  const host = slice('web', [{ addresses: ['10.240.0.11'], nodeName: 'node-1' }]);
  const now = { services: [WEB], slices: [host] };
  expect(lines(driftFindings(fleet(now, on({ edit: withoutElements('hairpin-connections') }))))).toEqual([
    'proxy-rules-altered shop/web @node-1',
  ]);
});

describe('one story for the same difference', () => {
  const swapped = (table: Table): Table => ({
    ...table,
    sets: table.sets.map((set) => {
      if (set.name !== 'service-ips') return set;
      const [first, second] = set.elements;
      const data = second?.data;
      const elements = set.elements.map((one) => (one === first && data !== undefined ? { ...one, data } : one));
      return { ...set, elements };
    }),
  });
  test.each<readonly [string, Partial<TestNode>, string, RegExp]>([
    ['an element that leads to another Service', { edit: swapped }, 'proxy-rules-altered', /^Somebody other/],
    ['addresses for NodePorts emptied', { edit: withoutElements('nodeport-ips') }, 'proxy-rules-altered', /^Somebody/],
    [
      'a Service not seen',
      { seen: { services: [WEB], slices: NOW.slices ?? [] } },
      'service-missing-on-node',
      /^kube-proxy has not written/,
    ],
    [
      'an endpoint not seen',
      { seen: { services: [WEB, DB], slices: [web('10.244.2.5'), db] } },
      'endpoint-missing-on-node',
      /^kube-proxy (is behind|has not written)/,
    ],
  ])('%s', (_, node, code, meaning) => {
    const context = fleet(NOW, on(node));
    const drifts = context.nodes.flatMap((one) => one.drift?.families ?? []);
    const differences = drifts.flatMap((family) => family.differences);
    expect(differences.length).toBeGreaterThan(0);
    for (const one of differences) expect(one.meaning).toMatch(meaning);
    const found = driftFindings(context);
    expect(found.map((one) => one.code)).toEqual([code]);
    // Every difference is evidence, and nothing else is.
    expect(found[0]?.evidence).toHaveLength(differences.length);
  });
});

describe('what a table does not lead to a Service', () => {
  const says = (node: Partial<TestNode>): readonly string[] =>
    driftFindings(fleet(NOW, on(node))).map(({ summary }) => summary);
  const both = (table: Table): Table =>
    withoutElements('service-ips', '10.96.0.10')(withoutElements('service-nodeports')(table));
  test.each<readonly [string, Partial<TestNode>, string]>([
    ['a NodePort', { edit: withoutElements('service-nodeports') }, ' NodePort 30080/tcp to shop/web'],
    ['an address', { edit: withoutElements('service-ips', '10.96.0.20') }, ' 10.96.0.20:80/tcp to shop/db'],
    ['both', { edit: both }, ' 10.96.0.10:80/tcp and NodePort 30080/tcp to shop/web'],
    // Its chains are missing as well.
    ['all of it', { seen: { services: [WEB], slices: NOW.slices ?? [] } }, ' to shop/db'],
  ])('%s', (_, node, what) => {
    expect(says(node)).toEqual([`kube-proxy's table on node-1 does not lead${what}.`]);
  });
});
