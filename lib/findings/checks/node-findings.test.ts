import { describe, expect, test } from 'vitest';
import { diagnose } from '../diagnose';
import { explainAsked } from '../explain-asked';
import type { Finding } from '../finding';
import { questionOf, ROUTES, smallCluster } from '../testing/small-cluster';
import { askedNodePortFindings } from './asked-nodeport';
import {
  affinityFindings,
  bridgeFindings,
  connectionFindings,
  conntrackFindings,
  filterFindings,
  forwardingFindings,
  masqueradeFindings,
  routeFindings,
} from './node-findings';
import { dropFindings } from './path-findings';

const CHECKS = [
  forwardingFindings,
  routeFindings,
  filterFindings,
  bridgeFindings,
  conntrackFindings,
  masqueradeFindings,
  connectionFindings,
  affinityFindings,
  askedNodePortFindings,
];
const brief = ({ code, services }: Finding): string => [code, ...services].join(' ');
const sysctl = (more: Readonly<Record<string, string>>) => ({
  'sysctl.txt': Object.entries({ 'net.ipv4.ip_forward': '1', 'net.ipv4.conf.all.rp_filter': '0', ...more })
    .map(([key, value]) => `${key} = ${value}\n`)
    .join(''),
});
const routes = (list: readonly object[]) => ({ 'route4.json': JSON.stringify(list) });
const LOOPBACK = { type: 'local', dst: '127.0.0.0/8', dev: 'lo', table: 'local', scope: 'host', flags: [] };
const without = (dst: string) => ROUTES.filter((route) => !('dst' in route) || route.dst !== dst);
const PINNED = 'ipv4 2 tcp 6 431000 ESTABLISHED src=10.244.1.2 dst=10.96.0.10 sport=5000 dport=80';
const ASSURED = '[ASSURED] mark=0 use=1\n';
/** A second link to a router that clients of 198.18.0.0/15 are behind. */
const BY_ETH1 = [...ROUTES, { dst: '198.18.0.0/15', gateway: '10.241.0.1', dev: 'veth2', flags: [] }];

describe('settings, routes and connections', () => {
  test.each<{ name: string; small: Parameters<typeof smallCluster>[0]; want: readonly string[] }>([
    { name: 'as it should be', small: {}, want: [] },
    { name: 'no forwarding', small: { files: sysctl({ 'net.ipv4.ip_forward': '0' }) }, want: ['forwarding-off'] },
    {
      name: 'no forwarding of a family that no pod uses',
      small: { files: sysctl({ 'net.ipv6.conf.all.forwarding': '0' }) },
      want: [],
    },
    {
      name: 'a full connection table',
      small: {
        files: sysctl({ 'net.netfilter.nf_conntrack_max': '1000', 'net.netfilter.nf_conntrack_count': '998' }),
      },
      want: ['conntrack-full'],
    },
    {
      name: 'half a connection table',
      small: {
        files: sysctl({ 'net.netfilter.nf_conntrack_max': '1000', 'net.netfilter.nf_conntrack_count': '500' }),
      },
      want: [],
    },
    {
      name: 'a limit of 0 is none',
      small: { files: sysctl({ 'net.netfilter.nf_conntrack_max': '0', 'net.netfilter.nf_conntrack_count': '500' }) },
      want: [],
    },
    {
      name: 'no route to a pod of the node',
      small: { files: routes(without('10.244.1.3')) },
      want: ['pod-route-missing shop/web'],
    },
    {
      name: 'no route to a pod that is no endpoint',
      small: { files: routes(without('10.244.1.2')) },
      want: [],
    },
    {
      name: 'pods of another node over the default route, as in clouds',
      small: { files: routes(without('10.244.2.0/24')) },
      want: [],
    },
    {
      name: 'pods of another node unreachable',
      small: {
        files: routes([...without('10.244.2.0/24'), { type: 'unreachable', dst: '10.244.2.0/24', flags: [] }]),
      },
      want: ['pod-route-missing shop/web'],
    },
    {
      name: 'clients whose way back is another, filtered strictly',
      small: { files: { ...routes(BY_ETH1), ...sysctl({ 'net.ipv4.conf.eth0.rp_filter': '1' }) } },
      want: ['rp-filter-strict shop/web'],
    },
    {
      name: 'the same, filtered loosely',
      small: { files: { ...routes(BY_ETH1), ...sysctl({ 'net.ipv4.conf.eth0.rp_filter': '2' }) } },
      want: [],
    },
    {
      name: 'strict filtering where all ways are the same',
      small: { files: sysctl({ 'net.ipv4.conf.all.rp_filter': '1' }) },
      want: [],
    },
    { name: 'pods outside the cluster CIDR', small: { clusterCidr: '10.245.0.0/16' }, want: ['masquerade-missing'] },
    { name: 'everybody inside the cluster CIDR', small: { clusterCidr: '0.0.0.0/0' }, want: ['masquerade-missing'] },
    { name: 'the nodes inside the cluster CIDR', small: { clusterCidr: '10.0.0.0/8' }, want: ['masquerade-missing'] },
    { name: 'a cluster CIDR wider than it need be', small: { clusterCidr: '10.244.0.0/15' }, want: [] },
    {
      name: 'pods with addresses of the network of nodes, as clouds give them',
      small: { clusterCidr: '10.0.0.0/8', pods: ['10.244.1.2', '10.240.0.77'] },
      want: [],
    },
    { name: 'the CIDR of the node alone', small: { clusterCidr: '10.244.1.0/24' }, want: [] },
    {
      name: 'a connection to an endpoint that is gone',
      small: { files: { 'conntrack.txt': `${PINNED} src=10.244.2.9 dst=10.244.1.2 sport=8080 dport=5000 ${ASSURED}` } },
      want: ['conntrack-to-removed-endpoint shop/web'],
    },
    {
      name: 'a connection to an endpoint that is there',
      small: { files: { 'conntrack.txt': `${PINNED} src=10.244.2.2 dst=10.244.1.2 sport=8080 dport=5000 ${ASSURED}` } },
      want: [],
    },
    {
      name: 'one that is ending anyway',
      small: {
        files: {
          'conntrack.txt': `${PINNED.replace('ESTABLISHED', 'TIME_WAIT')} src=10.244.2.9 dst=10.244.1.2 sport=8080 dport=5000 ${ASSURED}`,
        },
      },
      want: [],
    },
    {
      name: 'a connection without translation',
      small: {
        files: {
          'conntrack.txt':
            'ipv4 2 tcp 6 100 SYN_SENT src=10.244.1.2 dst=10.96.0.10 sport=5000 dport=80 [UNREPLIED] src=10.96.0.10 dst=10.244.1.2 sport=80 dport=5000 mark=0 use=1\n',
        },
      },
      want: ['conntrack-without-nat shop/web'],
    },
    {
      name: 'UDP to an endpoint that is gone',
      small: {
        service: { ports: [{ name: 'http', protocol: 'UDP', port: 80, targetPort: 8080 }] },
        files: {
          'conntrack.txt':
            'ipv4 2 udp 17 20 src=10.244.1.2 dst=10.96.0.10 sport=5000 dport=80 src=10.244.2.9 dst=10.244.1.2 sport=8080 dport=5000 mark=0 use=1\n',
        },
      },
      want: ['conntrack-stale-udp shop/web'],
    },
    {
      name: 'UDP to a pod that lives on and is no endpoint any more',
      small: {
        endpoints: ['10.244.1.3'],
        service: { ports: [{ name: 'http', protocol: 'UDP', port: 80, targetPort: 8080 }] },
        files: {
          'conntrack.txt':
            'ipv4 2 udp 17 20 src=10.244.1.2 dst=10.96.0.10 sport=5000 dport=80 src=10.244.2.2 dst=10.244.1.2 sport=8080 dport=5000 mark=0 use=1\n',
        },
      },
      want: ['conntrack-stale-udp shop/web'],
    },
    {
      name: 'TCP to a pod that lives on and is no endpoint any more: kube-proxy leaves it alone',
      small: {
        endpoints: ['10.244.1.3'],
        files: { 'conntrack.txt': `${PINNED} src=10.244.2.2 dst=10.244.1.2 sport=8080 dport=5000 ${ASSURED}` },
      },
      want: [],
    },
    {
      name: 'a NodePort on loopback, asked for',
      small: {
        files: routes([...ROUTES, LOOPBACK]),
        ask: { from: 'node-1', dst: '127.0.0.1', dport: 30080, protocol: 'TCP', srcIP: '127.0.0.1' },
      },
      want: ['localhost-nodeport shop/web'],
    },
    {
      name: 'another port on loopback',
      small: {
        files: routes([...ROUTES, LOOPBACK]),
        ask: { from: 'node-1', dst: '127.0.0.1', dport: 30081, protocol: 'TCP', srcIP: '127.0.0.1' },
      },
      want: [],
    },
    {
      name: 'a NodePort on the address that is served',
      small: { ask: { from: 'external', node: 'node-1', dst: '10.240.0.11', dport: 30080, protocol: 'TCP' } },
      want: [],
    },
  ])('$name', ({ small, want }) => {
    const context = smallCluster(small);
    expect(CHECKS.flatMap((check) => check(context)).map(brief)).toEqual(want);
  });
});

describe('a connection that is asked about', () => {
  const drops = [
    {
      table: 'ip others',
      name: 'chain',
      base: 'filter prerouting -300',
      rules: [
        [
          { match: { op: '==', left: { payload: { protocol: 'ip', field: 'saddr' } }, right: '203.0.113.9' } },
          { drop: null },
        ],
      ],
    },
  ];
  const ask = {
    from: 'external',
    srcIP: '203.0.113.9',
    node: 'node-1',
    dst: '10.240.0.11',
    dport: 30080,
    protocol: 'TCP',
  };

  test('a client that nobody else stands for is looked at, too', () => {
    expect(dropFindings(smallCluster({ chains: drops })).map(brief)).toEqual([]);
    expect(dropFindings(smallCluster({ chains: drops, ask })).map(brief)).toEqual(['drop-before-proxy shop/web']);
  });

  test('its end is told, and what explains it', () => {
    const context = smallCluster({ chains: drops, ask });
    const { results, explainedBy } = explainAsked(context, questionOf(context), diagnose(context));
    expect(results).toEqual({ timeout: 1 });
    expect(explainedBy.map(({ code }) => code)).toEqual(['drop-before-proxy']);
  });

  test('it stands in the evidence of the drop that it met, where the finding alone shows another', () => {
    const [rule] = drops;
    const all = [{ ...rule, rules: [[{ drop: null }]] }] as typeof drops;
    const connection = { from: 'shop/pod-1-3', dst: '10.96.0.10', dport: 80, protocol: 'TCP' };
    const context = smallCluster({ chains: all, ask: connection });
    const { explainedBy, retold } = explainAsked(context, questionOf(context), diagnose(context));
    const [found] = explainedBy;
    const told = found && retold.get(found);
    expect(found?.code).toBe('drop-before-proxy');
    const packets = told?.evidence.flatMap((one) => (one.kind === 'packet' ? [one] : []));
    expect(packets).toMatchObject([
      {
        packet: { saddr: '10.244.1.3', daddr: '10.96.0.10', dport: 80 },
        text: expect.stringContaining('shop/pod-1-3'),
      },
    ]);
    expect(told?.reproduce).toContain('--node node-1 --from shop/pod-1-3 --to 10.96.0.10:80/tcp');
  });

  test('one that arrives needs no explanation', () => {
    const context = smallCluster({ chains: drops, ask: { ...ask, srcIP: '203.0.113.10' } });
    const { results, explainedBy } = explainAsked(context, questionOf(context), diagnose(context));
    expect(Object.keys(results)).toEqual(['ok']);
    expect(explainedBy).toEqual([]);
  });
});
