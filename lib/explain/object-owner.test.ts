import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { describeShared } from '../../tests/shared';
import { buildCluster } from '../cluster/build-cluster';
import { decodeBytes } from '../decode/decode-bytes';
import { decodeRuleset } from '../decode/decode-ruleset';
import type { Chain, Ruleset, Table } from '../nft/model';
import { iptablesNames } from './iptables-names';
import { endpointText, parseKubeProxyName, servicePortText } from './kube-proxy-name';
import { type ObjectOwner, ownerText, TableOwners } from './object-owner';

// What objects of Kubernetes say, read here as plain JSON: the names in the table are what is tested.
interface ServiceJson {
  readonly metadata: { readonly namespace: string; readonly name: string };
  readonly spec: {
    readonly clusterIP?: string;
    readonly clusterIPs?: readonly string[];
    readonly ports?: readonly { name?: string; protocol?: string; port: number; nodePort?: number }[];
  };
}
interface SliceJson {
  readonly metadata: { readonly namespace: string; readonly labels?: Record<string, string> };
  readonly endpoints?: readonly { readonly addresses: readonly string[] }[] | null;
  readonly ports?: readonly { name?: string; protocol?: string; port?: number }[] | null;
}

interface Truth {
  /** Every Service port. */
  readonly ports: ReadonlySet<string>;
  /** Service ports by `ADDRESS PROTOCOL PORT` of their ClusterIP, by ClusterIP alone, and by `PROTOCOL NODEPORT`. */
  readonly at: ReadonlyMap<string, readonly string[]>;
  /** Endpoints of each Service port. */
  readonly endpoints: ReadonlyMap<string, ReadonlySet<string>>;
}

const plain = (ip: string) => ip.replace(/(^|\.)0+(?=\d)/g, '$1');

function truthOf(services: readonly ServiceJson[], slices: readonly SliceJson[]): Truth {
  const at = new Map<string, string[]>();
  const put = (key: string, port: string) => at.set(key, [...(at.get(key) ?? []), port].toSorted());
  const ports = new Set<string>();
  for (const { metadata, spec } of services) {
    for (const { name, protocol = 'TCP', port, nodePort } of spec.ports ?? []) {
      const proto = protocol.toLowerCase();
      const text = `${metadata.namespace}/${metadata.name}${name ? `:${name}` : ''}/${proto}`;
      ports.add(text);
      for (const ip of spec.clusterIPs ?? (spec.clusterIP === undefined ? [] : [spec.clusterIP])) {
        put(plain(ip), text);
        put(`${plain(ip)} ${proto} ${port}`, text);
      }
      if (nodePort) put(`${proto} ${nodePort}`, text);
    }
  }
  const endpoints = new Map<string, Set<string>>();
  for (const { metadata, endpoints: all, ports: slicePorts } of slices) {
    const service = `${metadata.namespace}/${metadata.labels?.['kubernetes.io/service-name']}`;
    for (const { name, protocol = 'TCP', port } of slicePorts ?? []) {
      const key = `${service}${name ? `:${name}` : ''}/${protocol.toLowerCase()}`;
      const known = endpoints.get(key) ?? new Set<string>();
      endpoints.set(key, known);
      for (const { addresses } of all ?? [])
        for (const address of addresses) known.add(endpointText({ address: plain(address), port: port ?? 0 }));
    }
  }
  return { ports, at, endpoints };
}

/** What is wrong with the owners of everything in a table; and how much was looked at. */
function check(table: Table, truth: Truth): { readonly wrong: readonly string[]; readonly seen: number } {
  const owners = new TableOwners(table);
  const wrong: string[] = [];
  let seen = 0;
  const say = (where: string, owner: ObjectOwner, want: string) =>
    wrong.push(`${where}: ${ownerText(owner)}; want ${want}`);
  const namesOf = ({ services }: ObjectOwner) => services.map(servicePortText);
  const checkNamed = (name: string, owner: ObjectOwner) => {
    seen++;
    if (!name.includes('/')) {
      if (owner.role !== 'fixed' || owner.services.length > 0) say(name, owner, 'all Services');
      return;
    }
    // The names are long, unique, and their words are in the order NAMESPACE/NAME/PROTOCOL/PORT.
    const [port = '', ...more] = namesOf(owner);
    const [namespace, service, protocol, portName] = (name.slice(name.indexOf('-') + 10).split('__')[0] ?? '').split(
      '/',
    );
    const want = `${namespace}/${service}${portName ? `:${portName}` : ''}/${protocol}`;
    if (more.length > 0 || port !== want || !truth.ports.has(port)) say(name, owner, want);
    const isOfEndpoint = /^(endpoint|affinity)-/.test(name);
    const ends = owner.endpoints.map(endpointText);
    if (isOfEndpoint ? !truth.endpoints.get(port)?.has(ends[0] ?? '') : ends.length > 0)
      say(name, owner, 'an endpoint of it');
  };
  for (const { name } of table.chains) checkNamed(name, owners.chain(name));
  for (const set of table.sets) {
    checkNamed(set.name, owners.set(set.name));
    for (const element of set.elements) {
      seen++;
      const owner = owners.element(set.name, element);
      const parts =
        typeof element.key === 'object' && element.key.kind === 'concat' ? element.key.parts : [element.key];
      const key = parts.join(' ');
      const where = `${set.name} ${key}`;
      const have = namesOf(owner);
      if (set.name === 'nodeport-ips' || set.name.startsWith('affinity-')) continue;
      if (set.name === 'hairpin-connections') {
        const endpoint = endpointText({ address: String(parts[0]), port: Number(parts[3]) });
        const want = [...truth.endpoints]
          .filter(([port, all]) => truth.ports.has(port) && port.endsWith(`/${parts[2]}`) && all.has(endpoint))
          .map(([port]) => port)
          .toSorted();
        const isRight = have.length > 0 && have.every((port) => want.includes(port));
        if (!isRight || owner.endpoints.map(endpointText).join() !== endpoint) say(where, owner, want.join());
        continue;
      }
      const want = truth.at.get(key);
      // External addresses are in the status of Services or shared: there the port must be one that exists.
      if (want === undefined ? have.length !== 1 || !truth.ports.has(have[0] ?? '') : have.join() !== want.join())
        say(where, owner, want?.join() ?? 'one Service port');
    }
  }
  return { wrong, seen };
}

const kubeProxyTables = (ruleset: Ruleset) => ruleset.tables.filter(({ name }) => name === 'kube-proxy');

describeShared('owners of everything that kube-proxy wrote', (shared) => {
  const flows = join(shared, 'conformance', 'kube-proxy-flows');
  test.each(['1.32.13', '1.35.6', '1.36.2'])('rulesets of %s', (version) => {
    const lines = gunzipSync(readFileSync(join(flows, `kube-proxy-${version}.jsonl.gz`)))
      .toString('utf8')
      .split('\n');
    const wrong: string[] = [];
    let seen = 0;
    // Without Services and slices nothing says whose a chain is; stale chains may be of Services that are gone.
    for (const one of lines.filter((line) => line !== '').map((line) => JSON.parse(line))) {
      if (one.inputsKnown === false) continue;
      const ruleset = decodeRuleset(one.rulesetJson);
      if (!ruleset.ok) throw new Error(ruleset.problem.say);
      const stale = new Set<string>(one.emptyServiceChains ?? []);
      for (const table of kubeProxyTables(ruleset.value)) {
        const live = { ...table, chains: table.chains.filter(({ name }) => !stale.has(name)) };
        const result = check(live, truthOf(one.services, one.endpointSlices));
        wrong.push(...result.wrong.map((text) => `${one.name}: ${text}`));
        seen += result.seen;
      }
    }
    expect(wrong).toEqual([]);
    expect(seen).toBeGreaterThan(1500);
  });

  const captures = join(shared, 'captures');
  const nodes = readdirSync(captures)
    .filter((name) => /^shop-(3node|kube-proxy-)/.test(name))
    .flatMap((name) => readdirSync(join(captures, name, 'nodes')).map((node) => [name, node] as const));
  test.each(nodes)('%s %s', (capture, node) => {
    const read = (name: string) => JSON.parse(readFileSync(join(captures, capture, 'cluster', name), 'utf8')).items;
    const ruleset = decodeBytes(readFileSync(join(captures, capture, 'nodes', node, 'nft.json')));
    if (!ruleset.ok) throw new Error(ruleset.problem.say);
    const truth = truthOf(read('services.json'), read('endpointslices.json'));
    const results = kubeProxyTables(ruleset.value).map((table) => check(table, truth));
    expect(results.flatMap(({ wrong }) => wrong)).toEqual([]);
    expect(results.reduce((sum, { seen }) => sum + seen, 0)).toBeGreaterThan(200);
  });
});

describeShared('kube-proxy in iptables mode', (shared) => {
  test('the Service and endpoint of every chain with a hash, as its comments say', () => {
    const dir = join(shared, 'captures', 'shop-iptables-node');
    const files = ['services.json', 'endpointslices.json'].map(
      (name) => [name, { kind: 'read', content: readFileSync(join(dir, 'cluster', name), 'utf8') }] as const,
    );
    const names = iptablesNames(buildCluster(new Map(files)).cluster);
    const ruleset = decodeBytes(readFileSync(join(dir, 'nodes/node-4/nft.json')));
    if (!ruleset.ok) throw new Error(ruleset.problem.say);
    const table = ruleset.value.tables.find(({ family, name }) => family === 'ip' && name === 'nat');
    if (table === undefined) throw new Error('no table ip nat');
    const owners = new TableOwners(table, names);
    const save = readFileSync(join(dir, 'nodes/node-4/iptables-save.txt'), 'utf8');
    let seen = 0;
    for (const { name } of table.chains.filter((chain) => /^KUBE-(SVC|SVL|EXT|SEP)-/.test(chain.name))) {
      // iptables writes the comment in quotes only where it has a blank.
      const lines = save.split('\n').filter((line) => line.startsWith(`-A ${name} `));
      const comments = lines.flatMap((line) => /--comment (?:"([^"]+)"|(\S+))/.exec(line)?.slice(1) ?? []);
      const said = comments.flatMap(
        (one) => /([a-z0-9-]+\/[a-z0-9-]+(?::[a-z0-9-]+)?)(?: |$)/.exec(one ?? '')?.[1] ?? [],
      );
      const { services, endpoints } = owners.chain(name);
      const [service] = services;
      const text = `${service?.namespace}/${service?.name}${service?.port ? `:${service.port}` : ''}`;
      expect([name, [...new Set(said)]]).toEqual([name, [text]]);
      const to = lines.flatMap((line) => /--to-destination (\S+)/.exec(line)?.[1] ?? []);
      expect([name, endpoints.map(endpointText)]).toEqual([name, to]);
      seen++;
    }
    expect(seen).toBeGreaterThan(50);
  });
});

describe('names', () => {
  test.each([
    {
      name: 'endpoint-ZVRFLKHO-ns1/svc1/tcp/p80__fd00.10.180..1/80',
      want: { role: 'endpoint', hash: 'ZVRFLKHO', endpoint: { address: 'fd00:10:180::1', port: 80 } },
    },
    {
      name: 'service-PFISGYVC-default/web/tcp/',
      want: { role: 'service', service: { namespace: 'default', name: 'web', protocol: 'tcp', port: '' } },
    },
    {
      name: 'affinity-SHKW4FT7-kube-system/kube-dns/udp/dns__10.244.0.3/53',
      want: { service: { name: 'kube-dns', port: 'dns' }, endpoint: { address: '10.244.0.3', port: 53 } },
    },
    { name: 'endpoint-ABCDEFGH-ns/svc/tcp/p__2001.db8...', want: { endpoint: undefined } },
  ])('$name', ({ name, want }) => expect(parseKubeProxyName(name)).toMatchObject(want));

  test.each(['services', 'service-endpoints-check', 'endpoint-x', 'service-lower123-a/b/tcp/c'])('%s: none', (name) =>
    expect(parseKubeProxyName(name)).toBeUndefined(),
  );
});

const chainOf = (name: string, statements: Chain['rules'][number]['statements'] = []): Chain => ({
  name,
  handle: 1,
  rules: statements.length === 0 ? [] : [{ handle: 2, statements, unlisted: false }],
});
const tableOf = (name: string, chains: readonly Chain[]): Table => ({
  family: 'ip6',
  name,
  handle: 1,
  flags: [],
  objects: [],
  sets: [],
  flowtables: [],
  chains,
});

test('an endpoint whose name is cut: its rule tells the address', () => {
  const name = 'endpoint-ABCDEFGH-ns/svc/tcp/p__2001.db8...';
  const dnat = { kind: 'dnat', addr: '2001:db8::1', port: 8080, flags: [], typeFlags: [] } as const;
  const owners = new TableOwners(tableOf('kube-proxy', [chainOf('services'), chainOf(name, [dnat])]));
  const want = [{ address: '2001:db8::1', port: 8080 }];
  expect(owners.chain(name).endpoints).toEqual(want);
  expect(owners.set(name.replace('endpoint-', 'affinity-')).endpoints).toEqual(want);
});

test('chains of a table that several write to', () => {
  const jump = { kind: 'jump', target: 'DOCKER-USER' } as const;
  const table = tableOf('filter', [
    {
      ...chainOf('FORWARD', [jump]),
      base: { type: 'filter', hook: 'forward', prio: 0, policy: 'accept', devices: [] },
    },
    chainOf('KUBE-SERVICES'),
    chainOf('KUBE-FIREWALL'),
    chainOf('DOCKER-USER'),
    chainOf('site-rules'),
  ]);
  const owners = new TableOwners(table);
  const name = (chain: string) => owners.chain(chain).component.name;
  expect(['KUBE-SERVICES', 'KUBE-FIREWALL', 'DOCKER-USER', 'FORWARD'].map(name)).toEqual([
    'kube-proxy',
    'kubelet',
    'docker',
    'iptables-nft',
  ]);
  expect(name('site-rules')).toBe('iptables-nft (kube-proxy, docker)');
  const [rule] = table.chains[0]?.rules ?? [];
  expect(rule === undefined ? '' : owners.rule('FORWARD', rule).component.name).toBe('docker');
});
