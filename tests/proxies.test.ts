/** Rules that give packets to a transparent proxy: whether one listens is asked of the sockets, never of what the objects promise. */
import { beforeEach, describe, expect, test } from 'vitest';
import { DemoCluster, field, match, resultOf, WEB_1 } from './demo-cluster';

let demo: DemoCluster;
beforeEach(async () => {
  demo = await DemoCluster.open();
});

const MANGLE = { hook: 'prerouting', prio: -150 };
const TO_API = { from: { pod: WEB_1.pod }, dst: '10.96.0.10', dport: 53, protocol: 'TCP' };
const proxied = (): DemoCluster =>
  demo.chain('node-1', MANGLE, [
    [match(field('tcp', 'dport'), 53), { tproxy: { family: 'ip', addr: '127.0.0.1', port: 15001 } }],
  ]);
const listens = (line: string): DemoCluster => demo.write('nodes/node-1/sockets.txt', `${line}\n`);

describe('tproxy', () => {
  test('without the sockets it cannot be known', () => {
    proxied();
    expect(resultOf(demo.ask(TO_API))).toBe('sockets-unknown');
  });
  // ss -Hltun does not say whether a socket is transparent.
  test.each(['127.0.0.1:15001', '0.0.0.0:15001', '*:15001'])('a socket at %s may be transparent', (at) => {
    proxied();
    listens(`tcp LISTEN 0 128 ${at} 0.0.0.0:*`);
    expect(resultOf(demo.ask(TO_API))).toBe('sockets-unknown');
  });
  // nft_tproxy_eval_v4: without a socket the rule ends there and the packet goes on.
  test.each([
    { name: 'nobody has the port', line: 'tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:*' },
    { name: 'another address has the port', line: 'tcp LISTEN 0 128 10.240.0.11:15001 0.0.0.0:*' },
    { name: 'it is not transparent', line: 'tcp LISTEN 0 128 *:15001 *:* inet-sockopt: ( is_icsk mc_loop)' },
  ])('$name: the rule does nothing', ({ line }) => {
    proxied();
    listens(line);
    expect(resultOf(demo.ask(TO_API))).toBe('ok');
  });
  test('to a transparent socket, without a local route', () => {
    proxied();
    listens('tcp LISTEN 0 128 127.0.0.1:15001 0.0.0.0:* inet-sockopt: ( is_icsk transparent mc_loop)');
    expect(resultOf(demo.ask(TO_API))).toBe('timeout');
  });
});

test('whether a socket takes a packet is not known from what the objects promise', () => {
  demo.chain('node-1', MANGLE, [[match({ socket: { key: 'transparent' } }, 1), { drop: null }]]);
  expect(resultOf(demo.ask(TO_API))).not.toBe('ok');
});
