/** One node of the demo cluster is changed in what differs between its nodes by nature: it must not look like the others. */
import { beforeAll, describe, expect, test } from 'vitest';
import { NodesDesk } from '@/lib/api/nodes-desk';
import { type BuiltCluster, buildCluster } from '@/lib/cluster/build-cluster';
import { lastStep } from '@/lib/net/last-step';
import { type ShopCluster, shopCluster } from '../../tests/kube/shop-cluster';
import type { RawFiles } from '../sources/source';

type Json = Record<string, unknown>;
interface Item extends Json {
  readonly name?: string;
  readonly chain?: string;
  expr?: Json[];
  elem?: unknown[];
}
/** What `nft -j` printed, to be changed in place. */
class Listing {
  readonly all: Record<string, Item>[];
  constructor(text: string) {
    this.all = (JSON.parse(text) as { nftables: Record<string, Item>[] }).nftables;
  }
  of(kind: string, wanted: (item: Item) => boolean): Item[] {
    return this.all.flatMap((one) => {
      const item = one[kind];
      return item !== undefined && item.table === 'kube-proxy' && item.family === 'ip' && wanted(item) ? [item] : [];
    });
  }
  elements(name: string): unknown[] {
    const [found] = [...this.of('map', (one) => one.name === name), ...this.of('set', (one) => one.name === name)];
    if (found?.elem === undefined) throw new Error(`no elements in ${name}`);
    return found.elem;
  }
  rules(wanted: (chain: string, text: string) => boolean): Item[] {
    const found = this.of('rule', (one) => wanted(one.chain ?? '', JSON.stringify(one.expr)));
    if (found.length === 0) throw new Error('no such rule');
    return found;
  }
  remove(rules: readonly Item[]): void {
    for (const rule of rules) {
      const at = this.all.findIndex((one) => one.rule === rule);
      this.all.splice(at, 1);
    }
  }
  before(rule: Item, expr: Json[]): void {
    const at = this.all.findIndex((one) => one.rule === rule);
    this.all.splice(at, 0, { rule: { ...rule, handle: 99_999, expr } });
  }
  /** A table with a set of clients that packets of are dropped, as tools that ban write it. */
  ban(elements: readonly unknown[]): void {
    const of = { family: 'inet', table: 'guard' };
    const match = { op: '==', left: { payload: { protocol: 'ip', field: 'saddr' } }, right: '@block' };
    this.all.push(
      { table: { family: 'inet', name: 'guard', handle: 900 } },
      { set: { ...of, name: 'block', type: 'ipv4_addr', handle: 901, flags: ['timeout'], elem: [...elements] } },
      { chain: { ...of, name: 'in', handle: 902, type: 'filter', hook: 'prerouting', prio: -300, policy: 'accept' } },
      { rule: { ...of, chain: 'in', handle: 903, expr: [{ match }, { drop: null }] } } as Record<string, Item>,
    );
  }
}
const first = <T>([one]: readonly T[]): T => {
  if (one === undefined) throw new Error('none');
  return one;
};
const leadsToLocal = (one: unknown) => JSON.stringify(one).includes('local-');
const SADDR = { match: { op: '==', left: { payload: { protocol: 'ip', field: 'saddr' } }, right: '1.2.3.4' } };

let shop: ShopCluster;
let cluster: BuiltCluster;
beforeAll(async () => {
  shop = await shopCluster();
  const files = [...shop.objects].map(([name, items]) => [`${name}.json`, JSON.stringify({ items })] as const);
  cluster = buildCluster(new Map(files.map(([name, content]) => [name, { kind: 'read', content }])));
});

/** @param everywhere on all nodes, `change` on node-2 alone; says the groups, and the differences to what is expected */
function looked(change: (listing: Listing) => void, everywhere: (listing: Listing) => void = () => undefined) {
  const desk = new NodesDesk();
  desk.setCluster(cluster);
  const drifts = new Map<string, number>();
  for (const [node, files] of shop.nodes) {
    const read = files.get('nft.json');
    const listing = new Listing(read?.kind === 'read' ? new TextDecoder().decode(read.content) : '');
    everywhere(listing);
    if (node === 'node-2') change(listing);
    const content = Buffer.from(JSON.stringify({ nftables: listing.all }));
    const others = [...files].filter(([name]) => name !== 'nft.txt' && name !== 'nft.json');
    const all: RawFiles = new Map([...others, ['nft.json', { kind: 'read', content }]]);
    const one = { node, files: all, listing: `${node} ${content}` };
    desk.fleet(one);
    const { drift } = desk.drift(one);
    drifts.set(node, drift.ok ? drift.value.flatMap(({ differences }) => differences).length : Number.NaN);
  }
  const groups = lastStep(desk.groups([...shop.nodes.keys()]));
  return { groups: groups.map(({ nodes }) => nodes), told: groups[1]?.differences ?? [], drifts: [...drifts.values()] };
}

describe('equal nodes', () => {
  test.each<{ name: string; change: (listing: Listing) => void }>([
    { name: 'nothing', change: () => undefined },
    {
      name: 'handles',
      change: ({ all }) => {
        for (const one of all)
          for (const item of Object.values(one)) if (typeof item.handle === 'number') item.handle += 1000;
      },
    },
    {
      name: 'clients that are remembered',
      change: (listing) => {
        for (const set of listing.of('set', ({ name = '' }) => name.startsWith('affinity-')))
          set.elem = [{ elem: { val: '10.9.9.9', timeout: 10_800, expires: 100 } }];
      },
    },
  ])('$name', ({ change }) => {
    const { groups, drifts } = looked(change);
    expect(groups).toEqual([['node-1', 'node-2', 'node-3']]);
    expect(drifts).toEqual([0, 0, 0]);
  });

  test('clients that are banned for a time', () => {
    const timed = { elem: { val: '198.51.100.10', timeout: 600, expires: 60 } };
    const change = (listing: Listing) => {
      first(listing.all.flatMap(({ set }) => (set?.name === 'block' ? [set] : []))).elem = [timed];
    };
    expect(looked(change, (listing) => listing.ban([])).groups).toHaveLength(1);
  });
});

describe('an odd node', () => {
  test.each<{ name: string; at: string; change: (listing: Listing) => void }>([
    {
      name: 'the table is dormant',
      at: '',
      change: ({ all }) => {
        // nft 1.0.6 does not say which flag it is.
        Object.assign(all[0]?.metainfo ?? {}, { version: '1.1.7' });
        first(
          all.flatMap(({ table }) => (table?.name === 'kube-proxy' && table.family === 'ip' ? [table] : [])),
        ).flags = ['dormant'];
      },
    },
    {
      name: 'elements that lead to endpoints of the node are deleted',
      at: 'service-ips',
      change: (listing) => {
        const elements = listing.elements('service-ips');
        elements.splice(0, elements.length, ...elements.filter((one) => !leadsToLocal(one)));
      },
    },
    {
      name: 'a condition in a chain of endpoints of the node',
      at: 'local-',
      change: (listing) => first(listing.rules((chain) => chain.startsWith('local-'))).expr?.unshift(SADDR),
    },
    {
      name: 'what leads to the endpoints of the node is deleted',
      at: 'external-',
      change: (listing) =>
        listing.remove(listing.rules((chain, text) => chain.startsWith('external-') && text.includes('local-'))),
    },
    {
      name: 'a rule put first for an endpoint',
      at: 'endpoint-',
      change: (listing) => {
        // Of a Service that is served by endpoints of the node alone.
        const local = listing.rules((chain) => chain.startsWith('local-'))[0]?.chain ?? '';
        const service = local.slice('local-'.length).replace(/^[A-Z0-9]+-/, '');
        const [rule] = listing.rules((chain) => chain.startsWith('endpoint-') && chain.includes(service));
        if (rule !== undefined) listing.before(rule, [{ drop: null }]);
      },
    },
    {
      name: 'what a pod asks itself for is not recognised any more',
      at: 'hairpin-connections',
      change: (listing) => void listing.elements('hairpin-connections').splice(0),
    },
  ])('$name', ({ at, change }) => {
    const { groups, told, drifts } = looked(change);
    expect(groups).toEqual([['node-1', 'node-3'], ['node-2']]);
    expect(told.some(({ name, kind }) => (at === '' ? kind === 'table' : name.startsWith(at)))).toBe(true);
    expect(drifts.map((count) => count > 0)).toEqual([false, true, false]);
  });

  test('a table with a flag that nft 1.0.6 does not name: what it is, is not known', () => {
    const change = ({ all }: Listing) => {
      Object.assign(all[0]?.metainfo ?? {}, { version: '1.0.6' });
      first(all.flatMap(({ table }) => (table?.name === 'kube-proxy' && table.family === 'ip' ? [table] : []))).flags =
        'kube-proxy';
    };
    const { groups, told, drifts } = looked(change);
    expect(groups).toEqual([['node-1', 'node-3'], ['node-2']]);
    expect(told).toMatchObject([{ kind: 'table', table: 'ip kube-proxy', say: expect.stringContaining('not known') }]);
    expect(drifts).toEqual([0, Number.NaN, 0]);
  });

  test('a client that is banned for ever', () => {
    const change = (listing: Listing) => {
      first(listing.all.flatMap(({ set }) => (set?.name === 'block' ? [set] : []))).elem = ['198.51.100.10'];
    };
    const { groups, told } = looked(change, (listing) => listing.ban([]));
    expect(groups).toEqual([['node-1', 'node-3'], ['node-2']]);
    expect(told).toMatchObject([{ name: 'block', say: 'set block: 1 element more' }]);
  });
});
