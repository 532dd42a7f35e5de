/** What a trace of one node says where it cannot go on: the reason is what lacks, and nothing else. */
import { beforeEach, describe, expect, test } from 'vitest';
import { DemoCluster, resultOf, WEB_1, WEB_2 } from './demo-cluster';

let demo: DemoCluster;
beforeEach(async () => {
  demo = await DemoCluster.open();
});

const toWeb2 = { from: { pod: WEB_1.pod }, dport: 8080, protocol: 'TCP' };
const reasonOf = (question: object): string => {
  const answer = demo.ask(question);
  if (!('undecided' in answer)) throw new Error(answer.result);
  return answer.undecided.map(({ say, settle }) => `${say} ${settle}`).join(' ');
};

describe('routes cannot be asked', () => {
  test.each([
    {
      lacks: 'rule4.json',
      dst: WEB_2.ip,
      says: /rules of policy routing.* IPv4.*rule4\.json was not read.*ip -j -4 rule show/,
    },
    {
      lacks: 'rule6.json',
      dst: WEB_2.ip6,
      says: /rules of policy routing.* IPv6.*rule6\.json was not read.*ip -j -6 rule show/,
    },
    { lacks: 'route4.json', dst: WEB_2.ip, says: /routes of IPv4.*route4\.json was not read.*ip -j -4 route show/ },
    { lacks: 'route6.json', dst: WEB_2.ip6, says: /routes of IPv6.*route6\.json was not read.*ip -j -6 route show/ },
  ])('without $lacks', ({ lacks, dst, says }) => {
    demo.without(`nodes/node-2/${lacks}`);
    expect(reasonOf({ ...toWeb2, dst })).toMatch(says);
  });
  test('a rule with a selector that is not modelled: it is named, and nobody is sent to capture again', () => {
    demo.edit<object[]>('nodes/node-2/rule4.json', (rules) => [
      { priority: 5, src: 'all', table: '99', flowlabel: 5 },
      ...rules,
    ]);
    const said = reasonOf({ ...toWeb2, dst: WEB_2.ip });
    expect(said).toMatch(/flowlabel/);
    expect(said).not.toMatch(/routes of|Capture/);
  });
});

describe('a rule of policy routing asks for the number of a tunnel', () => {
  // In a namespace `ip rule add tun_id 5 blackhole` lets ordinary packets pass, `not tun_id 5` does not; both families alike.
  const rule = (member: object) => {
    for (const file of ['rule4.json', 'rule6.json'])
      demo.edit<object[]>(`nodes/node-1/${file}`, (rules) => [
        { priority: 5, src: 'all', tun_id: 5, action: 'blackhole', ...member },
        ...rules,
      ]);
  };
  const asked = () =>
    [WEB_2.ip, WEB_2.ip6].map((dst) => resultOf(demo.ask({ ...toWeb2, from: { node: 'node-1' }, dst })));
  test('no ordinary packet has it', () => {
    rule({});
    expect(asked()).toEqual(['ok', 'ok']);
  });
  test('they are met by what is not of it', () => {
    rule({ not: null });
    expect(asked()).toEqual(['einval', 'einval']);
  });
  test('a tunnel with many numbers: undecided', () => {
    rule({});
    const link = { ifindex: 98, ifname: 'vx', flags: ['UP', 'LOWER_UP'], mtu: 1450, operstate: 'UNKNOWN' };
    const ether = { ...link, link_type: 'ether', address: '02:00:00:00:09:01' };
    demo.edit<object[]>('nodes/node-1/addr.json', (links) => [...links, { ...ether, addr_info: [] }]);
    const linkinfo = { info_kind: 'vxlan', info_data: { external: true, port: 4789 } };
    demo.edit<object[]>('nodes/node-1/link.json', (links) => [...links, { ...ether, linkinfo }]);
    expect(asked()).toEqual(['routes-unknown', 'routes-unknown']);
    expect(reasonOf({ ...toWeb2, dst: WEB_2.ip })).toMatch(/asks for tun_id/);
  });
});

test('without addr.json no interface without a name is spoken of', () => {
  demo.without('nodes/node-2/addr.json');
  const said = reasonOf({ ...toWeb2, dst: WEB_2.ip });
  expect(said).toMatch(/addr\.json was not read/);
  expect(said).not.toMatch(/interface {2}is/);
});
