import { expect, test } from 'vitest';
import { decodeLinks } from '../world/decode-links';
import type { Link, World } from '../world/world';
import { trace } from './index';
import { drop, SYN, xtWorld } from './testing/xt-world';

/** The node with one more interface. */
function withLink(name: string, more: Partial<Link> = {}): World {
  const world = xtWorld({ rules: [[drop]] });
  const [first] = world.links.known ? world.links.value : [];
  if (!world.links.known || first === undefined) throw new Error('the world has no interface');
  const link = { ...first, name, index: 99, addresses: [], ...more };
  return { ...world, links: { ...world.links, value: [...world.links.value, link] } };
}

test.each([
  ['cilium_host', 'another-data-plane'],
  ['bpfin.cali', 'another-data-plane'],
  ['cali1234', undefined],
  ['cilium', undefined],
])('an interface %s: %s', (name, code) => {
  const [branch] = trace(withLink(name), SYN).branches;
  const { outcome, steps } = branch ?? { outcome: undefined, steps: [] };
  expect(outcome?.kind === 'undecided' ? outcome.reasons.map((r) => r.code) : []).toEqual(
    code === undefined ? [] : [code],
  );
  // What the rules would do is told all the same.
  expect(steps.some((step) => step.kind === 'rule' && step.verdict === 'drop')).toBe(true);
});

const codesOf = (world: World): readonly string[] => {
  const [branch] = trace(world, SYN).branches;
  return branch?.outcome.kind === 'undecided' ? branch.outcome.reasons.map((r) => r.code) : [];
};

test.each([
  ['openvswitch', ['another-data-plane']],
  ['netkit', ['another-data-plane']],
  ['veth', []],
])('an interface of the kind %s: %j', (kind, codes) => {
  expect(codesOf(withLink('x0', { kind }))).toEqual(codes);
});

/** SYN comes in by eth0. */
test.each([
  ['eth0', undefined, ['another-data-plane']],
  ['eth1', undefined, []],
  // The bond is made of eth1, whose program comes first.
  ['eth1', 'bond', ['another-data-plane']],
])('an XDP program at %s, eth0 being of kind %s: %j', (at, kind, codes) => {
  const world = xtWorld({ rules: [[drop]] });
  if (!world.links.known) throw new Error(world.links.why);
  const value = world.links.value.map((link) => ({
    ...link,
    ...(link.name === at && { xdp: 'guard' }),
    ...(link.name === 'eth0' && { kind }),
  }));
  expect(codesOf({ ...world, links: { known: true, value } })).toEqual(codes);
});

test('the program is read from the listing of interfaces', () => {
  const link = (more: object) => ({
    ...{ ifindex: 1, ifname: 'eth0', flags: ['UP'], mtu: 1500, link_type: 'ether', addr_info: [] },
    ...more,
  });
  const xdpOf = (addr: object, detail?: object) => {
    const links = decodeLinks([link(addr)], detail === undefined ? undefined : [link(detail)]);
    return links.ok ? links.value[0]?.xdp : links.problem.say;
  };
  expect(xdpOf({})).toBeUndefined();
  expect(xdpOf({}, { xdp: { mode: 1, prog: { id: 5, name: 'guard', tag: '57cd311f2e27366b', jited: 1 } } })).toBe(
    'guard',
  );
  expect(xdpOf({ xdp: { mode: 2, prog: { id: 5 } } })).toBe('');
  expect(xdpOf({ xdp: { mode: 0 } })).toBeUndefined();
});
