/** Whole paths read the nodes that a packet comes to, also where no object of the cluster names the address of the next one. */
import { rmSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { failed } from '@/lib/net/result';
import { lookAt } from '@/server/sessions/look-at';
import { Paths } from '@/server/sessions/paths';
import { openPath } from '@/server/sources/open-source';
import { DEFAULT_LIMITS, type Source } from '@/server/sources/source';
import { DemoCluster, resultOf, WEB_1, WEB_2 } from './demo-cluster';

const { signal } = new AbortController();
let demo: DemoCluster;
const folders: string[] = [];
beforeEach(async () => {
  demo = await DemoCluster.open();
});
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** The source where one node gives no answer. */
const unreadable = (source: Source, name: string): Source =>
  new Proxy(source, {
    get: (of, key) => {
      const member: unknown = Reflect.get(of, key);
      if (typeof member !== 'function') return member;
      if (key !== 'node') return member.bind(of);
      return (node: string, ...rest: unknown[]) =>
        node === name ? failed({ code: 'TEST-001', say: `${name} is down`, do: '' }) : member.call(of, node, ...rest);
    },
  });

async function wordsTo(to: string, without?: string): Promise<string> {
  const folder = demo.folder();
  folders.push(folder);
  const source = await openPath(folder, DEFAULT_LIMITS);
  if (!source.ok) throw new Error(source.problem.say);
  const described = await lookAt(source.value);
  if (!described.ok) throw new Error(described.problem.say);
  const from = WEB_1.pod;
  const read = without === undefined ? source.value : unreadable(source.value, without);
  const path = await new Paths('demo', read).view({ question: { from, to } }, described.value, signal);
  if (!path.ok) throw new Error(path.problem.say);
  return path.value.results.map(({ word }) => word).join(' ');
}

interface Route {
  dst: string;
  gateway?: string;
  dev?: string;
}

/** Each node has an address on a network that no Node object names, and pods of others are reached by it. */
function secondNetwork(kind: 'pods' | 'apart'): (node: number) => string {
  const address = (node: number) => (kind === 'pods' ? `10.244.${node}.0` : `172.31.9.1${node}`);
  for (const node of [1, 2, 3]) {
    const at = `nodes/node-${node}`;
    const link = { ifindex: 98, ifname: 'net9', flags: ['BROADCAST', 'UP', 'LOWER_UP'], mtu: 1450, operstate: 'UP' };
    const ether = { ...link, link_type: 'ether', address: `02:00:00:00:09:0${node}` };
    const local = address(node);
    const prefixlen = kind === 'pods' ? 32 : 24;
    demo.edit<object[]>(`${at}/addr.json`, (links) => [
      ...links,
      { ...ether, addr_info: [{ family: 'inet', local, prefixlen, scope: 'global' }] },
    ]);
    demo.edit<object[]>(`${at}/link.json`, (links) => [...links, { ...ether, linkinfo: { info_kind: 'veth' } }]);
    demo.edit<Route[]>(`${at}/route4.json`, (routes) => [
      ...routes.map((one) => {
        const other = /^10\.244\.([123])\.0\/24$/.exec(one.dst)?.[1];
        return other === undefined || one.gateway === undefined
          ? one
          : { ...one, gateway: address(Number(other)), dev: 'net9', flags: ['onlink'] };
      }),
      ...(kind === 'pods' ? [] : [{ dst: '172.31.9.0/24', dev: 'net9', protocol: 'kernel', scope: 'link', flags: [] }]),
      { type: 'local', dst: local, dev: 'net9', table: 'local', protocol: 'kernel', scope: 'host', flags: [] },
    ]);
  }
  return address;
}

test.each(['pods', 'apart'] as const)('a pod behind an address that no object names: %s', async (kind) => {
  secondNetwork(kind);
  const question = { from: { pod: WEB_1.pod }, dst: WEB_2.ip, dport: 8080, protocol: 'TCP' };
  expect([await wordsTo(`${WEB_2.ip}:8080`), resultOf(demo.ask(question))]).toEqual(['ok', 'ok']);
});

test.each(['pods', 'apart'] as const)('such an address itself: %s', async (kind) => {
  const dst = secondNetwork(kind)(2);
  const question = { from: { pod: WEB_1.pod }, dst, dport: 81, protocol: 'TCP' };
  expect([await wordsTo(`${dst}:81/tcp`), resultOf(demo.ask(question))]).toEqual(['refused', 'refused']);
});

test('what goes to the world by the default gateway stays undecided', async () => {
  expect(await wordsTo('8.8.8.8:53/udp')).toBe('undecided');
});

test('a node that may have the address and cannot be read is left out; one that has the pod is missed', async () => {
  const address = secondNetwork('apart');
  expect(await wordsTo(`${address(2)}:81/tcp`, 'node-3')).toBe('refused');
  expect(await wordsTo(`${address(3)}:81/tcp`, 'node-3')).toBe('undecided');
  await expect(wordsTo(`${WEB_2.ip}:8080`, 'node-2')).rejects.toThrow('node-2 is down');
});
