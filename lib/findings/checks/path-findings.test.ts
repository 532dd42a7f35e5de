import { describe, expect, test } from 'vitest';
import {
  accept,
  counter,
  daddr,
  dnat,
  dport,
  drop,
  iifname,
  MARK,
  match,
  saddr,
  setMark,
  snat,
  type TestChain,
} from '../../conflicts/testing/node-world';
import type { Finding } from '../finding';
import { smallCluster } from '../testing/small-cluster';
import { hiddenFindings, markFindings, tieFindings } from './order-findings';
import { dropFindings, icmpFindings, natFindings, notrackFindings } from './path-findings';

const CHECKS = [dropFindings, natFindings, notrackFindings, icmpFindings, markFindings, tieFindings, hiddenFindings];
const brief = ({ code, services }: Finding): string => [code, ...services].join(' ');

const chain = (base: string, ...rules: TestChain['rules']): TestChain => ({
  table: 'ip others',
  name: 'chain',
  base,
  rules,
});
const oifname = (name: string) => match({ meta: { key: 'oifname' } }, name);
const policyDrop = (base: string, ...rules: TestChain['rules']): TestChain => ({
  ...chain(base, ...rules),
  policy: 'drop',
});
const state = (...states: string[]) => match({ ct: { key: 'state' } }, states.length === 1 ? states[0] : states, 'in');
const prefix = (addr: string, len: number) => ({ prefix: { addr, len } });

describe('rules of others on the way of Service traffic', () => {
  test.each<{
    name: string;
    chains: readonly TestChain[];
    more?: readonly object[];
    service?: object;
    pods?: readonly string[];
    want: readonly string[];
  }>([
    { name: 'nothing beside kube-proxy', chains: [], want: [] },
    {
      name: 'a chain that counts and accepts',
      chains: [chain('filter prerouting -100', [counter, accept]), chain('filter forward 0', [counter])],
      want: [],
    },
    {
      name: 'ClusterIPs dropped before they are translated',
      chains: [chain('filter prerouting -300', [daddr(prefix('10.96.0.0', 12)), drop])],
      want: ['drop-before-proxy shop/web'],
    },
    {
      name: 'the same where they have been translated already',
      chains: [chain('filter prerouting -90', [daddr(prefix('10.96.0.0', 12)), drop])],
      want: [],
    },
    {
      name: 'NodePorts dropped for clients from outside',
      chains: [
        chain(
          'filter prerouting -150',
          [iifname('eth0'), dport(30080), saddr(prefix('10.0.0.0', 8)), accept],
          [iifname('eth0'), dport(30080), drop],
        ),
      ],
      want: ['drop-before-proxy shop/web'],
    },
    {
      name: 'NodePorts of no Service dropped',
      chains: [chain('filter prerouting -150', [dport(30081), drop])],
      want: [],
    },
    {
      name: 'answers of pods on other nodes dropped',
      chains: [chain('filter prerouting -300', [iifname('eth0'), saddr(prefix('10.244.0.0', 16)), drop])],
      want: ['drop-before-proxy shop/web'],
    },
    {
      name: 'the target port dropped in forward',
      chains: [chain('filter forward 10', [state('new'), dport(8080), drop])],
      want: ['drop-after-proxy shop/web'],
    },
    {
      name: 'the port of the Service dropped in forward, where no packet has it any more',
      chains: [chain('filter forward 10', [dport(80), drop])],
      want: [],
    },
    {
      name: 'a policy that lets nothing through',
      chains: [policyDrop('filter forward 0')],
      want: ['drop-after-proxy shop/web'],
    },
    {
      name: 'a policy after a rule that lets all connections through',
      chains: [policyDrop('filter forward 0', [state('established', 'related', 'new'), accept])],
      want: [],
    },
    {
      name: 'one address outside blocked, which nobody is known to have',
      chains: [chain('filter prerouting -300', [saddr('203.0.113.9'), drop])],
      want: [],
    },
    {
      name: 'an error that belongs to a connection dropped',
      chains: [chain('filter forward 10', [state('established'), accept], [state('related'), drop])],
      want: ['icmp-needed-dropped shop/web'],
    },
    {
      name: 'errors dropped ahead of the routing',
      chains: [chain('filter prerouting -290', [match({ meta: { key: 'l4proto' } }, 'icmp'), drop])],
      want: ['icmp-needed-dropped shop/web'],
    },
    {
      name: 'whatever comes from an endpoint elsewhere dropped, errors as well: one fault',
      chains: [chain('filter prerouting -290', [iifname('eth0'), saddr(prefix('10.244.2.0', 24)), drop])],
      want: ['drop-before-proxy shop/web'],
    },
    {
      name: 'pings dropped, errors let in',
      chains: [
        chain('filter forward 10', [match({ payload: { protocol: 'icmp', field: 'type' } }, 'echo-request'), drop]),
      ],
      want: [],
    },
    {
      name: 'all forwarded traffic dropped, errors as well: one fault',
      chains: [chain('filter forward 10', [state('related'), drop], [drop])],
      want: ['drop-after-proxy shop/web'],
    },
    {
      name: 'a host port on a NodePort, first',
      chains: [chain('nat prerouting -110', [dport(30080), dnat('10.244.1.2', 8080)])],
      want: ['nat-captured shop/web'],
    },
    {
      name: 'two rules of one chain that take the same: one fault',
      chains: [
        chain(
          'nat prerouting -110',
          [iifname('eth0'), dport(30080), dnat('10.244.1.2', 8080)],
          [dport(30080), dnat('10.244.1.2', 8080)],
        ),
      ],
      want: ['nat-captured shop/web'],
    },
    {
      name: 'two rules of one chain that drop the same: one fault',
      chains: [chain('filter forward 10', [iifname('eth0'), dport(8080), drop], [dport(8080), drop])],
      want: ['drop-after-proxy shop/web'],
    },
    {
      name: 'a host port of its own',
      chains: [chain('nat prerouting -110', [dport(30081), dnat('10.244.1.2', 8080)])],
      want: [],
    },
    {
      name: 'an accept in an earlier nat chain binds nothing',
      chains: [chain('nat prerouting -110', [dport(30080), accept])],
      want: [],
    },
    {
      name: 'a port forward after kube-proxy',
      chains: [chain('nat prerouting -90', [iifname('eth0'), dport(30080), dnat('10.244.1.2', 8080)])],
      want: ['dnat-after-proxy-hidden shop/web'],
    },
    {
      name: 'a port forward after kube-proxy that also has ports of its own',
      chains: [
        chain('nat prerouting -90', [
          match({ payload: { protocol: 'tcp', field: 'dport' } }, { range: [30070, 30090] }),
          dnat('10.244.1.2', 8080),
        ]),
      ],
      want: [],
    },
    {
      name: 'two at one priority, and kube-proxy later in the order',
      chains: [chain('nat prerouting -100', [dport(30080), dnat('10.244.1.2', 8080)])],
      want: ['nat-captured shop/web', 'priority-tie shop/web'],
    },
    {
      name: 'a source rewritten before kube-proxy can masquerade',
      chains: [chain('nat postrouting 90', [snat('10.240.0.99')])],
      want: ['nat-captured shop/web'],
    },
    {
      name: 'the source of all that leaves is the address of the node, also where a pod chooses between itself and another',
      pods: ['10.244.1.3', '10.244.2.2'],
      chains: [chain('nat postrouting 90', [oifname('eth0'), snat('10.240.0.11')])],
      want: [],
    },
    {
      name: 'a source rewritten where a pod gets back to itself',
      pods: ['10.244.1.3', '10.244.2.2'],
      chains: [chain('nat postrouting 90', [daddr('10.244.1.3'), saddr('10.244.1.3'), snat('10.244.1.99')])],
      want: ['nat-captured shop/web'],
    },
    {
      name: 'a source rewritten for what is no Service traffic',
      chains: [chain('nat postrouting 90', [daddr('192.0.2.1'), snat('10.240.0.99')])],
      want: [],
    },
    {
      name: 'Service traffic not tracked',
      chains: [chain('filter prerouting -300', [daddr('10.96.0.10'), { notrack: null }])],
      want: ['notrack-service-traffic shop/web'],
    },
    {
      name: 'Service traffic not tracked and what is invalid dropped: no connection passes whose errors could be lost',
      chains: [
        chain('filter prerouting -300', [daddr('10.96.0.10'), { notrack: null }]),
        { ...chain('filter forward 10', [state('invalid'), drop]), name: 'later' },
      ],
      want: ['notrack-service-traffic shop/web'],
    },
    {
      name: 'answers not tracked',
      chains: [
        chain('filter prerouting -300', [
          match({ payload: { protocol: 'tcp', field: 'sport' } }, 8080),
          { notrack: null },
        ]),
      ],
      want: ['notrack-service-traffic shop/web'],
    },
    {
      name: 'other traffic not tracked',
      chains: [chain('filter prerouting -300', [daddr('169.254.20.10'), { notrack: null }])],
      want: [],
    },
    {
      name: "kube-proxy's mark set for what comes from outside: clients of policy Local are hidden",
      service: { externalTrafficPolicy: 'Local' },
      chains: [chain('filter prerouting -150', [iifname('eth0'), setMark(0x4000)])],
      want: ['mark-bits-overlap shop/web'],
    },
    ...[0x4000, 0x1].map((mark) => ({
      name: `the mark ${mark} of a named map, for what comes from outside`,
      service: { externalTrafficPolicy: 'Local' },
      more: [
        {
          map: {
            ...{ family: 'ip', table: 'others', name: 'm', handle: 90 },
            ...{ type: 'inet_service', map: 'mark', elem: [[30080, mark]] },
          },
        },
      ],
      chains: [
        chain('filter prerouting -150', [
          setMark({ map: { key: { payload: { protocol: 'tcp', field: 'dport' } }, data: '@m' } }),
        ]),
      ],
      want: mark === 0x4000 ? ['mark-bits-overlap shop/web'] : [],
    })),
    {
      name: 'another bit, before kube-proxy adds its own',
      chains: [chain('filter prerouting -150', [iifname('eth0'), setMark(0x1)])],
      want: [],
    },
    {
      name: 'another bit through a mask',
      chains: [chain('filter forward 0', [setMark({ '|': [{ '&': [MARK, 0xfffeffff] }, 0x10000] })])],
      want: [],
    },
    {
      name: 'the mark overwritten between its setting and its use',
      chains: [chain('filter forward 0', [setMark(0)])],
      want: ['mark-bits-overlap shop/web'],
    },
  ])('$name', ({ chains, more = [], service = {}, want, ...small }) => {
    const context = smallCluster({ chains, more, service, ...small });
    expect(
      CHECKS.flatMap((check) => check(context))
        .map(brief)
        .sort(),
    ).toEqual([...want].sort());
  });
});

describe('in words', () => {
  const range = daddr(prefix('10.96.0.0', 12));
  const dropped = (base: string, last: object): string | undefined =>
    dropFindings(smallCluster({ chains: [chain(base, [range, last])] }))[0]?.summary;

  test('a drop is no rejection, though who sends on the node itself is told', () => {
    expect(dropped('filter output -150', drop)).toContain(' drops traffic of shop/web before');
    expect(dropped('filter output -150', { reject: { type: 'tcp reset' } })).toContain(' rejects traffic of shop/web');
    expect(dropped('filter prerouting -150', drop)).toContain(' drops traffic of shop/web before');
  });

  test('which chain of a tie runs first, why, and whom it concerns', () => {
    const chains = ['ip a', 'ip b'].map((table, at) => ({
      ...chain('nat prerouting -110', [iifname('eth0'), dport(30080), dnat('10.244.1.3', 8080 + at)]),
      table,
    }));
    const [found] = tieFindings(smallCluster({ chains }));
    expect(found?.summary).toBe(
      'On node-1 table ip b, chain chain, runs before table ip a, chain chain, only because it was loaded later: both have the same hook and priority. Where a packet goes depends on it.',
    );
    expect(found?.services).toEqual(['shop/web']);
  });
});
