import { expect, test } from 'vitest';
import { dnat, dport, drop, match, nodeFiles, type TestChain } from '../conflicts/testing/node-world';
import { deliverText } from './deliver-text';
import { testNode } from './testing/node';
import { whatWouldDeliverAnswer } from './what-would-deliver';

const CHAINS: readonly TestChain[] = [
  {
    table: 'ip guard',
    name: 'pre',
    base: 'filter prerouting -150',
    rules: [[match({ payload: { protocol: 'ip', field: 'saddr' } }, '@clients'), drop]],
  },
  { table: 'ip lb', name: 'pre', base: 'nat prerouting -100', rules: [[dport(30080), dnat('10.244.1.2', 8080)]] },
];
const CLIENTS = {
  set: {
    family: 'ip',
    table: 'guard',
    name: 'clients',
    handle: 9,
    type: 'ipv4_addr',
    flags: ['interval'],
    elem: [{ prefix: { addr: '198.51.100.0', len: 24 } }],
  },
};
const packet = {
  iif: 'eth0',
  family: 'ip',
  saddr: '198.51.100.10',
  daddr: '10.240.0.11',
  protocol: 'tcp',
  dport: 30080,
};

function ask(chains: readonly TestChain[], files: Readonly<Record<string, string>> = {}) {
  const more = chains.some(({ table }) => table === 'ip guard') ? [CLIENTS] : [];
  const answer = whatWouldDeliverAnswer(testNode(nodeFiles(chains, { more, files })), { packet });
  if (!answer.ok) throw new Error(answer.problem.say);
  return answer.value;
}

test('each change says what it is, what becomes of the packet, and the command for it', () => {
  const { found, needed } = ask(CHAINS);
  expect(needed).toBe(true);
  const result = 'Reaches pod kube-system/dns-1, translated from 10.240.0.11. The client address is kept.';
  expect(found.map(({ say, touches, command, result: end, owner }) => [say, touches, command, end, owner])).toEqual([
    [
      'Without an element of ip guard clients',
      'key',
      "nft delete element ip guard clients '{ 198.51.100.0/24 }'",
      result,
      null,
    ],
    ['Without a rule of ip guard pre', 'rule', 'nft delete rule ip guard pre handle 1', result, null],
  ]);
});

test('a priority has no command: the chain has to be made anew', () => {
  const drops: TestChain = {
    table: 'ip guard',
    name: 'pre',
    base: 'filter prerouting -150',
    rules: [[dport(30080), drop]],
  };
  expect(ask([drops, ...CHAINS.slice(1)]).found.at(-1)).toMatchObject({
    say: 'With ip guard pre at priority -99 instead of -150, behind ip lb pre',
    touches: 'chain',
    command: null,
  });
});

test('policies, settings and connections', () => {
  const closed: TestChain = { table: 'ip guard', name: 'fwd', base: 'filter forward 0', policy: 'drop', rules: [] };
  expect(ask([closed, ...CHAINS.slice(1)]).found.map(({ command }) => command)).toEqual([
    "nft chain ip guard fwd '{ policy accept; }'",
  ]);
  const off = { 'sysctl.txt': 'net.ipv4.ip_forward = 0\nnet.ipv4.conf.all.rp_filter = 0\n' };
  expect(ask(CHAINS.slice(1), off).found.map(({ command, say }) => [say, command])).toEqual([
    ['With net.ipv4.ip_forward = 1 instead of 0', 'sysctl -w net.ipv4.ip_forward=1'],
  ]);
  const established: TestChain = {
    ...closed,
    policy: 'accept',
    rules: [[match({ ct: { key: 'state' } }, 'established', 'in'), drop]],
  };
  const answer = whatWouldDeliverAnswer(
    testNode(
      nodeFiles([established], {
        files: {
          'conntrack.txt':
            'ipv4     2 udp      17 25 src=198.51.100.10 dst=10.244.1.2 sport=40000 dport=53 src=10.244.1.2 dst=198.51.100.10 sport=53 dport=40000 [ASSURED] mark=0 use=1\n',
        },
      }),
    ),
    { packet: { ...packet, daddr: '10.244.1.2', protocol: 'udp', sport: 40000, dport: 53 } },
  );
  expect(answer.ok && answer.value.found[0]).toMatchObject({
    change: { kind: 'conntrack-gone', text: 'udp 198.51.100.10:40000 → 10.244.1.2:53' },
    command: 'conntrack -D -f ipv4 -p udp -s 198.51.100.10 -d 10.244.1.2 --sport 40000 --dport 53',
  });
});

test('the text', () => {
  expect(deliverText(ask(CHAINS)).split('\n').slice(0, 6)).toEqual([
    '',
    'WHAT WOULD DELIVER IT  3 single changes tried; to consider, nothing is applied',
    '  1. Without an element of ip guard clients',
    '     198.51.100.0/24',
    '     Reaches pod kube-system/dns-1, translated from 10.240.0.11. The client address is kept.',
    "     nft delete element ip guard clients '{ 198.51.100.0/24 }'",
  ]);
  expect(deliverText(ask(CHAINS.slice(1)))).toBe(
    '\nWHAT WOULD DELIVER IT  nothing is looked for: it arrives, or its way is not known.\n',
  );
});

test('what ends at a port of the node that no object promises is no delivery', () => {
  const closed: TestChain = { table: 'ip guard', name: 'in', base: 'filter input 0', rules: [[dport(30090), drop]] };
  const nodes = {
    items: [{ metadata: { name: 'node-1' }, status: { addresses: [{ type: 'InternalIP', address: '10.240.0.11' }] } }],
  };
  const found = (cluster: Readonly<Record<string, unknown>>) => {
    const node = testNode(nodeFiles([closed]), cluster);
    const answer = whatWouldDeliverAnswer(node, { packet: { ...packet, dport: 30090 } });
    return answer.ok ? answer.value.found.map(({ say }) => say) : answer.problem.say;
  };
  const none = { items: [] };
  const objects = { 'nodes.json': nodes, 'pods.json': none, 'services.json': none, 'endpointslices.json': none };
  expect(found(objects)).toEqual([]);
  const listening = {
    metadata: { namespace: 'site', name: 'web' },
    spec: { nodeName: 'node-1', hostNetwork: true, containers: [{ ports: [{ containerPort: 30090 }] }] },
    status: { phase: 'Running', podIPs: [{ ip: '10.240.0.11' }] },
  };
  expect(found({ ...objects, 'pods.json': { items: [listening] } })).toEqual(['Without a rule of ip guard in']);
});
