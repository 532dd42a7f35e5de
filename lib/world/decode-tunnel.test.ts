import { expect, test } from 'vitest';
import { parseAddress } from '../net/address';
import { decodeLinks } from './decode-links';

const value = (text: string) => parseAddress(text)?.value;
function tunnelOf(linkinfo: object | undefined, link_type = 'ether') {
  const link = { ifindex: 2, ifname: 't', flags: ['UP'], mtu: 1450, link_type };
  const links = decodeLinks([{ ...link, addr_info: [] }], linkinfo === undefined ? undefined : [{ ...link, linkinfo }]);
  if (!links.ok) throw new Error(links.problem.say);
  return links.value[0]?.tunnel;
}
/** As iproute2 6.1 prints it. */
const vxlan = (data: object) => ({
  info_kind: 'vxlan',
  info_data: { ttl: 0, df: 'unset', ageing: 300, udp_csum: true, port_range: { low: 0, high: 0 }, ...data },
});

test.each([
  [
    'VXLAN with an end',
    vxlan({ id: 2, remote: '10.0.0.2', port: 4789, learning: true }),
    { kind: 'vxlan', remote: value('10.0.0.2'), port: 4789, id: 2, byNexthop: false, external: false },
  ],
  [
    'VXLAN over IPv6',
    vxlan({ id: 6, local6: 'fd00::1', port: 8472, learning: true }),
    { kind: 'vxlan', local: value('fd00::1'), port: 8472, id: 6, byNexthop: false, external: false },
  ],
  [
    'VXLAN whose ends programs give',
    vxlan({ external: true, id: 0, port: 4790, learning: false }),
    { kind: 'vxlan', port: 4790, id: 0, byNexthop: false, external: true },
  ],
  [
    'IPIP to any',
    { info_kind: 'ipip', info_data: { proto: 'ipip', remote: 'any', local: '10.0.0.1' } },
    { kind: 'ipip', protocol: 'inner', local: value('10.0.0.1'), byNexthop: true, external: false },
  ],
  ['a pair of veth', { info_kind: 'veth' }, undefined],
])('%s', (_, linkinfo, tunnel) => {
  expect(tunnelOf(linkinfo)).toEqual(tunnel);
});

test('without link.json the type of the link tells some kinds', () => {
  expect(tunnelOf(undefined, 'ipip')).toMatchObject({ kind: 'ipip', byNexthop: true });
  expect(tunnelOf(undefined)).toBeUndefined();
});
