/**
 * A cluster of simulated nodes in a process of its own: a fake API server with the objects of a capture, and an agent for each
 * node that serves one of a few rulesets. Prints its address as JSON and runs until its input ends.
 *
 *   node --conditions=react-server --import tsx bench/cluster-peers.ts BUNDLE NODES RULESETS
 */
import { openPath } from '../server/sources/open-source';
import { DEFAULT_LIMITS, type RawFiles } from '../server/sources/source';
import { FakeApiServer } from '../tests/kube/fake-api-server';
import type { KubeObject } from '../tests/kube/object-store';
import { RecordedAgent } from '../tests/kube/recorded-agent';
import { agentPod, TOKEN } from '../tests/kube/start-shop';

const [bundle = '', nodes = '1000', rulesets = '20'] = process.argv.slice(2);
const { signal } = new AbortController();
const must = <T>(result: { readonly ok: true; readonly value: T } | { readonly ok: false }): T => {
  if (!result.ok) throw new Error('the bundle cannot be read');
  return result.value;
};
const text = (files: RawFiles, name: string): string => {
  const one = files.get(name);
  return one?.kind === 'read' ? new TextDecoder().decode(one.content) : '';
};
const bytes = (words: string) => ({ kind: 'read', content: Buffer.from(words) }) as const;

const source = must(await openPath(bundle, DEFAULT_LIMITS));
const [entry] = must(await source.nodes(signal));
const listing = text(must(await source.node(entry?.name ?? '', signal)).files, 'nft.json');
const cluster = must(await source.cluster(signal)).files;
// Endpoints that are there on some nodes and not on others: rulesets that are really different.
const address = /"10\.\d+\.\d+\.\d+"/.exec(listing.slice(listing.length / 2))?.[0] ?? '""';
const listings = Array.from({ length: Number(rulesets) }, (_, i) =>
  Buffer.from(i === 0 ? listing : listing.replaceAll(address, `"10.250.0.${i}"`)),
);

const api = await new FakeApiServer({ bookmarkMs: 10_000 }).start();
for (const resource of ['services', 'endpointslices']) {
  const items = JSON.parse(text(cluster, `${resource}.json`) || '{"items": []}') as { items: KubeObject[] };
  for (const object of items.items) api.store.set(resource, object);
}
for (let i = 0; i < Number(nodes); i++) {
  const name = `node-${String(i).padStart(4, '0')}`;
  const own = `10.240.${i >> 8}.${i & 255}`;
  const addr = [
    {
      ifindex: 2,
      ifname: 'eth0',
      link_type: 'ether',
      flags: ['UP'],
      mtu: 1500,
      operstate: 'UP',
      group: 'default',
      address: '02:00:00:00:00:01',
      addr_info: [{ family: 'inet', local: own, prefixlen: 16, scope: 'global' }],
    },
  ];
  const route = [{ dst: 'default', gateway: '10.240.0.1', dev: 'eth0', flags: [] }];
  const files = new Map([
    ['nft.json', { kind: 'read', content: listings[i % listings.length] ?? Buffer.alloc(0) } as const],
    ['addr.json', bytes(JSON.stringify(addr))],
    ['route4.json', bytes(JSON.stringify(route))],
    ['conntrack.txt', bytes('')],
    ['sysctl.txt', bytes('net.ipv4.ip_forward = 1\n')],
    ['versions.json', bytes(JSON.stringify({ nft: '1.0.6', kernel: '6.18.5' }))],
  ]);
  const agent = await new RecordedAgent(name, files, TOKEN).start();
  api.store.set('nodes', { metadata: { name }, status: { addresses: [{ type: 'InternalIP', address: own }] } });
  api.store.set('pods', agentPod(name, agent.port));
  api.proxied.set(`nftscope/agent-${name}:${agent.port}`, agent.url);
}
process.stdout.write(`${JSON.stringify({ url: api.url, token: TOKEN, listingBytes: listing.length })}\n`);
process.stdin.on('end', () => process.exit(0)).resume();
