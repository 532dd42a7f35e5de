/** Who answers at the end of a way: processes of nodes, pods to themselves, addresses however they are spelled. */
import { beforeEach, describe, expect, test } from 'vitest';
import { assumedOf, backendsOf, DemoCluster, drop, field, match, meta, resultOf, WEB_1, WEB_2 } from './demo-cluster';

let demo: DemoCluster;
beforeEach(async () => {
  demo = await DemoCluster.open();
});

const CLIENTS = [
  { name: 'the node itself', from: { node: 'node-1' } },
  { name: 'another node', from: { node: 'node-2' } },
  { name: 'a pod of the node', from: { pod: WEB_1.pod } },
  { name: 'a pod of another node', from: { pod: WEB_2.pod } },
  { name: 'outside', from: 'external' },
];
const UDP = [{ containerPort: 5353, protocol: 'UDP' }];
const NODE_1 = { ip: '10.240.0.11', ip6: 'fd00:10:240::11' };

describe('a process of a node answers datagrams', () => {
  // A UDP server on a host's address, asked from the host, from another and from behind a veth: each kernel here delivers the answer.
  test.each(CLIENTS.flatMap((client) => Object.values(NODE_1).map((dst) => ({ ...client, dst }))))(
    'from $name to $dst',
    ({ from, dst }) => {
      demo.hostPod('dns-host', 'node-1', UDP);
      const answer = demo.ask({ from, dst, dport: 5353, protocol: 'UDP' });
      expect([resultOf(answer), backendsOf(answer)]).toEqual(['ok', ['kube-system/dns-host']]);
    },
  );
  test('where its answer is dropped on the way out, the client waits', () => {
    demo.hostPod('dns-host', 'node-1', UDP);
    demo.chain('node-1', { hook: 'output' }, [[match(field('udp', 'sport'), 5353), drop]]);
    const answer = demo.ask({ from: { node: 'node-2' }, dst: NODE_1.ip, dport: 5353, protocol: 'UDP' });
    expect(answer).toMatchObject({ result: 'timeout', node: 'node-1', by: { hook: 'output' } });
  });
  test('nobody has the port', () => {
    demo.write('nodes/node-1/sockets.txt', 'udp UNCONN 0 0 0.0.0.0:53 0.0.0.0:*\n');
    const answer = demo.ask({ from: { node: 'node-2' }, dst: NODE_1.ip, dport: 5353, protocol: 'UDP' });
    expect(resultOf(answer)).toBe('icmp-port-unreachable');
  });
  // The veth's address is 10.244.1.1: a server on 0.0.0.0 that does not name its source answers from there (sendto without IP_PKTINFO).
  test.each([
    { listens: '0.0.0.0:5353', from: { pod: WEB_1.pod }, says: true },
    { listens: '10.240.0.11:5353', from: { pod: WEB_1.pod }, says: false },
    { listens: '0.0.0.0:5353', from: { node: 'node-2' }, says: false },
  ])('from where it answers is said where it may differ: $listens, $from', ({ listens, from, says }) => {
    demo.write('nodes/node-1/sockets.txt', `udp UNCONN 0 0 ${listens} 0.0.0.0:*\n`);
    const answer = demo.ask({ from, dst: NODE_1.ip, dport: 5353, protocol: 'UDP' });
    expect(resultOf(answer)).toBe('ok');
    expect(/taken to answer from 10\.240\.0\.11.*10\.244\.1\.1/.test(assumedOf(answer))).toBe(says);
  });
  test('a node has no list of SCTP sockets', () => {
    demo.hostPod('amf-host', 'node-1', [{ containerPort: 38412, protocol: 'SCTP' }]);
    demo.write('nodes/node-1/sockets.txt', 'tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:*\n');
    const sctp = { dst: NODE_1.ip, dport: 38412, protocol: 'SCTP' };
    expect(resultOf(demo.ask({ from: { pod: WEB_1.pod }, ...sctp }))).toBe('node-protocol');
    expect(resultOf(demo.ask({ from: { node: 'node-2' }, ...sctp, dst: NODE_1.ip6 }))).toBe('node-protocol');
    demo.chain('node-1', { hook: 'input' }, [[match(field('sctp', 'dport'), 38412), drop]]);
    expect(resultOf(demo.ask({ from: { node: 'node-2' }, ...sctp }))).toBe('timeout');
  });
});

describe('a sender that output stops is told', () => {
  // sendto(2) says "Operation not permitted", of UDP, ICMP and raw sockets of ICMPv6; connect(2) of TCP waits.
  test.each([
    { protocol: 'ICMP', dst: '10.240.0.12', want: 'eperm' },
    { protocol: 'ICMPv6', dst: 'fd00:10:240::12', want: 'eperm' },
    { protocol: 'UDP', dst: '10.240.0.12', want: 'eperm' },
    { protocol: 'TCP', dst: '10.240.0.12', want: 'timeout' },
  ])('$protocol: $want', ({ protocol, dst, want }) => {
    const left = dst.includes(':') ? field('ip6', 'daddr') : field('ip', 'daddr');
    demo.chain('node-1', { hook: 'output' }, [[match(left, dst), drop]]);
    expect(resultOf(demo.ask({ from: { node: 'node-1' }, dst, dport: 9100, protocol }))).toBe(want);
  });
});

describe('an address is the same however it is spelled', () => {
  const web = { dport: 8080, protocol: 'TCP' };
  test.each([
    { name: 'a pod', question: { from: { pod: WEB_1.pod }, dst: 'fd00:10:244:2:0::3', ...web } },
    {
      name: 'the source of a pod',
      question: { from: { pod: WEB_1.pod }, srcIP: 'FD00:10:244:1:0::3', dst: WEB_2.ip6, ...web },
    },
    {
      name: 'a node, by whichever node it enters',
      question: { from: 'external', dst: 'FD00:10:240:0::11', dport: 30094, protocol: 'TCP' },
    },
    {
      name: 'a client outside',
      question: { from: 'external', srcIP: '2001:DB8:51::10', dst: NODE_1.ip6, dport: 30094, protocol: 'TCP' },
    },
    {
      name: 'a Service',
      question: { from: { node: 'node-1' }, dst: 'FD00:10:96:0::517A', dport: 80, protocol: 'TCP' },
    },
  ])('$name', ({ question }) => {
    expect(resultOf(demo.ask(question))).toBe('ok');
  });
  test.each([
    { file: 'pods.json', expanded: (item: { status: { podIPs?: { ip: string }[] } }) => item.status.podIPs ?? [] },
  ])('in $file', ({ file, expanded }) => {
    demo.objects(file, (items) => {
      for (const item of items)
        for (const one of expanded(item)) one.ip = one.ip.replace('::', ':0:0:0:').toUpperCase();
    });
    const answer = demo.ask({ from: { pod: WEB_1.pod }, dst: WEB_2.ip6, ...web });
    expect([resultOf(answer), backendsOf(answer)]).toEqual(['ok', [WEB_2.pod]]);
  });
  test('in nodes.json and endpointslices.json', () => {
    const long = (text: string) => text.replace('::', ':0:0:0:').toUpperCase();
    demo.objects('nodes.json', (items) => {
      for (const { status } of items)
        for (const one of status.addresses) one.address = one.address.replace('::', ':0::');
    });
    demo.objects('endpointslices.json', (items) => {
      for (const { endpoints } of items) for (const one of endpoints ?? []) one.addresses = one.addresses.map(long);
    });
    demo.withoutNode('node-2').without('cluster/pods.json');
    const answer = demo.ask({ from: { node: 'node-1' }, dst: WEB_2.ip6, ...web });
    expect([resultOf(answer), backendsOf(answer)]).toEqual(['ok', [WEB_2.pod]]);
  });
});

describe('what a pod sends to its own address stays in the pod', () => {
  // Its routes of the table local lead to its lo; no rule of the node sees it.
  test.each([
    { dst: WEB_1.ip, dport: 8080, protocol: 'TCP', want: 'ok' },
    { dst: WEB_1.ip6, dport: 8080, protocol: 'TCP', want: 'ok' },
    { dst: WEB_1.ip, dport: 8081, protocol: 'TCP', want: 'refused' },
    { dst: WEB_1.ip6, dport: 8081, protocol: 'UDP', want: 'icmp6-port-unreachable' },
    { dst: WEB_1.ip, protocol: 'ICMP', want: 'ok' },
    { dst: 'FD00:10:244:1:0::3', protocol: 'ICMP', want: 'ok' },
  ])('$dst $dport/$protocol: $want', ({ want, ...question }) => {
    demo.chain('node-1', { hook: 'prerouting', prio: -300 }, [[drop]]);
    const answer = demo.ask({ from: { pod: WEB_1.pod }, ...question });
    expect(resultOf(answer)).toBe(want);
    expect(assumedOf(answer)).toMatch(/own address stays in the pod/);
  });
  test('that of another pod of the node does not', () => {
    demo.chain('node-1', { hook: 'prerouting', prio: -300 }, [[drop]]);
    const question = { from: { pod: WEB_1.pod }, dst: '10.244.1.4', dport: 8080, protocol: 'TCP' };
    expect(resultOf(demo.ask(question))).toBe('timeout');
  });
});

describe('whose process has a port of a node', () => {
  const exporter = { from: { pod: WEB_1.pod }, dst: NODE_1.ip, dport: 9100, protocol: 'TCP' };
  test.each([
    { name: 'one that was evicted', ports: [{ containerPort: 9100 }], phase: 'Failed' },
    {
      name: 'one with the port in another protocol',
      ports: [{ containerPort: 9100, protocol: 'UDP' }],
      phase: 'Running',
    },
    { name: 'one that has not begun', ports: [{ containerPort: 9100 }], phase: 'Pending' },
  ])('$name has not', ({ ports, phase }) => {
    const [before] = backendsOf(demo.ask(exporter));
    expect(before).toMatch(/^monitoring\/node-exporter/);
    demo.hostPod('aaa', 'node-1', ports, ({ status }) => {
      status.phase = phase;
      if (phase !== 'Running') status.conditions = [];
    });
    expect(backendsOf(demo.ask(exporter))).toEqual([before]);
  });
});

describe('the API server', () => {
  const api = { dst: '10.96.0.1', dport: 443, protocol: 'TCP' };
  const moveTo = (address: string) => {
    let old = '';
    demo.objects('endpointslices.json', (items) => {
      const slice = items.find(({ metadata }) => metadata.namespace === 'default' && metadata.name === 'kubernetes');
      old = slice.endpoints[0].addresses[0];
      slice.endpoints[0].addresses = [address];
    });
    for (const node of ['node-1', 'node-2', 'node-3'])
      for (const file of ['nft.json', 'nft.txt'])
        demo.write(`nodes/${node}/${file}`, demo.text(`nodes/${node}/${file}`).replaceAll(old, address));
  };
  test.each([
    { name: 'without its pod', ports: undefined },
    { name: 'with a pod that declares no port', ports: [] },
    { name: 'with a pod that declares it', ports: [{ containerPort: 6443, hostPort: 6443 }] },
  ])('on a captured node, $name', ({ ports }) => {
    moveTo(NODE_1.ip);
    if (ports !== undefined) demo.hostPod('kube-apiserver-node-1', 'node-1', ports);
    for (const from of [{ pod: WEB_1.pod }, { node: 'node-2' }]) {
      const answer = demo.ask({ from, ...api });
      expect([resultOf(answer), backendsOf(answer)]).toEqual(['ok', ['(apiserver)']]);
    }
  });
  test.each([{ hasPod: false }, { hasPod: true }])('on a node that was not captured: pod $hasPod', ({ hasPod }) => {
    moveTo('10.240.0.10');
    demo.objects('nodes.json', (items) => {
      const node = structuredClone(items[0]);
      node.metadata.name = 'cp-1';
      node.status.addresses = [{ type: 'InternalIP', address: '10.240.0.10' }];
      node.spec = { ...node.spec, podCIDR: '10.244.9.0/24', podCIDRs: ['10.244.9.0/24'] };
      items.push(node);
    });
    if (hasPod)
      demo.hostPod('kube-apiserver-cp-1', 'node-1', [], (pod) => {
        Object.assign(pod.spec, { nodeName: 'cp-1' });
        Object.assign(pod.status, { podIP: '10.240.0.10', podIPs: [{ ip: '10.240.0.10' }] });
      });
    for (const from of [{ pod: WEB_1.pod }, { node: 'node-2' }]) {
      const answer = demo.ask({ from, ...api });
      expect([resultOf(answer), backendsOf(answer)]).toEqual(['ok', ['(apiserver)']]);
    }
  });
});

describe('whose process sends is told where a rule asks', () => {
  const kubelet = { from: { node: 'node-1' }, dst: WEB_1.ip, dport: 8080, protocol: 'TCP' };
  const notRoot = [match(meta('skuid'), 0, '!='), drop];
  test('a rule of output', () => {
    expect(assumedOf(demo.ask(kubelet))).not.toMatch(/is taken to run as/);
    demo.chain('node-1', { hook: 'output' }, [notRoot]);
    const answer = demo.ask(kubelet);
    expect(resultOf(answer)).toBe('ok');
    expect(assumedOf(answer)).toMatch(/The process that sends is taken to run as user 0 \(root\)/);
  });
  test('the group of the process', () => {
    demo.chain('node-1', { hook: 'output' }, [[match(meta('skgid'), 0, '!='), drop]]);
    expect(assumedOf(demo.ask(kubelet))).toMatch(/The process that sends is taken to be of group 0/);
  });
  test.each(['TCP', 'UDP'])('a server of the node: %s', (protocol) => {
    demo.hostPod('dns-host', 'node-1', [{ containerPort: 5353, protocol }]);
    demo.chain('node-1', { hook: 'output' }, [notRoot]);
    const answer = demo.ask({ from: { node: 'node-2' }, dst: NODE_1.ip, dport: 5353, protocol });
    expect(resultOf(answer)).toBe('ok');
    expect(assumedOf(answer)).toMatch(/The process that (sends|listens) is taken to run as user 0/);
  });
  test('a policy rule', () => {
    // As `ip rule add uidrange 0-0 blackhole`: connect(2) of root fails with EINVAL.
    demo.edit<object[]>('nodes/node-1/rule4.json', (rules) => [
      { priority: 5, src: 'all', uid_start: 0, uid_end: 0, action: 'blackhole' },
      ...rules,
    ]);
    const answer = demo.ask({ ...kubelet, srcIP: NODE_1.ip });
    expect(resultOf(answer)).toBe('einval');
    expect(assumedOf(answer)).toMatch(/is taken to run as user 0/);
  });
});
