import { describe, expect, test } from 'vitest';
import { fixtureBranch, shopNames, type TraceFixture } from '../explain/testing/traces';
import { traceWay } from './trace-way';
import type { WayBaseChain, WayStop } from './way-types';

const BASE: readonly WayBaseChain[] = [
  { family: 'ip', table: 'kube-proxy', chain: 'nat-postrouting', type: 'nat', hook: 'postrouting', prio: 100 },
  { family: 'inet', table: 'kindnet-ipmasq', chain: 'postrouting', type: 'nat', hook: 'postrouting', prio: 90 },
  { family: 'ip6', table: 'kube-proxy', chain: 'nat-postrouting', type: 'nat', hook: 'postrouting', prio: 100 },
];

const way = (fixture: TraceFixture, index = 0, legIndex = 0) => {
  const { trace, branch, legs } = fixtureBranch(fixture, index);
  const leg = legs[legIndex];
  if (!leg) throw new Error('no such leg');
  return traceWay({ branch, leg, sent: trace.packet, names: shopNames, baseChains: BASE });
};
const word = (stop: WayStop): string => {
  const change = stop.change ? ` [${stop.change.changed ? '*' : ''}${stop.change.text}]` : '';
  if (stop.kind === 'end') return `${stop.at.kind} ${stop.at.name ?? ''} ${stop.at.detail}${change}`;
  if (stop.kind === 'routing') return `routing ${stop.steps.join('')}${change}`;
  const cells = stop.cells.map((cell) => `${cell.prio}${cell.reached ? '' : '?'}:${cell.steps.join('')}`);
  return `${stop.hook} ${stop.note}${stop.conntrack ? ' ct' : ''} ${cells.join(' ')}${change}`;
};

describe('traceWay', () => {
  test('of a packet forwarded to another node', () => {
    const { stops, back, aside } = way('delivered', 1);
    expect(stops.map(word)).toEqual([
      'pod shop/web-6d4f8b7c9-2hxkz 10.244.1.3',
      'prerouting in vethcd831f0a ct -110:1 -100:234 [10.99.151.112:80]',
      'routing 5 [*10.244.2.4:8080]',
      'forward  0:67',
      'postrouting out eth0 90:8 100:9',
      'next hop  node-2',
      'pod shop/api-5b8c9d6f7-c2mvl 10.244.2.4:8080',
    ]);
    expect(back).toBeUndefined();
    expect(aside).toBe('input, local process, output: not taken');
  });

  test('without a next hop where the pod is on this node', () => {
    expect(way('delivered', 0).stops.map(word).slice(-2)).toEqual([
      'postrouting out veth08394d98 90:8 100:9',
      'pod shop/api-5b8c9d6f7-8tqwn 10.244.1.4:8080',
    ]);
  });

  test('of a rejected packet: where it ended, what waits behind, what goes back', () => {
    const { stops, back } = way('rejected');
    expect(stops.map(word)).toEqual([
      'pod shop/web-6d4f8b7c9-2hxkz 10.244.1.3',
      'prerouting in vethcd831f0a ct -110:1 -100:2 [10.106.32.181:80, never translated]',
      'routing 3',
      'forward  0:456',
      'postrouting not reached 90?: 100?:',
      'Service shop/inventory:http 10.106.32.181:80',
    ]);
    expect(stops[3]).toMatchObject({ ends: 'lost', cells: [{ ends: 'lost' }] });
    expect(back).toEqual({ from: 3, text: 'ICMP port unreachable, from 10.244.1.1 back to the client' });
  });

  test('of the answer itself', () => {
    expect(way('rejected', 0, 1).stops.map(word)).toEqual([
      'node node-1 10.244.1.1',
      'output out vethcd831f0a -110: 0: [10.244.1.3]',
      'pod shop/web-6d4f8b7c9-2hxkz 10.244.1.3',
    ]);
  });

  test('of a packet from a local process whose end is not known', () => {
    const { stops } = way('undecided');
    expect(stops.map(word)).toEqual([
      'process on node-1 10.240.0.11',
      'routing 1 [10.99.151.112:80]',
      'output out eth0 ct -150:23',
      'postrouting not reached 90?: 100?:',
      'Service shop/api:http 10.99.151.112:80',
    ]);
    expect(stops[2]).toMatchObject({ ends: 'undecided' });
  });
});
