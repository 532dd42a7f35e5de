import { describe, expect, test } from 'vitest';
import { nodeFiles } from '../conflicts/testing/node-world';
import type { OpenNode } from './open-node';
import { listingOf, type Objects, service, slice } from './testing/kube-proxy-node';
import { testNode } from './testing/node';
import { whatWouldDeliverAnswer } from './what-would-deliver';

const SERVICE = '10.96.0.10';
/** 10.244.1.3 is a pod of this node; .2 of the other, by the last digit (testing/kube-proxy-node). */
const HERE = '10.244.1.3';
const THERE = '10.244.1.2';

/** Nothing else listens on the node. */
const SSH = 'tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:*\n';

const NODES = {
  items: [{ metadata: { name: 'node-1' }, status: { addresses: [{ type: 'InternalIP', address: '10.240.0.11' }] } }],
};

/** @param written what kube-proxy has seen, where that is not what the cluster has */
function nodeOf(objects: Objects, written = objects, pods: readonly object[] = []): OpenNode {
  return testNode(nodeFiles([], { files: { 'nft.json': JSON.stringify(listingOf(written)), 'sockets.txt': SSH } }), {
    'services.json': { items: objects.services },
    'endpointslices.json': { items: objects.slices },
    'nodes.json': NODES,
    'pods.json': { items: pods },
  });
}

const external = { iif: 'eth0', family: 'ip', saddr: '198.51.100.10', protocol: 'tcp', sport: 40000 };
const toService = { ...external, daddr: SERVICE, dport: 80 };
const toNode = { ...external, daddr: '10.240.0.11', dport: 30080 };
const HTTP = { name: 'http', port: 80, protocol: 'TCP' };
const NODE_PORT = { type: 'NodePort', ports: [{ ...HTTP, nodePort: 30080 }] };
const BALANCED = {
  type: 'LoadBalancer',
  ports: [HTTP],
  loadBalancerSourceRanges: ['192.0.2.0/24'],
};
const AT = { loadBalancer: { ingress: [{ ip: '203.0.113.12', ipMode: 'VIP' }] } };
const NOT_READY = { conditions: { ready: false, serving: false, terminating: false } };

function ask(node: OpenNode, packet: object) {
  const answer = whatWouldDeliverAnswer(node, { packet });
  if (!answer.ok) throw new Error(answer.problem.say);
  return answer.value;
}

const ofServices = (objects: Objects, packet: object) =>
  ask(nodeOf(objects), packet).found.flatMap(({ change, say, command }) =>
    change.kind === 'service' ? [[say, command]] : [],
  );

describe('fields of Services', () => {
  test.each([
    {
      name: 'internalTrafficPolicy Local, and no endpoint here',
      objects: { services: [service({ internalTrafficPolicy: 'Local' })], slices: [slice([THERE])] },
      packet: toService,
      want: [
        [
          'With internalTrafficPolicy Cluster instead of Local in Service shop/web',
          `kubectl -n shop patch service web -p '{"spec":{"internalTrafficPolicy":"Cluster"}}'`,
        ],
      ],
    },
    {
      name: 'externalTrafficPolicy Local, and no endpoint here',
      objects: { services: [service({ ...NODE_PORT, externalTrafficPolicy: 'Local' })], slices: [slice([THERE])] },
      packet: toNode,
      want: [
        [
          'With externalTrafficPolicy Cluster instead of Local in Service shop/web',
          `kubectl -n shop patch service web -p '{"spec":{"externalTrafficPolicy":"Cluster"}}'`,
        ],
      ],
    },
    {
      name: 'no endpoint is ready: each of them, then all at once',
      objects: {
        services: [service()],
        slices: [slice([HERE], { ...NOT_READY, targetRef: { kind: 'Pod', namespace: 'shop', name: 'web-1' } })],
      },
      packet: toService,
      want: [
        [`With endpoint ${HERE} (pod shop/web-1) of Service shop/web ready`, null],
        [
          'With publishNotReadyAddresses true instead of false in Service shop/web',
          `kubectl -n shop patch service web -p '{"spec":{"publishNotReadyAddresses":true}}'`,
        ],
      ],
    },
    {
      name: 'source ranges that leave the client out',
      objects: { services: [service(BALANCED, AT)], slices: [slice([HERE])] },
      packet: { ...toService, daddr: '203.0.113.12' },
      want: [
        [
          'With 198.51.100.10/32 in loadBalancerSourceRanges of Service shop/web',
          `kubectl -n shop patch service web --type json -p '[{"op":"add","path":"/spec/loadBalancerSourceRanges/-","value":"198.51.100.10/32"}]'`,
        ],
      ],
    },
    {
      name: 'a port that the Service does not have',
      objects: { services: [service({ ports: [{ ...HTTP, targetPort: 8080 }] })], slices: [slice([HERE])] },
      packet: { ...toService, dport: 81 },
      want: [
        [
          'With port 81/tcp in Service shop/web, leading where its port http does',
          `kubectl -n shop patch service web --type json -p '[{"op":"add","path":"/spec/ports/-","value":{"name":"tcp-81","protocol":"TCP","port":81,"targetPort":8080}}]'`,
        ],
      ],
    },
    {
      name: 'another protocol of its port',
      objects: { services: [service()], slices: [slice([HERE])] },
      packet: { ...toService, protocol: 'udp' },
      want: [
        [
          'With port 80/udp in Service shop/web, leading where its port http does',
          `kubectl -n shop patch service web --type json -p '[{"op":"add","path":"/spec/ports/-","value":{"name":"udp-80","protocol":"UDP","port":80,"targetPort":80}}]'`,
        ],
      ],
    },
    {
      name: 'a Service of type LoadBalancer whose port has no NodePort',
      objects: { services: [service({ type: 'LoadBalancer', ports: [HTTP] }, AT)], slices: [slice([HERE])] },
      packet: toNode,
      want: [
        [
          'With nodePort 30080 for port http of Service shop/web',
          `kubectl -n shop patch service web -p '{"spec":{"ports":[{"port":80,"protocol":"TCP","nodePort":30080}]}}'`,
        ],
      ],
    },
    {
      name: 'a Service without any endpoint: nothing of its own helps',
      objects: { services: [service({ internalTrafficPolicy: 'Local' })], slices: [] },
      packet: toService,
      want: [],
    },
    {
      name: 'one that is terminating does not become ready again',
      objects: {
        services: [service({ publishNotReadyAddresses: true })],
        slices: [slice([HERE], { conditions: { ready: false, serving: false, terminating: true } })],
      },
      packet: toService,
      want: [],
    },
  ])('$name', ({ objects, packet, want }) => {
    expect(ofServices(objects, packet)).toEqual(want);
  });

  describe('a Service whose selector finds no pod', () => {
    const pod = (name: string, address: string, labels: object, ready = true) => ({
      metadata: { namespace: 'shop', name, labels },
      spec: { nodeName: 'node-1', containers: [{ ports: [{ name: 'web', containerPort: 8080, protocol: 'TCP' }] }] },
      status: {
        phase: 'Running',
        podIPs: [{ ip: address }],
        conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      },
    });
    const asked = (selector: object, ...pods: readonly object[]) => {
      const objects = { services: [service({ selector, ports: [{ ...HTTP, targetPort: 'web' }] })], slices: [] };
      return ask(nodeOf(objects, objects, pods), toService).found;
    };
    test('and pods that are called nearly so: the label, the command and what becomes of the packet', () => {
      const [found, ...more] = asked(
        { app: 'wep' },
        pod('web-1', HERE, { app: 'web' }),
        pod('x', THERE, { app: 'db' }),
      );
      expect(more).toEqual([]);
      expect(found).toMatchObject({
        say: 'With app=web instead of app=wep in the selector of Service shop/web, which selects pod shop/web-1',
        command: `kubectl -n shop patch service web -p '{"spec":{"selector":{"app":"web"}}}'`,
        touches: 'service',
      });
      expect(found?.result).toMatch(/^Reaches shop\/web at (pod shop\/web-1|endpoint|10\.244\.1\.3)/);
    });
    test('and pods that have all labels but one', () => {
      const pods = [
        pod('web-1', HERE, { app: 'web', tier: 'front' }),
        pod('web-2', THERE, { app: 'other', tier: 'x' }),
      ];
      expect(asked({ app: 'web', tier: 'back' }, ...pods).map(({ say }) => say)).toEqual([
        'With tier=front instead of tier=back in the selector of Service shop/web, which selects pod shop/web-1',
      ]);
      expect(asked({ app: 'web', tier: 'front', v: '2' }, ...pods).map(({ say }) => say)).toEqual([
        'Without v=2 in the selector of Service shop/web, which selects pod shop/web-1',
      ]);
    });
    test('and no pod like it, or none that is ready', () => {
      expect(asked({ app: 'wep' }, pod('x', HERE, { app: 'db' }))).toEqual([]);
      expect(asked({ app: 'wep' }, pod('web-1', HERE, { app: 'web' }, false))).toEqual([]);
    });
  });

  test('what becomes of the packet is that of a trace through the tables as they would be', () => {
    const objects = { services: [service({ internalTrafficPolicy: 'Local' })], slices: [slice([THERE])] };
    const found = ask(nodeOf(objects), toService).found.find(({ change }) => change.kind === 'service');
    expect(found?.touches).toBe('service');
    expect(found?.result).toContain(THERE);
  });

  test('the field of the Service comes before what takes its protection out of the table', () => {
    const objects = { services: [service(BALANCED, AT)], slices: [slice([HERE])] };
    const kinds = ask(nodeOf(objects), { ...toService, daddr: '203.0.113.12' }).found.map(({ change }) => change.kind);
    expect(kinds[0]).toBe('service');
    expect(kinds).toContain('element-removed');
  });

  test('a table that is not what the objects say is not computed anew, and the answer says so', () => {
    const objects = { services: [service({ internalTrafficPolicy: 'Local' })], slices: [slice([THERE])] };
    const written = {
      ...objects,
      services: [service({ internalTrafficPolicy: 'Local', ports: [{ ...HTTP, port: 82 }] })],
    };
    const answer = ask(nodeOf(objects, written), { ...toService, dport: 82 });
    expect(answer.servicesUntried).toBe('the table ip kube-proxy is not what the objects say (nftscope drift)');
    expect(answer.found.filter(({ change }) => change.kind === 'service')).toEqual([]);
  });

  test('without kube-proxy nothing is said of Services', () => {
    expect(ask(testNode(nodeFiles([])), { ...external, daddr: '10.240.0.11', dport: 81 }).servicesUntried).toBeNull();
  });
});
