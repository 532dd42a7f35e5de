import { describe, expect, test } from 'vitest';
import { CHAIN, decoded, listing, METAINFO, problemOf, TABLE, tableOf } from './testing/listing';

const IN_TABLE = { family: 'ip', table: 't' };

describe('tables', () => {
  test.each([
    { name: 'flags as an array (1.1.7)', version: '1.1.7', flags: ['dormant'], want: ['dormant'], omits: false },
    { name: 'a flag as a string (1.1.3)', version: '1.1.3', flags: 'dormant', want: ['dormant'], omits: false },
    { name: 'garbage (1.0.6)', version: '1.0.6', flags: 't', want: [], omits: true },
    { name: 'garbage that is a flag (1.0.6)', version: '1.0.6', flags: 'owner', want: [], omits: true },
    { name: 'no known word, whatever the version', version: '1.1.0', flags: 't', want: [], omits: true },
    { name: 'no known word, and no version', version: undefined, flags: 'other', want: [], omits: true },
    { name: 'no flags (1.0.6)', version: '1.0.6', flags: undefined, want: [], omits: false },
  ])('$name', ({ version, flags, want, omits }) => {
    const table = { table: { ...TABLE.table, ...(flags === undefined ? {} : { flags }) } };
    const ruleset = decoded(listing([table], version));
    expect(ruleset.tables[0]?.flags).toEqual(want);
    expect(ruleset.omissions.some(({ what }) => what === 'table.flags')).toBe(omits);
  });

  test('keep the order of the listing, with the same name in several families', () => {
    const names = ['ip6', 'ip', 'inet', 'netdev', 'bridge', 'arp'];
    const tables = names.map((family, handle) => ({ table: { family, name: 't', handle } }));
    expect(decoded(listing(tables)).tables.map((table) => table.family)).toEqual(names);
  });
});

describe('chains', () => {
  const base = { type: 'filter', hook: 'ingress', prio: -10, policy: 'drop' };

  test.each([
    { name: 'a regular chain', raw: {}, want: {} },
    { name: 'without devices', raw: base, want: { base: { ...base, devices: [] } } },
    { name: 'one device', raw: { ...base, dev: 'eth0' }, want: { base: { ...base, devices: ['eth0'] } } },
    { name: 'devices', raw: { ...base, dev: ['a', 'b'] }, want: { base: { ...base, devices: ['a', 'b'] } } },
    { name: 'a comment', raw: { comment: 'c' }, want: { comment: 'c' } },
  ])('$name', ({ raw, want }) => {
    const table = tableOf([{ chain: { ...CHAIN.chain, ...raw } }]);
    expect(table.chains).toEqual([{ name: 'c', handle: 2, rules: [], ...want }]);
  });

  test('rules are grouped by chain and keep their order, also before their chain and mixed', () => {
    const rule = (chain: string, handle: number): unknown => ({ rule: { ...IN_TABLE, chain, handle, expr: [] } });
    const chain = (name: string): unknown => ({ chain: { ...IN_TABLE, name, handle: 1 } });
    const handlesOf = (members: readonly unknown[]): unknown =>
      tableOf(members).chains.map(({ name, rules }) => [name, rules.map(({ handle }) => handle)]);
    const rules = [rule('b', 9), rule('a', 5), rule('a', 4), rule('b', 3), rule('a', 6)];
    const want = [
      ['a', [5, 4, 6]],
      ['b', [9, 3]],
    ];
    expect(handlesOf([chain('a'), chain('b'), ...rules])).toEqual(want);
    expect(handlesOf([...rules, chain('a'), chain('b')])).toEqual(want);
    expect(handlesOf([...rules.slice(0, 2), chain('a'), ...rules.slice(2), chain('b')])).toEqual(want);
  });

  test('a chain far behind the last is found by name', () => {
    const names = Array.from({ length: 40 }, (_, index) => `c${index}`);
    const chains = names.map((name, handle) => ({ chain: { ...IN_TABLE, name, handle } }));
    const rules = [30, 2, 3, 39].map((index) => ({
      rule: { ...IN_TABLE, chain: `c${index}`, handle: index, expr: [] },
    }));
    const table = tableOf([...chains, ...rules]);
    expect(table.chains.filter((chain) => chain.rules.length > 0).map((chain) => chain.name)).toEqual([
      'c2',
      'c3',
      'c30',
      'c39',
    ]);
  });
});

describe('sets and maps', () => {
  const set = { ...IN_TABLE, name: 's', handle: 4, type: 'ipv4_addr' };
  const plain = {
    kind: 'set',
    name: 's',
    handle: 4,
    type: { kind: 'types', names: ['ipv4_addr'] },
    flags: [],
    autoMerge: false,
    statements: [],
    elements: [],
  };

  test.each([
    { name: 'no elements', raw: {}, want: {} },
    {
      name: 'all members',
      raw: {
        comment: 'blocks',
        policy: 'memory',
        size: 65535,
        count: 2,
        flags: ['interval', 'timeout'],
        timeout: 5400,
        'gc-interval': 30,
        'auto-merge': true,
        stmt: [{ counter: null }],
        elem: ['10.0.0.1', { elem: { val: '10.0.0.2', timeout: 60, expires: 59, comment: 'x' } }, '*'],
      },
      want: {
        comment: 'blocks',
        policy: 'memory',
        size: 65535,
        count: 2,
        flags: ['interval', 'timeout'],
        timeout: 5400,
        gcInterval: 30,
        autoMerge: true,
        statements: [{ kind: 'counter' }],
        elements: [
          { key: '10.0.0.1' },
          { key: '10.0.0.2', timeout: 60, expires: 59, comment: 'x' },
          { key: { kind: 'wildcard' } },
        ],
      },
    },
    { name: 'a size printed as signed', raw: { size: -1 }, want: { size: 4294967295 } },
    {
      name: 'a concatenation',
      raw: { type: ['ifname', 'mark'] },
      want: { type: { kind: 'types', names: ['ifname', 'mark'] } },
    },
    {
      name: 'typeof',
      raw: { type: { typeof: { meta: { key: 'mark' } } } },
      want: { type: { kind: 'typeof', expr: { kind: 'meta', key: 'mark' } } },
    },
  ])('$name', ({ raw, want }) => {
    expect(tableOf([{ set: { ...set, ...raw } }]).sets).toEqual([{ ...plain, ...want }]);
  });

  test.each([
    { map: 'verdict', want: { kind: 'verdict' } },
    { map: 'counter', want: { kind: 'object', object: 'counter' } },
    { map: 'ct helper', want: { kind: 'object', object: 'ct helper' } },
    { map: 'mark', want: { kind: 'types', names: ['mark'] } },
    { map: ['ipv4_addr', 'inet_service'], want: { kind: 'types', names: ['ipv4_addr', 'inet_service'] } },
    { map: 'ipv4_addr . inet_service', want: { kind: 'types', names: ['ipv4_addr', 'inet_service'] } },
    { map: { typeof: { meta: { key: 'mark' } } }, want: { kind: 'typeof', expr: { kind: 'meta', key: 'mark' } } },
  ])('data $map', ({ map, want }) => {
    expect(tableOf([{ map: { ...set, map } }]).sets[0]?.data).toEqual(want);
  });

  test('map elements: options are on the key, verdicts and names are data', () => {
    const elem = [
      [{ elem: { val: { concat: ['10.0.0.1', 80] }, comment: 'x' } }, { goto: { target: 'c' } }],
      [80, 'c1'],
      [{ prefix: { addr: '10.0.0.0', len: 8 } }, { range: [1, 2] }],
    ];
    expect(tableOf([{ map: { ...set, map: 'mark', elem } }]).sets[0]?.elements).toEqual([
      { key: { kind: 'concat', parts: ['10.0.0.1', 80] }, data: { kind: 'goto', target: 'c' }, comment: 'x' },
      { key: 80, data: 'c1' },
      { key: { kind: 'prefix', addr: '10.0.0.0', len: 8 }, data: { kind: 'range', from: 1, to: 2 } },
    ]);
  });
});

describe('named objects', () => {
  const base = { ...IN_TABLE, name: 'o', handle: 9 };
  const own = { name: 'o', handle: 9 };
  test.each([
    {
      kind: 'counter',
      raw: { packets: -1, bytes: 2, comment: 'c' },
      want: { packets: 18446744073709551615n, bytes: 2, comment: 'c' },
    },
    { kind: 'quota', raw: { bytes: 1024, used: 512, inv: true }, want: { bytes: 1024, used: 512, over: true } },
    { kind: 'limit', raw: { rate: 4, per: 'day' }, want: { rate: 4, per: 'day', over: false } },
    {
      kind: 'ct helper',
      raw: { type: 'ftp', protocol: 'tcp', l3proto: 'inet' },
      want: { type: 'ftp', protocol: 'tcp', l3proto: 'inet' },
    },
    // A protocol without a name on the host.
    { kind: 'ct helper', raw: { type: 'ftp', protocol: 6 }, want: { type: 'ftp', protocol: '6' } },
    {
      kind: 'ct timeout',
      raw: { protocol: 'tcp', policy: { close: 4 } },
      want: { protocol: 'tcp', policy: [['close', 4]] },
    },
    { kind: 'ct timeout', raw: { protocol: 'tcp', policy: null }, want: { protocol: 'tcp', policy: [] } },
    {
      kind: 'ct expectation',
      raw: { protocol: 'tcp', dport: 1, timeout: 120000, size: 12, l3proto: 'ip' },
      want: { protocol: 'tcp', dport: 1, timeout: 120000, size: 12, l3proto: 'ip' },
    },
    { kind: 'secmark', raw: { context: 'a:b' }, want: { context: 'a:b' } },
    {
      kind: 'synproxy',
      raw: { mss: 1460, wscale: 7, flags: ['timestamp'] },
      want: { mss: 1460, wscale: 7, flags: ['timestamp'] },
    },
    { kind: 'tunnel', raw: { id: 10, tunnel: { gbp: 200 } }, want: { members: { id: 10, tunnel: { gbp: 200 } } } },
  ])('$kind', ({ kind, raw, want }) => {
    expect(tableOf([{ [kind]: { ...base, ...raw } }]).objects).toEqual([{ ...own, kind, ...want }]);
  });

  test('of an unknown kind, kept whole', () => {
    const raw = { ...base, spin: [1] };
    expect(tableOf([{ quantum: raw }]).objects).toEqual([{ ...own, kind: 'unsupported', object: 'quantum', raw }]);
  });

  test('flowtable', () => {
    const raw = { ...base, hook: 'ingress', prio: 0, dev: ['a', 'b'] };
    expect(tableOf([{ flowtable: raw }]).flowtables).toEqual([
      { ...own, hook: 'ingress', prio: 0, devices: ['a', 'b'], flags: [] },
    ]);
  });
});

describe('what is not known is not lost', () => {
  test('members of the listing and of its objects', () => {
    const json = {
      nftables: [
        { metainfo: { ...METAINFO.metainfo, json_schema_version: 2, build: 'x' } },
        TABLE,
        { chain: { ...CHAIN.chain, offload: true } },
        { rule: { ...IN_TABLE, chain: 'c', handle: 3, expr: [], index: 7 } },
        { weather: 'fine' },
      ],
      next: 'page',
    };
    expect(decoded(json).unsupported).toEqual([
      { name: 'metainfo.json_schema_version', raw: 2 },
      { name: 'weather', raw: { weather: 'fine' } },
      { name: 'metainfo.build', raw: 'x' },
      { name: 'chain.offload', raw: true },
      { name: 'rule.index', raw: 7 },
      { name: 'listing.next', raw: 'page' },
    ]);
  });

  test('an empty ruleset is empty, not unknown', () => {
    expect(decoded({ nftables: [METAINFO] })).toEqual({
      nftVersion: '1.1.7',
      releaseName: 'Commodore Bullmoose #8',
      tables: [],
      unsupported: [],
      omissions: [],
    });
  });

  test('a listing without metainfo has no version', () => {
    expect(decoded({ nftables: [TABLE] }).nftVersion).toBeUndefined();
  });
});

test.each([
  { name: 'not an object', json: [], code: 'NFT-JSON-007', path: '' },
  { name: 'null', json: null, code: 'NFT-JSON-007', path: '' },
  { name: 'another document', json: { items: [] }, code: 'NFT-JSON-007', path: '' },
  { name: 'nftables that is no array', json: { nftables: {} }, code: 'NFT-JSON-007', path: 'nftables' },
  { name: 'commands', json: { nftables: [{ add: TABLE }] }, code: 'NFT-JSON-008', path: 'nftables[0]' },
  { name: 'a member that is no object', json: listing([5]), code: 'NFT-JSON-010', path: 'nftables[1]' },
  {
    name: 'a table without name',
    json: listing([{ table: { family: 'ip', handle: 1 } }]),
    code: 'NFT-JSON-011',
    path: 'nftables[1].table.name',
  },
  {
    name: 'an unknown family',
    json: listing([{ table: { family: 'ipx', name: 't', handle: 1 } }]),
    code: 'NFT-JSON-012',
    path: 'nftables[1].table.family',
  },
  {
    name: 'an unknown policy',
    json: listing([TABLE, { chain: { ...CHAIN.chain, type: 'filter', hook: 'input', prio: 0, policy: 'maybe' } }]),
    code: 'NFT-JSON-012',
    path: 'nftables[2].chain.policy',
  },
  { name: 'a chain of no table', json: listing([CHAIN]), code: 'NFT-JSON-014', path: 'nftables[1].chain.table' },
  {
    name: 'a rule of no chain',
    json: listing([TABLE, { rule: { ...IN_TABLE, chain: 'c', handle: 1, expr: [] } }]),
    code: 'NFT-JSON-014',
    path: 'nftables[2].rule.chain',
  },
  {
    name: 'a table twice',
    json: listing([TABLE, structuredClone(TABLE)]),
    code: 'NFT-JSON-015',
    path: 'nftables[2].table.name',
  },
  {
    name: 'a handle that is text',
    json: listing([TABLE, { chain: { ...CHAIN.chain, handle: '2' } }]),
    code: 'NFT-JSON-010',
    path: 'nftables[2].chain.handle',
  },
])('$name is a problem', ({ json, code, path }) => {
  expect(problemOf(json)).toMatchObject({ code, path });
});

test('the path of a failure is found in any depth and place', () => {
  const elem = [
    ['10.0.0.1', { jump: { target: 'c' } }],
    ['10.0.0.2', { jump: { target: null } }],
  ];
  const map = { map: { ...IN_TABLE, name: 'm', handle: 1, type: 'ipv4_addr', map: 'verdict', elem } };
  expect(problemOf(listing([TABLE, CHAIN, map]))).toEqual({
    code: 'NFT-JSON-010',
    path: 'nftables[3].map.elem[1][1].jump.target',
    say: 'nftables[3].map.elem[1][1].jump.target should be a string.',
    do: expect.stringContaining('nft 1.0.6 to 1.1.7'),
    expected: 'a string',
    got: 'null',
  });
});

test('raw JSON of an unknown kind deeper than the stack is refused, not thrown', () => {
  let deep: unknown = 1;
  for (let i = 0; i < 200_000; i++) deep = [deep];
  expect(problemOf(listing([{ quantum: deep }]))?.code).toBe('NFT-JSON-016');
});
