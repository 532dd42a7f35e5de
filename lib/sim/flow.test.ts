/**
 * Policy rules that ask for protocol, ports and users. What the rules say was asked of Linux 6.18 over veth pairs: the device that
 * postrouting counted, the error that connect() gave, `fib … exists`.
 */
import { describe, expect, test } from 'vitest';
import type { PacketSpec } from '../net/packet-spec';
import { trace } from './index';
import { drop, match, outcome, SYN, xtWorld } from './testing/xt-world';

const prohibit = (selector: object) => [{ priority: 50, src: 'all', ...selector, action: 'prohibit' }];
const UDP: PacketSpec = { ...SYN, protocol: 'udp', sport: 1234, dport: 80, flags: [] };
const LOCAL: PacketSpec = { ...SYN, from: 'local', saddr: '10.2.0.1', dport: 93 };
const REFUSED = ['answered-outside-nftables'];
const SENT = ['transmitted'];

describe('a forwarded packet', () => {
  test.each([
    ['its port', { ipproto: 'tcp', dport: 80 }, SYN, REFUSED],
    ['a range with its port', { ipproto: 'tcp', dport_start: 79, dport_end: 81 }, SYN, REFUSED],
    ['another port', { ipproto: 'tcp', dport: 81 }, SYN, SENT],
    ['another protocol', { ipproto: 'udp', dport: 80 }, SYN, SENT],
    ['its source port', { sport: 40000 }, SYN, REFUSED],
    ['not another port', { not: null, dport: 81 }, SYN, ['lost-outside-nftables']],
    ['its protocol', { ipproto: 'udp' }, UDP, REFUSED],
    ['the kernel as user', { dst: '10.2.0.2', uid_start: 0, uid_end: 0 }, SYN, REFUSED],
    ['another user', { uid_start: 33, uid_end: 33 }, SYN, SENT],
  ] as const)('a rule asks for %s', (_, selector, packet, expected) => {
    expect(outcome({ rules: [], rule4: prohibit(selector) }, packet)).toEqual(expected);
  });
});

describe('a process', () => {
  test.each([
    [{ ipproto: 'tcp', dport_start: 90, dport_end: 95 }, 13],
    [{ ipproto: 'tcp', sport: 40000 }, 13],
    [{ ipproto: 'tcp', dport: 94 }, undefined],
  ])('%o', (selector, errno) => {
    const [branch] = trace(xtWorld({ rules: [], rule4: prohibit(selector) }), LOCAL).branches;
    expect(branch?.outcome.kind === 'decided' ? branch.outcome.fate.sendErrno : 'undecided').toBe(errno);
  });
});

describe('an answer of TCP is routed by its own ports', () => {
  const socket = { protocol: 'tcp', family: 'ip', port: 80, transparent: false } as const;
  const answers = (dport: number, selector: object): number => {
    const world = {
      ...xtWorld({ rules: [], rule4: prohibit(selector) }),
      sockets: { known: true, value: [socket] },
    } as const;
    const [branch] = trace(world, { ...SYN, daddr: '10.1.0.1', dport }).branches;
    return branch?.steps.filter(({ kind }) => kind === 'generated').length ?? -1;
  };
  test.each([
    ['open', 80],
    ['closed', 81],
  ])('%s port', (_, port) => {
    expect(answers(port, { dst: '10.1.0.2', ipproto: 'tcp', sport: port })).toBe(0);
    expect(answers(port, { dst: '10.1.0.2', ipproto: 'tcp', sport: 82 })).toBe(1);
    expect(answers(port, { dst: '10.1.0.2', ipproto: 'udp', sport: port })).toBe(1);
  });
});

test('fib asks for the protocol and not for ports', () => {
  const missing = match({ fib: { result: 'oif', flags: ['saddr', 'iif'] } }, false);
  const seen = (selector: object) =>
    outcome({ rules: [[missing, drop]], hook: 'prerouting', table: 'mangle', rule4: prohibit(selector) }, UDP);
  expect(seen({ dst: '10.1.0.2', sport: 1234 })).toEqual(SENT);
  expect(seen({ dst: '10.1.0.2', dport: 80 })).toEqual(SENT);
  expect(seen({ dst: '10.1.0.2', ipproto: 'tcp' })).toEqual(SENT);
  expect(seen({ dst: '10.1.0.2', ipproto: 'udp' })).toEqual(['dropped']);
});
