/** A node whose kube-proxy has seen the given objects; what the cluster has by now may be something else. */
import { decodeEndpointSlices, decodeServices } from '../../cluster/decode-objects';
import { encodeListing } from '../../expected/encode-listing';
import { expectedTable } from '../../expected/expected-table';
import { releaseOf } from '../../expected/release';
import { source } from '../../expected/statements';
import { type OpenNode, openNode } from '../open-node';

export interface Objects {
  readonly services: readonly object[];
  readonly slices: readonly object[];
}

export const service = (spec: object = {}, status: object = {}) => ({
  metadata: { namespace: 'shop', name: 'web' },
  spec: { clusterIP: '10.96.0.10', clusterIPs: ['10.96.0.10'], ports: [{ name: 'http', port: 80 }], ...spec },
  status,
});

/** Endpoints of shop/web; those ending in an odd number are on node-1, the others on node-2. */
export const slice = (addresses: readonly string[], more: object = {}) => ({
  metadata: { namespace: 'shop', name: 'web-x', labels: { 'kubernetes.io/service-name': 'web' } },
  addressType: 'IPv4',
  ports: [{ name: 'http', port: 8080 }],
  endpoints: addresses.map((address) => ({
    addresses: [address],
    nodeName: Number(address.split('.')[3]) % 2 === 1 ? 'node-1' : 'node-2',
    ...more,
  })),
});

const NODES = ['node-1', 'node-2'].map((name, index) => ({
  metadata: { name, labels: {} },
  status: { addresses: [{ type: 'InternalIP', address: `10.240.0.${11 + index}` }] },
}));

/** The listing that kube-proxy 1.36 writes for these objects on node-1, as objects of libnftables-json(5). */
export function listingOf({ services, slices }: Objects): { readonly nftables: readonly Record<string, unknown>[] } {
  const [decoded, decodedSlices] = [decodeServices({ items: services }), decodeEndpointSlices({ items: slices })];
  const release = releaseOf('v1.36.2');
  if (!decoded.ok || !decodedSlices.ok || release === undefined) throw new Error('not decoded');
  const table = expectedTable(
    'ip',
    { services: decoded.value, endpointSlices: decodedSlices.value },
    { name: 'node-1', zone: undefined, address: '10.240.0.11' },
    {
      release,
      mark: 0x4000,
      masqueradeAll: false,
      localTraffic: { left: source('ip'), right: { kind: 'prefix', addr: '10.244.0.0', len: 16 } },
      nodePortAddresses: ['10.240.0.11'],
      unallocated: undefined,
    },
  );
  const { nftables } = encodeListing([table]) as { nftables: Record<string, object>[] };
  // A kernel numbers what it holds; what is computed has no numbers.
  return {
    nftables: nftables.map((entry, at) =>
      Object.fromEntries(
        Object.entries(entry).map(([kind, body]) => [kind, kind === 'metainfo' ? body : { ...body, handle: at }]),
      ),
    ),
  };
}

export function kubeProxyNode(listing: object, cluster: Objects): OpenNode {
  const files = (all: Readonly<Record<string, unknown>>) =>
    new Map(
      Object.entries(all).map(([name, json]) => [
        name,
        { kind: 'read', content: new TextEncoder().encode(JSON.stringify(json)) } as const,
      ]),
    );
  return openNode({
    node: 'node-1',
    files: files({ 'nft.json': listing }),
    cluster: files({
      'services.json': { items: cluster.services },
      'endpointslices.json': { items: cluster.slices },
      'nodes.json': { items: NODES },
    }),
    capturedAt: undefined,
    version: 'v1',
  });
}
