/** Answers that do not come back: routes to the client that lead elsewhere, or nowhere. */
import { beforeEach, describe, expect, test } from 'vitest';
import { assumedOf, DemoCluster, drop, field, match, resultOf, WEB_1, WEB_2 } from './demo-cluster';

let demo: DemoCluster;
beforeEach(async () => {
  demo = await DemoCluster.open();
});

interface Route {
  dst: string;
  dev?: string;
  gateway?: string;
  type?: string;
}
const routes = (node: string, family: 4 | 6, change: (all: Route[]) => Route[]) =>
  demo.edit<Route[]>(`nodes/${node}/route${family}.json`, change);
const API_1 = { ip: '10.244.1.4', ip6: 'fd00:10:244:1::4' };

// Two namespaces behind a third that has no route to one of them but its default route: connect(2) there waits, with it: 200.
describe('a node that lost the route to its pod', () => {
  const lose = () => {
    routes('node-2', 4, (all) => all.filter(({ dst }) => dst !== WEB_2.ip));
    routes('node-2', 6, (all) => all.filter(({ dst }) => dst !== WEB_2.ip6));
  };
  test.each([
    { to: 'a pod elsewhere', dst: API_1.ip, dport: 8080 },
    { to: 'a Service', dst: '10.99.151.112', dport: 80 },
    { to: 'its own node', dst: '10.240.0.12', dport: 9100 },
    { to: 'a pod elsewhere, IPv6', dst: API_1.ip6, dport: 8080 },
  ])('the pod asks $to and waits', ({ dst, dport }) => {
    lose();
    const answer = demo.ask({ from: { pod: WEB_2.pod }, dst, dport, protocol: 'TCP' });
    expect(answer).toMatchObject({ result: 'timeout', results: { timeout: 1 }, node: 'node-2' });
    expect(assumedOf(answer)).toMatch(/node-2 has no route to shop\/web-6d4f8b7c9-7pqrs of its own/);
  });
  test('its packets come in by its cable', () => {
    const before = JSON.parse(demo.text('nodes/node-2/route4.json')) as Route[];
    const own = before.find(({ dst }) => dst === WEB_2.ip)?.dev;
    lose();
    demo.chain('node-2', { hook: 'prerouting' }, [[match({ meta: { key: 'iifname' } }, own), drop]]);
    const answer = demo.ask({ from: { pod: WEB_2.pod }, dst: API_1.ip, dport: 8080, protocol: 'TCP' });
    expect(answer).toMatchObject({ result: 'timeout', node: 'node-2', by: { hook: 'prerouting' } });
  });
  test('a route to the cable of another pod: undecided', () => {
    const other = { dev: '' };
    routes('node-2', 4, (all) => {
      other.dev = all.find(({ dst, dev }) => dst !== WEB_2.ip && dev?.startsWith('veth'))?.dev ?? '';
      return all.map((one) => (one.dst === WEB_2.ip ? { ...one, ...other } : one));
    });
    expect(other.dev).not.toBe('');
    const answer = demo.ask({ from: { pod: WEB_2.pod }, dst: API_1.ip, dport: 8080, protocol: 'TCP' });
    expect(resultOf(answer)).toBe('pod-cable');
  });
});

describe('the answer goes by another captured node', () => {
  test.each([
    { what: 'NodePort', dport: 30090 },
    { what: 'a port of the node', dport: 9100 },
  ])('to a client outside, from $what', ({ dport }) => {
    routes('node-1', 4, (all) => [
      ...all,
      { dst: '198.51.100.0/24', gateway: '10.240.0.13', dev: 'eth0', flags: [] } as Route,
    ]);
    const ask = () => demo.ask({ from: 'external', dst: '10.240.0.11', dport, protocol: 'TCP' });
    expect(resultOf(ask())).toBe('ok');
    const net = { prefix: { addr: '198.51.100.0', len: 24 } };
    demo.chain('node-3', { hook: 'forward' }, [[match(field('ip', 'daddr'), net), drop]]);
    expect(ask()).toMatchObject({ result: 'timeout', node: 'node-3', by: { hook: 'forward', verdict: 'drop' } });
  });
  test('to a pod of a node that was not captured', () => {
    demo.withoutNode('node-2');
    routes('node-1', 4, (all) =>
      all.map((one) => (one.dst === '10.244.2.0/24' ? { ...one, gateway: '10.240.0.13' } : one)),
    );
    const ask = () => demo.ask({ from: { pod: WEB_2.pod }, dst: API_1.ip, dport: 8080, protocol: 'TCP' });
    expect(resultOf(ask())).toBe('ok');
    demo.chain('node-3', { hook: 'forward' }, [[match(field('ip', 'daddr'), WEB_2.ip), drop]]);
    expect(ask()).toMatchObject({ result: 'timeout', node: 'node-3', by: { hook: 'forward', verdict: 'drop' } });
  });
});

// A namespace asked from another network, with a blackhole for it or no route at all, and rp_filter 0: connect(2) waits.
describe('no route back to a client outside', () => {
  test.each(['a blackhole', 'no default route'])('%s: it waits', (what) => {
    routes('node-1', 4, (all) =>
      what === 'a blackhole'
        ? [...all, { type: 'blackhole', dst: '198.51.100.0/24', flags: [] } as Route]
        : all.filter(({ dst }) => dst !== 'default'),
    );
    const ask = (question: object) => demo.ask({ from: 'external', protocol: 'TCP', ...question });
    for (const dport of [30090, 9100, 30092])
      expect([dport, resultOf(ask({ dst: '10.240.0.11', dport }))]).toEqual([dport, 'timeout']);
  });
});

// The router is nobody's: what it is taken to do is said.
describe('nodes joined by a router', () => {
  const router = (from: string, to: number, net: string | undefined) =>
    routes(from, 4, (all) => [
      ...all.map((one) => (one.dst === net ? { ...one, gateway: '10.240.0.1', dev: 'eth0' } : one)),
      { dst: `10.240.0.1${to}`, gateway: '10.240.0.1', dev: 'eth0', flags: [] } as Route,
    ]);
  test.each([
    { what: 'a node', from: { node: 'node-1' }, dst: '10.240.0.12', dport: 9100 },
    { what: 'a pod', from: { pod: WEB_1.pod }, dst: WEB_2.ip, dport: 8080 },
  ])('$what behind it is asked', ({ what, ...question }) => {
    router('node-1', 2, '10.244.2.0/24');
    router('node-2', 1, '10.244.1.0/24');
    const ask = () => demo.ask({ ...question, protocol: 'TCP' });
    expect(resultOf(ask())).toBe('ok');
    expect(assumedOf(ask())).toMatch(/10\.240\.0\.1 is not in the capture and is taken to forward to node-2/);
    const hook = what === 'a node' ? 'input' : 'forward';
    demo.chain('node-2', { hook }, [[match(field('tcp', 'dport'), question.dport), drop]]);
    expect(ask()).toMatchObject({ result: 'timeout', node: 'node-2', by: { hook, verdict: 'drop' } });
  });
  test('a pod network alone that falls to it is not: who knows whether it has that route', () => {
    routes('node-1', 4, (all) => all.filter(({ dst }) => dst !== '10.244.2.0/24'));
    const answer = demo.ask({ from: { pod: WEB_1.pod }, dst: WEB_2.ip, dport: 8080, protocol: 'TCP' });
    expect(resultOf(answer)).toBe('outside-capture');
  });
});
