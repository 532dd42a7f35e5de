import { expect, test } from 'vitest';
import type { PacketView } from '../net/packet-view';
import { trace } from './index';
import { SYN, type XtCase, xt, xtWorld } from './testing/xt-world';

type Row = readonly [
  line: string,
  where: readonly [XtCase['table'], XtCase['hook']],
  want: (Partial<PacketView> & { readonly mark?: number }) | string,
];
const MANGLE = ['mangle', 'forward'] as const;
const DNAT = ['nat', 'prerouting'] as const;
const SNAT = ['nat', 'postrouting'] as const;
const FILTER = ['filter', 'forward'] as const;

const ROWS: readonly Row[] = [
  ['DNAT --to-destination 10.2.0.3', DNAT, { daddr: '10.2.0.3', dport: 80 }],
  ['DNAT --to-destination 10.2.0.3:8080', DNAT, { daddr: '10.2.0.3', dport: 8080 }],
  ['DNAT --to-destination :8080', DNAT, { daddr: '10.2.0.2', dport: 8080 }],
  ['NETMAP --to 10.2.0.64/26', DNAT, { daddr: '10.2.0.66' }],
  ['REDIRECT --to-ports 8080', DNAT, 'delivered'],
  ['SNAT --to-source 10.2.0.9:1000-1000', SNAT, { saddr: '10.2.0.9', sport: 1000 }],
  ['MASQUERADE', SNAT, { saddr: '10.2.0.1', sport: 40000 }],
  ['MASQUERADE --random-fully', SNAT, { saddr: '10.2.0.1', sport: 'random' }],
  ['MASQUERADE --to-ports 1024-2048', SNAT, { saddr: '10.2.0.1', sport: 'random' }],
  ['MARK --set-xmark 0x4000/0x4000', MANGLE, { mark: 0x4000 }],
  ['MARK --set-xmark 0x5/0xffffffff', MANGLE, { mark: 5 }],
  ['MARK --set-xmark 0x80000001/0x0', MANGLE, { mark: 0x80000001 }],
  ['MARK --set-xmark 0x0/0xffffff0f', MANGLE, { ttl: 63 }],
  ['MARK --and-mark 0x1 --or-mark 2', MANGLE, 'undecided'],
  ['CONNMARK --set-xmark 0x7/0xffffffff', MANGLE, { ttl: 63 }],
  ['TTL --ttl-set 9', MANGLE, { ttl: 9 }],
  ['TTL --ttl-dec 200', MANGLE, { ttl: 0 }],
  ['TTL --ttl-inc 3', MANGLE, { ttl: 66 }],
  ['DSCP --set-dscp 0x2e', MANGLE, { dscp: 46, ecn: 0 }],
  ['TOS --set-tos 0x10/0x3f', MANGLE, { dscp: 4, ecn: 0 }],
  ['CLASSIFY --set-class 0001:0002', MANGLE, { ttl: 63 }],
  ['CHECKSUM --checksum-fill', MANGLE, { ttl: 63 }],
  ['TCPMSS --clamp-mss-to-pmtu', MANGLE, { ttl: 63 }],
  ['REJECT --reject-with tcp-reset', FILTER, 'rejected'],
  ['REJECT --reject-with icmp-admin-prohibited', FILTER, 'rejected'],
  ['REJECT --reject-with echo-reply', FILTER, 'undecided'],
  ['NFQUEUE --queue-num 3 --queue-bypass', FILTER, 'undecided'],
  ['SET --add-set seen src', FILTER, { ttl: 63 }],
  ['LOG --log-prefix "-j DROP"', FILTER, { ttl: 63 }],
];

test.each(ROWS)('-j %s', (line, [table, hook], want) => {
  const name = line.split(' ')[0] ?? '';
  const c: XtCase = {
    rules: [[xt(name, 'target')]],
    save: [`-j ${line}`],
    ...(table && { table }),
    ...(hook && { hook }),
  };
  const [branch, ...others] = trace(xtWorld(c), SYN).branches;
  expect(others).toEqual([]);
  if (branch === undefined || branch.outcome.kind === 'undecided' || typeof want === 'string') {
    expect(branch?.outcome.kind === 'decided' ? branch.outcome.fate.summary : 'undecided').toEqual(want);
    return;
  }
  const frame = branch.outcome.fate.egress[0];
  const { mark, ...fields } = want;
  expect(frame?.packet).toMatchObject(fields);
  expect(frame?.mark).toBe(mark);
});

test('the reset of REJECT comes from the port that was asked', () => {
  const world = xtWorld({ rules: [[xt('REJECT', 'target')]], save: ['-p tcp -j REJECT --reject-with tcp-reset'] });
  const [branch] = trace(world, SYN).branches;
  expect(branch?.outcome).toMatchObject({
    kind: 'decided',
    fate: { egress: [{ packet: { flags: ['rst', 'ack'], sport: 80 } }] },
  });
});
