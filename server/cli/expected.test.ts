import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { encodeListing } from '@/lib/expected/encode-listing';
import { expectedOfNode } from '@/lib/expected/expected-of-node';
import { canonicalListing, differingPlaces } from '@/lib/expected/testing/canonical-listing';
import { describeShared } from '@/tests/shared';
import { openPath } from '../sources/open-source';
import { DEFAULT_LIMITS } from '../sources/source';
import { nodeNames, othersFor, readCluster, readNode } from './captured-nodes';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Members of the node's own listing that are in kube-proxy's tables. */
function kubeProxyMembers(listing: {
  readonly nftables: readonly Record<string, { table?: string; name?: string }>[];
}) {
  return {
    nftables: listing.nftables.filter((member) => {
      const [kind = '', body] = Object.entries(member)[0] ?? [];
      return (kind === 'table' ? body?.name : body?.table) === 'kube-proxy';
    }),
  };
}

/** Differences between what nft listed on the node and what is expected of it; affinity sets' contents aside. */
async function differences(path: string, name: string): Promise<readonly string[]> {
  const opened = openPath(path, { ...DEFAULT_LIMITS, unpackedBytes: 1e9 });
  const source = await opened;
  if (!source.ok) throw new Error(source.problem.say);
  const capture = await source.value.node(name, new AbortController().signal);
  const [node, cluster] = [await readNode(source.value, name), await readCluster(source.value)];
  if (!capture.ok || !node.ok) throw new Error(`${name} cannot be read`);
  const expected = expectedOfNode(node.value, cluster, await othersFor(node.value, source.value));
  if (!expected.ok) throw new Error(expected.problem.say);
  const listing = capture.value.files.get('nft.json');
  if (listing?.kind !== 'read') throw new Error('no listing');
  const theirs = canonicalListing(kubeProxyMembers(JSON.parse(new TextDecoder().decode(listing.content))));
  const ours = canonicalListing(encodeListing(expected.value.map((family) => family.expected)));
  expect(theirs.size).toBeGreaterThan(100);
  return differingPlaces(ours, theirs, new Set());
}

describe('the demo capture', () => {
  test.each(['node-1', 'node-2', 'node-3'])('%s: what is expected is what is there', async (name) => {
    expect(await differences(join(root, 'public/demo/shop-3node.tar.gz'), name)).toEqual([]);
  });
});

describeShared('captures', (shared) => {
  const captures = join(shared, 'captures');
  const nodes = readdirSync(captures)
    .filter((name) => /^shop-(3node|kube-proxy-)/.test(name))
    .flatMap((name) => readdirSync(join(captures, name, 'nodes')).map((node) => [name, node] as const));

  test('all nodes in nftables mode', () => expect(nodes.length).toBe(6));
  test.each(nodes)('%s %s: what is expected is what is there', async (capture, node) => {
    expect(await differences(join(captures, capture), node)).toEqual([]);
  });

  test('1,000 Services', { timeout: 60_000 }, async () => {
    const path = join(captures, 'scale-1k.tar.gz');
    const source = await openPath(path, { ...DEFAULT_LIMITS, unpackedBytes: 1e9 });
    const [name = ''] = source.ok ? await nodeNames(source.value) : [];
    expect(await differences(path, name)).toEqual([]);
  });
});
