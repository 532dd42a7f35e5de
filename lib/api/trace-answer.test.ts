import { describe, expect, test } from 'vitest';
import { nodeFiles } from '../conflicts/testing/node-world';
import { noNames } from '../explain/trace-names';
import { traceVerdict, verdictSentence } from '../explain/verdict-sentence';
import { addressNames } from './address-names';
import { listingOf, type Objects, service, slice } from './testing/kube-proxy-node';
import { testNode } from './testing/node';
import { answerOf, tracePacket } from './trace-answer';
import { whatWouldDeliverOf } from './what-would-deliver';

const NODES = {
  items: [
    {
      metadata: { name: 'node-1' },
      spec: { podCIDR: '10.244.1.0/24' },
      status: { addresses: [{ type: 'InternalIP', address: '10.240.0.11' }] },
    },
  ],
};
const EXPORTER = {
  items: [
    {
      metadata: { namespace: 'site', name: 'exporter' },
      spec: {
        nodeName: 'node-1',
        hostNetwork: true,
        containers: [{ name: 'x', ports: [{ containerPort: 9100, protocol: 'TCP' }] }],
      },
      status: { phase: 'Running', podIPs: [{ ip: '10.240.0.11' }] },
    },
  ],
};
const NONE = { items: [] };
const CLUSTER = { 'nodes.json': NODES, 'pods.json': EXPORTER, 'services.json': NONE, 'endpointslices.json': NONE };

interface Asked {
  readonly from?: string;
  readonly to: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly cluster?: Readonly<Record<string, unknown>>;
}

function ask({ from = 'external', to, files = {}, cluster = CLUSTER }: Asked) {
  const node = testNode(nodeFiles([], { files }), cluster);
  const traced = tracePacket(node, { question: { from, to } });
  if (!traced.ok) throw new Error(traced.problem.say);
  const { trace } = traced.value;
  const assumed = trace.branches.flatMap(({ assumptions }) =>
    assumptions.flatMap(({ code, say }) => (code === 'sockets' ? [say] : [])),
  );
  return { node, traced: traced.value, verdict: traceVerdict(trace), assumed, trace };
}

describe('sockets that were not captured', () => {
  test('what no object of the cluster promises is taken not to listen', () => {
    const { verdict, assumed, trace } = ask({ to: '10.240.0.11:30092/tcp' });
    expect(verdict).toBe('rejected');
    expect(verdictSentence(trace, noNames('node-1'))).toBe(
      'Reaches node-1 itself, port 30092/tcp. Nothing there takes it: TCP reset goes back.',
    );
    expect(assumed).toEqual([
      'node-1 at 10.240.0.11 port 30092/tcp is taken not to listen, as no object of the cluster says that it does: its sockets were not captured.',
    ]);
    // The packet itself got there.
    expect(trace.branches[0]?.outcome).toMatchObject({ kind: 'decided', fate: { summary: 'delivered' } });
  });

  test('UDP gets an error of ICMP', () => {
    const { verdict, trace } = ask({ to: '10.240.0.11:30092/udp' });
    expect(verdict).toBe('rejected');
    expect(verdictSentence(trace, noNames('node-1'))).toContain(
      'Nothing there takes it: ICMP port unreachable goes back.',
    );
  });

  test('the port of a pod in the network of its node is taken to listen', () => {
    const { verdict, assumed } = ask({ to: '10.240.0.11:9100/tcp' });
    expect(verdict).toBe('delivered');
    expect(assumed).toEqual([
      "node-1 at 10.240.0.11 port 9100/tcp is taken to listen, as the cluster's objects say: its sockets were not captured.",
    ]);
  });

  test('captured sockets need no assumption', () => {
    const files = { 'sockets.txt': 'tcp LISTEN 0 4096 0.0.0.0:30092 0.0.0.0:*\n' };
    expect(ask({ to: '10.240.0.11:30092/tcp', files })).toMatchObject({ verdict: 'delivered', assumed: [] });
    expect(ask({ to: '10.240.0.11:9100/tcp', files })).toMatchObject({ verdict: 'rejected', assumed: [] });
  });

  test('without the objects that would tell, the packet is taken to find one', () => {
    const { 'endpointslices.json': _, ...cluster } = CLUSTER;
    expect(ask({ to: '10.240.0.11:30092/tcp', cluster })).toMatchObject({
      verdict: 'delivered',
      assumed: ['The listening sockets are not in the capture; the packet is taken to find one.'],
    });
  });
});

describe('a packet that leaves for an address of a Service', () => {
  const SERVICES = {
    items: [
      {
        metadata: { namespace: 'telco', name: 'amf' },
        spec: {
          clusterIP: '10.96.0.9',
          clusterIPs: ['10.96.0.9'],
          externalIPs: ['203.0.113.9'],
          ports: [{ port: 80, protocol: 'TCP' }],
        },
      },
    ],
  };
  const NODE = { from: 'node-1', cluster: { ...CLUSTER, 'services.json': SERVICES } };

  test('is not delivered: nobody knows what becomes of it', () => {
    const { node, traced } = ask({ ...NODE, to: '10.96.0.9:80/tcp' });
    const [branch] = answerOf(node, undefined, traced).trace.branches;
    expect(branch?.outcome).toMatchObject({
      kind: 'undecided',
      reasons: [
        {
          code: 'untranslated',
          say: 'It leaves node-1 by eth0 for 10.96.0.9, an address of telco/amf that no host has: nothing on node-1 translated it.',
        },
      ],
    });
    expect(whatWouldDeliverOf(node, traced).needed).toBe(true);
  });

  test.each(['203.0.113.9', '192.0.2.9'])('%s may be that of a host', (to) => {
    const { node, traced } = ask({ ...NODE, to: `${to}:80/tcp` });
    const [branch] = answerOf(node, undefined, traced).trace.branches;
    expect(branch?.outcome).toMatchObject({ kind: 'decided', fate: { summary: 'transmitted' } });
  });
});

describe('a NodePort that the rules of the node do not lead to its Service', () => {
  const SERVICE = service({ type: 'NodePort', ports: [{ name: 'http', port: 80, protocol: 'TCP', nodePort: 30080 }] });
  const objects: Objects = { services: [SERVICE], slices: [slice(['10.244.1.3'])] };
  /** Without the elements of a set or map. */
  const lacking = (name: string) => ({
    nftables: listingOf(objects).nftables.map((entry) =>
      Object.fromEntries(
        Object.entries(entry).map(([kind, body]) => {
          const { elem, ...rest } = body as { readonly elem?: unknown; readonly name?: string };
          return [kind, rest.name === name ? rest : body];
        }),
      ),
    ),
  });
  const cluster = {
    ...CLUSTER,
    'services.json': { items: objects.services },
    'endpointslices.json': { items: objects.slices },
  };
  const sentence = (listing: object, to = '10.240.0.11:30080/tcp'): string => {
    const { node, trace } = ask({ to, files: { 'nft.json': JSON.stringify(listing) }, cluster });
    return verdictSentence(trace, addressNames(node));
  };
  test('says which element is missing', () => {
    expect(sentence(lacking('service-nodeports'))).toBe(
      'node-1 does not lead NodePort 30080/tcp to shop/web: service-nodeports of kube-proxy has no element tcp . 30080. Nothing else there takes it: TCP reset goes back.',
    );
    expect(sentence(lacking('nodeport-ips'))).toContain('nodeport-ips of kube-proxy has no element 10.240.0.11.');
  });
  test('is none where the rules do, or the port is no NodePort', () => {
    expect(sentence(listingOf(objects))).toMatch(/^Reaches /);
    expect(sentence(lacking('service-nodeports'), '10.240.0.11:30081/tcp')).toMatch(/^Reaches node-1 itself/);
  });
});

describe('a pod asks for itself', () => {
  const WEB = {
    metadata: { namespace: 'shop', name: 'web' },
    spec: { nodeName: 'node-1', containers: [{ name: 'x', ports: [{ containerPort: 8080 }] }] },
    status: { phase: 'Running', podIPs: [{ ip: '10.244.1.2' }, { ip: 'fd00:244:1::2' }] },
  };
  const node = testNode(nodeFiles([], {}), { ...CLUSTER, 'pods.json': { items: [WEB] } });
  const from = 'shop/web';
  test.each(['10.244.1.2:8080', '127.0.0.1:8080', '[::1]:8080', '[FD00:244:1:0::2]:8080', 'shop/web:8080'])(
    '%s: no rule of the node sees it',
    (to) => {
      const traced = tracePacket(node, { question: { from, to } });
      expect(traced.ok ? undefined : traced.problem).toMatchObject({
        code: 'REF-013',
        say: expect.stringMatching(/stays in the pod/),
      });
    },
  );
  test('another pod is another matter, and so is a packet that is said to come in', () => {
    expect(tracePacket(node, { question: { from, to: '10.244.1.3:8080' } }).ok).toBe(true);
    const packet = { iif: 'eth0' };
    expect(tracePacket(node, { question: { from, to: '10.244.1.2:8080' }, packet }).ok).toBe(true);
  });
});

test('who listens for SCTP no capture lists: that nobody does is said', () => {
  const { trace } = ask({ to: '10.240.0.11:38412/sctp' });
  expect(trace.branches.flatMap(({ assumptions }) => assumptions.map(({ say }) => say)).join(' ')).toMatch(
    /Nothing on the node is taken to listen for sctp/,
  );
});
