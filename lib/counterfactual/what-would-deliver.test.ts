import { describe, expect, test } from 'vitest';
import {
  accept,
  daddr,
  dnat,
  dport,
  drop,
  match,
  nodeWorld,
  saddr,
  type TestChain,
} from '../conflicts/testing/node-world';
import type { PacketSpec } from '../net/packet-spec';
import { preparedOf, trace } from '../sim';
import { NOTHING_EXPECTED } from './as-expected';
import type { Change } from './change';
import { whatWouldDeliver } from './what-would-deliver';

const WEB = '10.244.1.2';
const SYN: PacketSpec = {
  iif: 'eth0',
  family: 'ip',
  saddr: '198.51.100.10',
  daddr: WEB,
  protocol: 'tcp',
  sport: 40000,
  dport: 80,
};

const forward = (rules: TestChain['rules'], more: Partial<TestChain> = {}): TestChain => ({
  table: 'ip first',
  name: 'forward',
  base: 'filter forward 0',
  rules,
  ...more,
});
const SECOND = { table: 'ip second', name: 'later', base: 'filter forward 10' };
const set = (name: string, elem: readonly unknown[], more: object = {}) => ({
  set: { family: 'ip', table: 'first', name, handle: 50, type: 'ipv4_addr', elem, ...more },
});

function brief(change: Change): string {
  switch (change.kind) {
    case 'rule-dropped':
      return `rule ${change.at.table} ${change.at.chain} ${change.at.handle}`;
    case 'element-removed':
      return `element ${change.element.key} out of ${change.set.set}`;
    case 'element-added': {
      const to = typeof change.data === 'object' && 'target' in change.data ? ` : ${change.data.target}` : '';
      return `element ${change.key} into ${change.set.set}${to}`;
    }
    case 'policy-accept':
      return `policy ${change.chain.chain}`;
    case 'priority':
      return `priority ${change.chain.table} ${change.from} ${change.to} past ${change.past.table}`;
    case 'sysctl':
      return `${change.key} ${change.from} ${change.to}`;
    case 'conntrack-gone':
      return 'connection';
    case 'service':
      return `${change.edit.field} of ${change.service.name}`;
  }
}

interface Case {
  readonly name: string;
  readonly chains: readonly TestChain[];
  readonly more?: readonly unknown[];
  readonly files?: Readonly<Record<string, string>>;
  readonly packet?: Partial<PacketSpec>;
  readonly want: readonly string[];
}

const CLIENTS = match({ payload: { protocol: 'ip', field: 'saddr' } }, '@clients');

function ask({ chains, more = [], files = {}, packet }: Omit<Case, 'name' | 'want'>) {
  const world = nodeWorld(chains, { more, files });
  const sent = { ...SYN, ...packet };
  const isNobody = (address: string): boolean => address.startsWith('10.96.');
  return whatWouldDeliver(preparedOf(world), sent, trace(world, sent), {
    isNobody,
    proxied: () => undefined,
    expected: () => NOTHING_EXPECTED,
  });
}

describe('what would deliver', () => {
  test.each<Case>([
    {
      name: 'the rule that drops',
      chains: [
        forward([
          [dport(81), drop],
          [dport(80), drop],
        ]),
      ],
      want: ['rule first forward 2'],
    },
    {
      name: 'the element by which it does, before the rule',
      chains: [forward([[CLIENTS, drop]])],
      more: [set('clients', ['192.0.2.1', '198.51.100.10'])],
      want: ['element 198.51.100.10 out of clients', 'rule first forward 1'],
    },
    {
      name: 'the element that is missing, before the policy',
      chains: [forward([[CLIENTS, accept]], { policy: 'drop' })],
      more: [set('clients', ['192.0.2.1'])],
      want: ['element 198.51.100.10 into clients', 'policy forward'],
    },
    {
      name: 'a rule that jumps to the drop is not named beside it',
      chains: [
        forward([[dport(80), { jump: { target: 'closed' } }]]),
        { table: 'ip first', name: 'closed', rules: [[drop]] },
      ],
      want: ['rule first closed 1'],
    },
    {
      name: 'the jump, where dropping single rules behind it does not help',
      chains: [
        forward([[dport(80), { jump: { target: 'closed' } }]]),
        { table: 'ip first', name: 'closed', rules: [[drop], [drop]] },
      ],
      want: ['rule first forward 1'],
    },
    {
      name: 'two drops: no single change',
      chains: [forward([[dport(80), drop]]), { ...SECOND, rules: [[saddr('198.51.100.10'), drop]] }],
      want: [],
    },
    {
      name: 'a setting',
      chains: [],
      files: { 'sysctl.txt': 'net.ipv4.ip_forward = 0\nnet.ipv4.conf.all.rp_filter = 0\n' },
      want: ['net.ipv4.ip_forward 0 1'],
    },
    {
      name: 'a connection that is remembered',
      chains: [forward([[match({ ct: { key: 'state' } }, 'established', 'in'), drop]])],
      files: {
        'conntrack.txt': `ipv4     2 udp      17 25 src=198.51.100.10 dst=${WEB} sport=40000 dport=53 src=${WEB} dst=198.51.100.10 sport=53 dport=40000 [ASSURED] mark=0 use=1\n`,
      },
      packet: { protocol: 'udp', dport: 53 },
      want: ['connection', 'rule first forward 1'],
    },
    {
      name: 'a rule that iptables made, beside others of its chain',
      chains: [
        {
          table: 'ip filter',
          name: 'FORWARD',
          base: 'filter forward 0',
          rules: [
            [{ xt: { type: 'match', name: 'comment' } }, dport(81), drop],
            [{ xt: { type: 'match', name: 'conntrack' } }, drop],
            [{ xt: { type: 'match', name: 'conntrack' } }, drop],
          ],
        },
      ],
      files: {
        'iptables-save.txt': [
          '*filter',
          '-A FORWARD -p tcp -m tcp --dport 81 -m comment --comment "x" -j DROP',
          '-A FORWARD -m conntrack --ctstate NEW -j DROP',
          '-A FORWARD -m conntrack --ctstate INVALID -j DROP',
          'COMMIT',
          '',
        ].join('\n'),
      },
      want: ['rule filter FORWARD 2'],
    },
    {
      name: 'a chain behind the translation of another',
      chains: [
        { table: 'ip first', name: 'pre', base: 'filter prerouting -150', rules: [[dport(30080), drop]] },
        { table: 'ip second', name: 'pre', base: 'nat prerouting -100', rules: [[dport(30080), dnat(WEB, 8080)]] },
      ],
      packet: { daddr: '10.240.0.11', dport: 30080 },
      want: ['rule first pre 1', 'priority first -150 -99 past second'],
    },
    {
      name: 'what only lets it leave for an address nobody has does not count',
      chains: [forward([[daddr('10.96.0.9'), drop]])],
      packet: { daddr: '10.96.0.9' },
      want: [],
    },
    {
      name: 'that it ends at the node instead, untranslated, does not count',
      chains: [
        { table: 'ip second', name: 'pre', base: 'nat prerouting -100', rules: [[dport(30080), dnat(WEB, 8080)]] },
        forward([], { policy: 'drop' }),
      ],
      packet: { daddr: '10.240.0.11', dport: 30080 },
      want: ['policy forward'],
    },
    {
      name: 'a port of the node itself does, where its rules drop it',
      chains: [forward([[dport(80), drop]], { name: 'input', base: 'filter input 0' })],
      packet: { daddr: '10.240.0.11' },
      want: ['rule first input 1'],
    },
    {
      name: 'a chain that nothing leads to any more',
      chains: [
        {
          table: 'ip first',
          name: 'pre',
          base: 'nat prerouting -100',
          rules: [[{ vmap: { key: { payload: { protocol: 'ip', field: 'daddr' } }, data: '@services' } }]],
        },
        { table: 'ip first', name: 'service-web', rules: [[{ dnat: { addr: WEB } }]] },
        { table: 'ip first', name: 'service-api', rules: [[{ dnat: { addr: '10.244.1.3' } }]] },
        { table: 'ip first', name: 'log-all', rules: [[{ dnat: { addr: WEB } }]] },
        forward([[daddr('10.96.0.9'), drop]]),
      ],
      more: [
        {
          map: {
            family: 'ip',
            table: 'first',
            name: 'services',
            handle: 60,
            type: 'ipv4_addr',
            map: 'verdict',
            elem: [['10.96.0.8', { goto: { target: 'service-api' } }]],
          },
        },
      ],
      packet: { daddr: '10.96.0.9' },
      want: ['element 10.96.0.9 into services : service-web'],
    },
    { name: 'a packet that arrives', chains: [forward([[dport(81), drop]])], want: [] },
  ])('$name', (one) => {
    expect(ask(one).found.map(({ change }) => brief(change))).toEqual(one.want);
  });

  test('a way that is not known does not count', () => {
    const unknown = [{ xt: { type: 'match', name: 'somebody' } }, drop];
    const { found, undecided } = ask({ chains: [forward([[dport(80), drop]]), { ...SECOND, rules: [unknown] }] });
    expect([found, undecided > 0]).toEqual([[], true]);
  });

  test('nothing is tried for a packet that arrives, or whose way is not known', () => {
    const unknown = [{ xt: { type: 'match', name: 'somebody' } }, drop];
    expect(ask({ chains: [] }).tried).toBe(0);
    expect(ask({ chains: [forward([unknown])] }).tried).toBe(0);
  });
});
