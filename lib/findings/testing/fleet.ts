/** Captured nodes whose kube-proxy saw an earlier state of the cluster, or none, or was overwritten. */
import { buildCluster } from '../../cluster/build-cluster';
import type { Cluster } from '../../cluster/cluster';
import { networkExpression, networkOf } from '../../expected/addresses';
import { type ClusterObjects, expectedTable } from '../../expected/expected-table';
import { releaseOf } from '../../expected/release';
import { source } from '../../expected/statements';
import { failed, ok, type Result } from '../../net/result';
import type { Ruleset, Table } from '../../nft/model';
import { buildParts, buildWorld } from '../../world/build-world';
import type { Failure, FileReading } from '../../world/capture-files';
import { decodeAsked } from '../asked';
import { Context, type NodeInput } from '../context';

/** Items as `kubectl get -o json` has them. */
export interface Objects {
  readonly services?: readonly object[];
  readonly slices?: readonly object[];
  readonly pods?: readonly object[];
  readonly nodes?: readonly object[];
}

export interface TestNode {
  readonly name: string;
  /** What kube-proxy has seen, where it is not what is there now; null: it wrote nothing. */
  readonly seen?: Objects | null;
  readonly version?: string;
  /** As kube-proxy knows it from its Node object. */
  readonly zone?: string;
  readonly edit?: (table: Table) => Table;
  readonly more?: readonly Table[];
  readonly files?: Readonly<Record<string, string | Failure>>;
  readonly versions?: { readonly nft?: string; readonly kernel?: string };
}

const ADDRESSES: Readonly<Record<string, string>> = {
  'node-1': '10.240.0.11',
  'node-2': '10.240.0.12',
  'node-3': '10.240.0.13',
};

export const nodeObject = (name: string, labels: object = {}): object => ({
  metadata: { name, labels },
  spec: { podCIDRs: [`10.244.${name.slice(5)}.0/24`] },
  status: { addresses: [{ type: 'InternalIP', address: ADDRESSES[name] ?? '10.240.0.99' }] },
});

function clusterOf({ services = [], slices = [], pods = [], nodes = [] }: Objects): Cluster {
  const objects = { 'services.json': services, 'endpointslices.json': slices, 'pods.json': pods, 'nodes.json': nodes };
  const files = Object.entries(objects).map(
    ([name, items]) => [name, { kind: 'read', content: JSON.stringify({ items }) }] as const,
  );
  const built = buildCluster(new Map(files));
  for (const [name, problem] of built.problems) throw new Error(`${name}: ${problem.say}`);
  return built.cluster;
}

/** node-1 alone where none is given. */
export function fleet(
  now: Objects,
  nodes: readonly TestNode[] = [{ name: 'node-1' }],
  ask?: { readonly [key: string]: unknown },
): Context {
  const cluster = clusterOf({ nodes: nodes.map(({ name }) => nodeObject(name)), ...now });
  const inputs = nodes.map((node) => inputOf(node, now));
  return new Context({ cluster, nodes: inputs }, ask && ((network) => decodeAsked(ask, network)));
}

function inputOf(node: TestNode, now: Objects): NodeInput {
  const { name, version = 'v1.36.2', files: given = {}, more = [] } = node;
  const read = Object.entries(given).map(([file, content]): readonly [string, FileReading] => [
    file,
    typeof content === 'string' ? { kind: 'read', content } : { kind: 'failed', failure: content },
  ]);
  const { parts, problems } = buildParts(new Map(read));
  const ruleset = rulesetOf(node, now, version, more);
  const known = ruleset.ok ? ({ known: true, value: ruleset.value } as const) : ({ known: false, why: 'no' } as const);
  const encoder = new TextEncoder();
  const files = read.map(([file, one]): readonly [string, FileReading<Uint8Array>] => [
    file,
    one.kind === 'read' ? { kind: 'read', content: encoder.encode(one.content) } : one,
  ]);
  const versions = { nft: node.versions?.nft, kernel: node.versions?.kernel, kubeProxy: version };
  return { name, ruleset, world: buildWorld(parts, known), versions, files: new Map(files), problems };
}

function rulesetOf(node: TestNode, now: Objects, version: string, more: readonly Table[]): Result<Ruleset> {
  const listing = node.files?.['nft.json'];
  if (typeof listing === 'object') return failed({ code: 'SRC-012', say: 'not read', do: 'read it again' });
  const { seen = now, edit = (table) => table } = node;
  const tables = seen === null ? [] : [edit(proxyTable(node, clusterOf(seen), version))];
  return ok({
    nftVersion: '1.0.6',
    releaseName: undefined,
    unsupported: [],
    omissions: [],
    tables: [...tables, ...more],
  });
}

/** As kube-proxy of the version writes it, for pods in 10.244.0.0/16 and Services in 10.96.0.0/12. */
function proxyTable({ name, zone }: TestNode, { services, endpointSlices }: Cluster, version: string): Table {
  const release = releaseOf(version);
  const range = networkOf('10.96.0.0/12', 'ip');
  if (release === undefined || range === undefined || !services.known || !endpointSlices.known)
    throw new Error(version);
  const objects: ClusterObjects = { services: services.value, endpointSlices: endpointSlices.value };
  const address = ADDRESSES[name];
  return expectedTable(
    'ip',
    objects,
    { name, zone, address },
    {
      release,
      mark: 0x4000,
      masqueradeAll: false,
      localTraffic: { left: source('ip'), right: { kind: 'prefix', addr: '10.244.0.0', len: 16 } },
      nodePortAddresses: address === undefined ? [] : [address],
      unallocated: networkExpression(range, 'ip'),
    },
  );
}

export const service = (name: string, spec: object = {}, status: object = {}): object => ({
  metadata: { namespace: 'shop', name },
  spec: {
    clusterIP: '10.96.0.10',
    selector: { app: name },
    ports: [{ name: 'http', port: 80, targetPort: 8080 }],
    ...spec,
  },
  status,
});

/** A slice of a Service; `10.244.2.5` is on node-2. */
export const slice = (
  of: string,
  endpoints: readonly (string | object)[],
  ports: readonly object[] = [{ name: 'http', port: 8080 }],
): object => ({
  metadata: { namespace: 'shop', name: `${of}-x`, labels: { 'kubernetes.io/service-name': of } },
  addressType: 'IPv4',
  ports,
  endpoints: endpoints.map((one) => (typeof one === 'string' ? endpoint(one) : one)),
});

export const endpoint = (address: string, conditions: object = {}): object => ({
  addresses: [address],
  nodeName: `node-${address.split('.')[2]}`,
  conditions,
});

export const pod = (name: string, address: string, phase = 'Running'): object => ({
  metadata: { namespace: 'shop', name, labels: { app: 'web' } },
  spec: { nodeName: `node-${address.split('.')[2]}`, containers: [] },
  status: { phase, podIP: address, podIPs: [{ ip: address }] },
});

/** `code services @nodes`, for comparing. */
export const lines = (
  findings: readonly {
    readonly code: string;
    readonly services: readonly string[];
    readonly nodes: readonly string[];
  }[],
): readonly string[] =>
  findings.map(({ code, services, nodes }) =>
    [code, services.join(), nodes.length === 0 ? '' : `@${nodes.join()}`].filter((part) => part !== '').join(' '),
  );
