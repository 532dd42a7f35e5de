import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { describeShared } from '@/tests/shared';
import { formatProblem } from '../net/result';
import { decodeEnvironment } from './decode-environment';

const base = {
  addr: [
    {
      ifindex: 2,
      ifname: 'eth0',
      flags: ['BROADCAST', 'UP', 'LOWER_UP'],
      mtu: 1500,
      group: 'default',
      link_type: 'ether',
      address: '02:00:00:00:01:01',
      addr_info: [{ family: 'inet', local: '10.0.1.1', prefixlen: 24, broadcast: '10.0.1.255', scope: 'global' }],
    },
  ],
  route4: [{ dst: 'default', gateway: '10.0.1.254', dev: 'eth0', flags: [] }],
  sysctl: 'net.ipv4.ip_forward = 1\n',
  sockets: { tcpListen: [8080, 8081], udpBound: [53], transparent: [8081] },
};

test('members that are absent are unknown, not empty', () => {
  const result = decodeEnvironment(base);
  if (!result.ok) throw new Error(formatProblem(result.problem));
  const world = result.value;
  expect(world.links).toMatchObject({ known: true, value: [{ name: 'eth0', up: true, kind: undefined }] });
  expect(world.routes.ip).toMatchObject({ known: true, value: [{ table: 'main', dst: { addr: 0, len: 0 } }] });
  expect(world.routes.ip6).toEqual({ known: false, why: 'the environment has no route6' });
  expect(world.rules.ip.known).toBe(false);
  expect(world.neighboursComplete).toBe(false);
  expect(world.sysctl).toEqual({ known: true, value: new Map([['net.ipv4.ip_forward', '1']]) });
  expect(world.sockets).toEqual({
    known: true,
    value: [
      { protocol: 'tcp', port: 8080, transparent: false },
      { protocol: 'tcp', port: 8081, transparent: true },
      { protocol: 'udp', port: 53, transparent: false },
    ],
  });
});

test.each([
  { name: 'not an object', json: [], want: 'expected an object, got []' },
  {
    name: 'address',
    json: { addr: [{ ...base.addr[0], addr_info: [{ family: 'inet', local: 'x' }] }] },
    want: 'addr[0].addr_info[0].local: expected an IPv4 address, got "x"',
  },
  {
    name: 'route',
    json: { route4: [{ dst: 'fd00::/64' }] },
    want: 'route4[0].dst: expected an IPv4 prefix, got "fd00::/64"',
  },
  {
    name: 'selector',
    json: { rule4: [{ priority: 1, src: 'all', flowlabel: 5, table: 'main' }] },
    want: 'rule4[0]: the selector "flowlabel" is not modelled',
  },
  {
    name: 'port',
    json: { sockets: { tcpListen: [70000] } },
    want: 'sockets.tcpListen[0]: expected an integer from 0 to 65535, got 70000',
  },
  {
    name: 'sysctl',
    json: { sysctl: 'a = 1\nnonsense\n' },
    want: 'sysctl line 2: expected "key = value", got "nonsense"',
  },
])('error with its path: $name', ({ json, want }) => {
  const result = decodeEnvironment(json);
  expect(result.ok ? 'decoded' : formatProblem(result.problem)).toBe(want);
});

describeShared('the recorded environments', (shared) => {
  const environments: Record<string, unknown> = JSON.parse(
    readFileSync(`${shared}/conformance/kernel-traces/environments.json`, 'utf8'),
  );
  test.each(Object.entries(environments))('%s', (_name, json) => {
    const result = decodeEnvironment(json);
    if (!result.ok) throw new Error(formatProblem(result.problem));
    const { links, routes, rules, neighbours } = result.value;
    expect([links, routes.ip, routes.ip6, rules.ip, rules.ip6, neighbours].every((part) => part.known)).toBe(true);
  });
});
