import { expect, test } from 'vitest';
import { ruleDetail, rulesetPage } from './ruleset-page';
import { kubeProxyNode, listingOf, service, slice } from './testing/kube-proxy-node';
import { testNode } from './testing/node';

const OBJECTS = { services: [service()], slices: [slice(['10.244.1.3', '10.244.2.4'])] };
const WEB = { namespace: 'shop', name: 'web', protocol: 'tcp', port: 'http' };

test('a chain is for its Service, a rule for the endpoints that it leads to', () => {
  const node = kubeProxyNode(listingOf(OBJECTS), OBJECTS);
  if (!node.ruleset.ok) throw new Error(node.ruleset.problem.say);
  const page = rulesetPage(node, node.ruleset.value, { table: 'ip kube-proxy', offset: 0, limit: 2000 });
  if (!page.ok) throw new Error(page.problem.say);
  const chain = page.value.chains.find(({ name }) => /^service-.*\//.test(name));
  expect(chain?.writtenFor).toEqual({ services: [WEB], endpoints: [] });
  expect(page.value.chains.find(({ name }) => name === 'services')?.writtenFor.services).toEqual([]);
  const [rule] = chain?.rules ?? [];
  const { chain: name = '', handle = 0 } = rule?.at ?? {};
  const detail = ruleDetail(node, node.ruleset.value, { table: 'ip kube-proxy', chain: name, handle });
  expect(detail.ok ? detail.value.writtenFor : detail.problem).toEqual({
    services: [WEB],
    endpoints: ['10.244.1.3:8080', '10.244.2.4:8080'],
  });
});

test('in a table of several writers each chain and rule has its own', () => {
  const at = { family: 'ip', table: 'filter' };
  const base = (name: string, hook: string, handle: number) => ({
    chain: { ...at, name, handle, type: 'filter', hook, prio: 0, policy: 'accept' },
  });
  const listing = {
    nftables: [
      { metainfo: { version: '1.0.6', json_schema_version: 1 } },
      { table: { family: 'ip', name: 'filter', handle: 1 } },
      base('FORWARD', 'forward', 2),
      { chain: { ...at, name: 'KUBE-SERVICES', handle: 3 } },
      { chain: { ...at, name: 'DOCKER-USER', handle: 4 } },
      { chain: { ...at, name: 'KUBE-FIREWALL', handle: 5 } },
      { rule: { ...at, chain: 'FORWARD', handle: 9, expr: [{ jump: { target: 'DOCKER-USER' } }] } },
    ],
  };
  const node = testNode({ 'nft.json': JSON.stringify(listing) });
  if (!node.ruleset.ok) throw new Error(node.ruleset.problem.say);
  const page = rulesetPage(node, node.ruleset.value, { table: 'ip filter', offset: 0, limit: 2000 });
  expect(page.ok ? page.value.chains.map(({ name, owner }) => [name, owner.name]) : page.problem).toEqual([
    ['FORWARD', 'iptables-nft'],
    ['KUBE-SERVICES', 'kube-proxy'],
    ['DOCKER-USER', 'docker'],
    ['KUBE-FIREWALL', 'kubelet'],
  ]);
  const detail = ruleDetail(node, node.ruleset.value, { table: 'ip filter', chain: 'FORWARD', handle: 9 });
  expect(detail.ok ? detail.value.owner.name : detail.problem).toBe('docker');
});
