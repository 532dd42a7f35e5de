/** A listing with most kinds in it, for properties and fuzzing. */
const T = { family: 'inet', table: 't' };
const named = (kind: string, name: string, handle: number, rest: object): unknown => ({
  [kind]: { ...T, name, handle, ...rest },
});
const rule = (chain: string, handle: number, ...expr: readonly unknown[]): unknown => ({
  rule: { ...T, chain, handle, expr },
});
const SADDR = { payload: { protocol: 'ip', field: 'saddr' } };
const MARK = { meta: { key: 'mark' } };
const match = (left: unknown, right: unknown, op = '=='): unknown => ({ match: { op, left, right } });

export const FIXTURE: unknown = {
  nftables: [
    { metainfo: { version: '1.1.7', release_name: 'x', json_schema_version: 1 } },
    { table: { family: 'inet', name: 't', handle: 1, flags: ['dormant'], comment: 'a table' } },
    named('chain', 'in', 2, { type: 'filter', hook: 'input', prio: -10, policy: 'drop', comment: 'c' }),
    named('chain', 'sub', 3, {}),
    named('counter', 'c1', 4, { packets: 1, bytes: 2 }),
    named('quota', 'q1', 5, { bytes: 1024, used: 512, inv: true }),
    named('limit', 'l1', 6, { rate: 1, per: 'second', rate_unit: 'mbytes', burst: 512, burst_unit: 'kbytes' }),
    named('set', 's', 7, {
      type: ['ipv4_addr', 'inet_service'],
      flags: ['interval', 'timeout'],
      timeout: 60,
      size: 100,
      elem: [
        { concat: [{ prefix: { addr: '10.0.0.0', len: 8 } }, { range: [1, 2] }] },
        {
          elem: {
            val: { concat: ['10.0.0.1', 80] },
            timeout: 5,
            expires: 4,
            comment: 'x',
            counter: { packets: 1, bytes: 2 },
          },
        },
        '*',
      ],
      stmt: [{ counter: null }],
    }),
    named('map', 'm', 8, {
      type: { typeof: { concat: [SADDR, MARK] } },
      map: 'verdict',
      elem: [
        [{ concat: ['10.0.0.1', 1] }, { jump: { target: 'sub' } }],
        [{ elem: { val: '*', comment: 'rest' } }, { drop: null }],
      ],
    }),
    named('flowtable', 'f', 9, { hook: 'ingress', prio: 0, dev: ['eth0', 'lo'] }),
    rule(
      'in',
      10,
      match({ ct: { key: 'state' } }, ['established', 'related'], 'in'),
      { counter: { packets: 3, bytes: 4 } },
      { accept: null },
    ),
    rule('in', 11, match(SADDR, '@s'), { vmap: { key: { concat: [SADDR, MARK] }, data: '@m' } }),
    rule('in', 12, match({ '&': [{ payload: { protocol: 'tcp', field: 'flags' } }, { '|': ['fin', 'syn'] }] }, 'syn'), {
      limit: { rate: 7, burst: 9, per: 'minute', inv: true },
    }),
    rule('in', 13, {
      vmap: {
        key: { numgen: { mode: 'random', mod: 2, offset: 0 } },
        data: {
          set: [
            [0, { goto: { target: 'sub' } }],
            [1, { return: null }],
          ],
        },
      },
    }),
    rule(
      'sub',
      14,
      { mangle: { key: MARK, value: { '|': [{ '&': [MARK, 255] }, 16] } } },
      { log: { prefix: 'p ', level: 'debug', flags: ['ip options'] } },
    ),
    rule('sub', 15, {
      dnat: {
        family: 'ip',
        addr: {
          map: {
            key: { jhash: { mod: 2, seed: 1, expr: SADDR } },
            data: {
              set: [
                [0, '10.0.0.1'],
                ['*', '10.0.0.2'],
              ],
            },
          },
        },
        port: { range: [80, 90] },
        flags: ['random'],
      },
    }),
    rule('sub', 16, {
      set: {
        op: 'update',
        elem: { elem: { val: SADDR, timeout: 30 } },
        set: '@s',
        stmt: [{ quota: { val: 1, val_unit: 'mbytes', inv: true } }],
      },
    }),
    rule('sub', 17, { map: { op: 'add', elem: SADDR, data: MARK, map: '@m' } }, { reject: { type: 'tcp reset' } }),
    rule('sub', 18, 'jump {\n\t\t\taccept\n\t\t}'),
    rule(
      'sub',
      19,
      { xt: { type: 'target', name: 'LOG' } },
      { counter: 'c1' },
      { quota: { map: { key: SADDR, data: '@q' } } },
    ),
    { rule: { ...T, chain: 'sub', handle: 20, comment: 'nothing to say' } },
  ],
};
