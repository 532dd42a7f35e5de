import { describe, expect, test } from 'vitest';
import { nodeFiles } from '../conflicts/testing/node-world';
import { verdictSentence } from '../explain/verdict-sentence';
import { addressNames } from './address-names';
import { listingOf, service, slice } from './testing/kube-proxy-node';
import { testNode } from './testing/node';
import { tracePacket } from './trace-answer';

const BALANCED = {
  type: 'LoadBalancer',
  ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
  loadBalancerSourceRanges: ['198.51.100.0/26'],
};
const OBJECTS = {
  services: [service(BALANCED, { loadBalancer: { ingress: [{ ip: '203.0.113.12', ipMode: 'VIP' }] } })],
  slices: [slice(['10.244.1.3'])],
};
const payload = (field: string) => ({ payload: { protocol: field === 'dport' ? 'tcp' : 'ip', field } });
const match = (field: string, op: string, right: unknown) => ({ match: { op, left: payload(field), right } });

/** What becomes of a packet to the balancer's address, with a rule of somebody's before kube-proxy's own of a chain. */
function sentence(saddr: string, more?: { readonly chain: string; readonly expr: readonly object[] }, dport = 80) {
  const { nftables } = listingOf(OBJECTS);
  const chains = nftables.flatMap(({ chain }) => (chain as { name: string } | undefined)?.name ?? []);
  const chain = chains.find((name) => more !== undefined && new RegExp(`^${more.chain}`).test(name));
  const rule = { rule: { family: 'ip', table: 'kube-proxy', chain, handle: 999, expr: more?.expr } };
  const at = nftables.findIndex((entry) => 'rule' in entry);
  const listing = chain === undefined ? nftables : nftables.toSpliced(at, 0, rule);
  const node = testNode(nodeFiles([], { files: { 'nft.json': JSON.stringify({ nftables: listing }) } }), {
    'services.json': { items: OBJECTS.services },
    'endpointslices.json': { items: OBJECTS.slices },
  });
  const daddr = more?.chain === 'cluster-ips-check' ? '10.96.0.10' : '203.0.113.12';
  const packet = { iif: 'eth0', family: 'ip' as const, saddr, daddr, protocol: 'tcp', sport: 40000, dport };
  const traced = tracePacket(node, { packet });
  if (!traced.ok) throw new Error(traced.problem.say);
  return verdictSentence(traced.value.trace, addressNames(node));
}

describe('what a drop in a firewall chain means', () => {
  test("kube-proxy's own rule: the source is in no range", () =>
    expect(sentence('198.51.100.77')).toBe(
      '198.51.100.77 is not in the source ranges of shop/web, so node-1 drops the packet.',
    ));
  // 198.51.100.10 is in 198.51.100.0/26.
  describe.each(['firewall-check', 'firewall-[A-Z0-9]{8}-'])('in %s', (chain) =>
    test.each([
      { name: '==', expr: [match('saddr', '==', '198.51.100.10'), { drop: null }] },
      { name: '!=', expr: [match('saddr', '!=', '192.0.2.1'), { drop: null }] },
      { name: 'a port', expr: [match('dport', '==', 80), { drop: null }] },
      { name: 'two', expr: [match('saddr', '!=', '192.0.2.1'), match('dport', '==', 80), { drop: null }] },
    ])("somebody else's rule is named: $name", ({ expr }) =>
      expect(sentence('198.51.100.10', { chain, expr })).toMatch(
        /^Dropped by ip kube-proxy firewall-\S+ #999 in prerouting\.$/,
      ),
    ),
  );
});

test("somebody else's rule in cluster-ips-check says nothing of a port that the Service lacks", () => {
  const expr = [match('dport', '==', 81), { drop: null }];
  expect(sentence('10.244.1.9', { chain: 'cluster-ips-check', expr }, 81)).toMatch(
    /^Dropped by ip kube-proxy cluster-ips-check #999/,
  );
  expect(sentence('10.244.1.9', { chain: 'cluster-ips-check', expr }, 82)).toContain('shop/web has no port 82/tcp');
});
