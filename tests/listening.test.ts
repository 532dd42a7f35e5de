/** What is taken to listen, by the objects of the cluster: what they say for it, and what against it. */
import { beforeEach, describe, expect, test } from 'vitest';
import { assumedOf, backendsOf, DemoCluster, resultOf, WEB_1, WEB_2 } from './demo-cluster';

let demo: DemoCluster;
beforeEach(async () => {
  demo = await DemoCluster.open();
});
const toWeb2 = (dport = 8080) => demo.ask({ from: { pod: WEB_1.pod }, dst: WEB_2.ip, dport, protocol: 'TCP' });
const web2 = (change: (pod: { spec: Record<string, unknown>; status: Record<string, unknown> }) => void) =>
  demo.objects('pods.json', (items) => {
    change(items.find(({ metadata }) => `${metadata.namespace}/${metadata.name}` === WEB_2.pod));
  });
const notReady = [{ type: 'Ready', status: 'False' }];

test('kubelet listens where its node says', () => {
  const ask = () => demo.ask({ from: { pod: WEB_1.pod }, dst: '10.240.0.12', dport: 10250, protocol: 'TCP' });
  // The capture has port 0 there: it does not say.
  expect(resultOf(ask())).toBe('refused');
  demo.objects('nodes.json', (items) => {
    for (const { status } of items) status.daemonEndpoints = { kubeletEndpoint: { Port: 10250 } };
  });
  expect([resultOf(ask()), backendsOf(ask())]).toEqual(['ok', ['(kubelet)']]);
});

test('a sidecar is an init container that runs on, and its ports are the pod’s', () => {
  const container = (name: string, containerPort: number) => ({ name, image: 'x', ports: [{ containerPort }] });
  web2(({ spec }) => {
    spec.initContainers = [{ ...container('side', 15090), restartPolicy: 'Always' }, container('init', 15091)];
  });
  expect([15090, 15091].map((port) => resultOf(toWeb2(port)))).toEqual(['ok', 'refused']);
});

describe('a pod that is not ready', () => {
  const stateOf = (state: object) =>
    web2(({ spec, status }) => {
      const [{ name } = { name: '' }] = spec.containers as { name: string }[];
      status.conditions = notReady;
      status.containerStatuses = [{ name, ready: false, state }];
    });
  test.each([
    { state: { waiting: { reason: 'CrashLoopBackOff' } }, why: 'CrashLoopBackOff' },
    { state: { terminated: { reason: 'Error', exitCode: 1 } }, why: 'Error' },
  ])('its container does not run: $why', ({ state, why }) => {
    stateOf(state);
    const answer = toWeb2();
    expect(resultOf(answer)).toBe('listening-unknown');
    expect(JSON.stringify(answer)).toContain(`the container of ${WEB_2.pod} does not run (${why})`);
  });
  test('its container runs: it is taken to listen, and said that it is not ready', () => {
    stateOf({ running: { startedAt: '2026-11-21T00:30:57Z' } });
    expect(resultOf(toWeb2())).toBe('ok');
    expect(assumedOf(toWeb2())).toMatch(/taken to listen, as the cluster's objects say, though the pod is not ready/);
  });
  test('it is pending', () => {
    web2(({ status }) => {
      status.phase = 'Pending';
      status.conditions = notReady;
      delete status.containerStatuses;
    });
    expect(resultOf(toWeb2())).toBe('listening-unknown');
  });
  test('one in the network of its node', () => {
    demo.hostPod('agent-host', 'node-2', [{ containerPort: 9876, protocol: 'TCP' }], ({ status }) => {
      status.phase = 'Pending';
      status.conditions = notReady;
      Object.assign(status, { containerStatuses: [] });
    });
    const answer = demo.ask({ from: { pod: WEB_1.pod }, dst: '10.240.0.12', dport: 9876, protocol: 'TCP' });
    expect(resultOf(answer)).toBe('listening-unknown');
    expect(JSON.stringify(answer)).toContain('kube-system/agent-host does not run (Pending)');
  });
});

test('a pod that does not exist is not one without an address', () => {
  const ask = () => demo.ask({ from: { pod: 'shop/nosuch' }, dst: WEB_2.ip, dport: 8080, protocol: 'TCP' });
  expect(ask).toThrow('There is no pod shop/nosuch.');
});

test.each([
  { name: 'its node', question: { from: { node: 'node-1' }, dst: '10.240.0.77' } },
  { name: 'another node', question: { from: { node: 'node-2' }, dst: '10.240.0.77' } },
  { name: 'the pod itself', question: { from: { pod: 'shop/mac' }, dst: WEB_2.ip } },
])('a pod on the wire of its node, as with macvlan, meets none of its hooks: from $name', ({ question }) => {
  demo.objects('pods.json', (items) => {
    const pod = structuredClone(items.find(({ metadata }) => `shop/${metadata.name}` === WEB_1.pod));
    pod.metadata.name = 'mac';
    Object.assign(pod.status, { podIP: '10.240.0.77', podIPs: [{ ip: '10.240.0.77' }] });
    items.push(pod);
  });
  expect(resultOf(demo.ask({ ...question, dport: 8080, protocol: 'TCP' }))).toBe('pod-on-wire');
});
