/** A cluster as a source: the demo cluster behind a fake API server, its nodes behind agents that misbehave. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { buildCluster } from '@/lib/cluster/build-cluster';
import type { Result } from '@/lib/net/result';
import { accessTo } from '../../tests/kube/access-to';
import { eventually } from '../../tests/kube/eventually';
import { type AgentFault, RecordedAgent } from '../../tests/kube/recorded-agent';
import { agentPod, type Shop, startShop, TOKEN } from '../../tests/kube/start-shop';
import type { RawFiles, SourceChange } from '../sources/source';
import { AGENT_LIMITS } from './agent-reader';
import { type ClusterSourceOptions, clusterSource } from './cluster-source';

const signal = () => new AbortController().signal;
function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`${result.problem.code}: ${result.problem.say}`);
  return result.value;
}
const text = (files: RawFiles, name: string) => {
  const one = files.get(name);
  return one?.kind === 'read' ? new TextDecoder().decode(one.content) : undefined;
};
const texts = (files: RawFiles) =>
  new Map([...files.keys()].map((name) => [name, { kind: 'read', content: text(files, name) ?? '' } as const]));

const FAST = {
  times: { againMs: 5, againMsMax: 40, forbiddenMs: 30 },
  agentTimes: { againMs: 5, againMsMax: 40, silenceMs: 10_000 },
  agentLimits: { ...AGENT_LIMITS, waitMs: 300, bodyMs: 300 },
  quietMs: 5,
  restMs: { agent: 0, exec: 0 },
} as const;

let shop: Shop;
const controllers: AbortController[] = [];
beforeEach(async () => {
  shop = await startShop();
});
afterEach(async () => {
  for (const controller of controllers.splice(0)) controller.abort();
  await shop.stop();
});
const source = (more: Partial<ClusterSourceOptions> = {}) =>
  clusterSource({ access: accessTo(shop.api), agentToken: async () => TOKEN, ...FAST, ...more });
async function watched(more: Partial<ClusterSourceOptions> = {}) {
  const one = source(more);
  // Listed before it is followed: from then on only changes are told.
  value(await one.nodes(signal()));
  const controller = new AbortController();
  controllers.push(controller);
  const told: SourceChange[] = [];
  one.watch?.((change) => told.push(change), controller.signal);
  return { source: one, told };
}

describe('the objects', () => {
  test('cut down, they say the same as those of the capture', async () => {
    const { files } = value(await source().cluster(signal()));
    const whole = new Map(
      [...shop.cluster.objects].map(([resource, items]) => [
        `${resource}.json`,
        { kind: 'read', content: JSON.stringify({ items }) } as const,
      ]),
    );
    const [cut, want] = [buildCluster(texts(files)), buildCluster(whole)];
    expect(cut.problems.size).toBe(0);
    // The agents' own pods are no part of the capture, nor is what is not followed.
    const { pods: _pods, version: _version, proxyConfig: _config, serviceCIDRs: _cidrs, ...rest } = want.cluster;
    expect(cut.cluster).toMatchObject(JSON.parse(JSON.stringify(rest)));
    const names = new Set(shop.cluster.objects.get('pods')?.map(({ metadata }) => metadata.name));
    const pods = cut.cluster.pods.known ? cut.cluster.pods.value.filter(({ name }) => names.has(name)) : [];
    expect(pods).toEqual(want.cluster.pods.known ? want.cluster.pods.value : []);
    const size = (of: string) => text(files, of)?.length ?? 0;
    expect(size('pods.json')).toBeLessThan(JSON.stringify(shop.cluster.objects.get('pods')).length / 4);
  });

  test('a right that is missing: that list is failed and names it, the rest is there', async () => {
    for (const right of ['list networkpolicies', 'list pods', 'get configmaps']) shop.api.denied.add(right);
    const one = source({ readBy: 'agent' });
    const { files } = value(await one.cluster(signal()));
    expect(files.get('networkpolicies.json')).toMatchObject({
      failure: { stderr: 'missing right: list networkpolicies (API group "networking.k8s.io")' },
    });
    expect(files.get('kube-proxy.json')).toMatchObject({
      failure: { stderr: 'missing right: get configmaps (API group "") in the namespace kube-system' },
    });
    expect(text(files, 'services.json')).toContain('"items":[{');
    expect(value(await one.nodes(signal())).map(({ name }) => name)).toEqual(['node-1', 'node-2', 'node-3']);
  });

  test('without the right to see nodes they are those of the agents', async () => {
    shop.api.denied.add('list nodes');
    expect(value(await source().nodes(signal())).map(({ name }) => name)).toEqual(['node-1', 'node-2', 'node-3']);
    shop.api.denied.add('list pods');
    const result = await source().nodes(signal());
    expect(result.ok ? 'ok' : [result.problem.code, result.problem.say]).toEqual([
      'KUBE-006',
      'The nodes of the cluster cannot be named: missing right: list nodes (API group "")',
    ]);
  });

  test('without the right to see pods it is not said that there is no agent', async () => {
    shop.api.denied.add('list pods');
    const one = source();
    const [entry] = value(await one.nodes(signal()));
    expect(entry?.fault).toMatchObject({
      code: 'KUBE-009',
      say: 'Whether anything on node-1 can be asked is not known, as its pods are not: missing right: list pods (API group "").',
      do: expect.stringContaining('Grant the right'),
    });
    const { files } = value(await one.node('node-1', signal()));
    expect(files.get('nft.json')).toMatchObject({
      failure: { stderr: entry?.fault?.say, remedy: entry?.fault?.do },
    });
  });

  test('the configuration and version of kube-proxy', async () => {
    const config = 'mode: nftables\nclusterCIDR: 10.244.0.0/16\nnodePortAddresses:\n- 192.168.0.0/24\n';
    shop.api.store.set('configmaps', {
      metadata: { namespace: 'kube-system', name: 'kube-proxy' },
      data: { 'config.conf': config },
    });
    const image = 'registry.k8s.io/kube-proxy:v1.36.2@sha256:0123';
    shop.api.store.set('pods', {
      metadata: { namespace: 'kube-system', name: 'kube-proxy-a' },
      spec: { nodeName: 'node-1', hostNetwork: true, containers: [{ name: 'kube-proxy', image }] },
      status: { phase: 'Running' },
    });
    const one = source();
    expect(JSON.parse(text(value(await one.cluster(signal())).files, 'kube-proxy.json') ?? '')).toMatchObject({
      mode: 'nftables',
      clusterCIDR: '10.244.0.0/16',
      nodePortAddresses: ['192.168.0.0/24'],
    });
    const versions = text(value(await one.node('node-1', signal())).files, 'versions.json');
    expect(JSON.parse(versions ?? '')).toMatchObject({ kubeProxy: 'v1.36.2' });
  });

  test('credentials that expired are renewed; where they cannot be, it says so', async () => {
    shop.api.users.set('new', { name: 'me' });
    const one = clusterSource({ access: accessTo(shop.api, ['old', 'new']), ...FAST });
    expect(value(await one.nodes(signal()))).toHaveLength(3);
    const two = await clusterSource({ access: accessTo(shop.api, ['old', 'older']), ...FAST }).nodes(signal());
    expect(two.ok ? 'ok' : two.problem.code).toBe('KUBE-005');
  });

  test('an API server that is not there', async () => {
    await shop.api.stop();
    const result = await source().nodes(signal());
    expect(result.ok ? 'ok' : result.problem.code).toBe('KUBE-004');
  });
});

describe('agents', () => {
  test('every file of a node, byte for byte', async () => {
    const { files, capturedAt } = value(await source().node('node-2', signal()));
    expect(capturedAt).toBe('2026-01-31T12:00:00.000Z');
    for (const [name, want] of shop.cluster.nodes.get('node-2') ?? []) {
      if (name !== 'capture.json' && want.kind === 'read')
        expect([name, text(files, name)]).toEqual([name, new TextDecoder().decode(want.content)]);
    }
  });

  test('a body that is held is not fetched again; one that changed is', async () => {
    const one = source();
    const agent = shop.agents.get('node-1');
    if (agent === undefined) throw new Error('no agent');
    const before = value(await one.node('node-1', signal()));
    const sent = agent.sent;
    const after = value(await one.node('node-1', signal()));
    expect(after.hash).toBe(before.hash);
    expect(agent.sent).toBe(sent);
    agent.change('{"nftables": [{"metainfo": {"json_schema_version": 1}}]}');
    const changed = value(await one.node('node-1', signal()));
    expect(text(changed.files, 'nft.json')).toContain('metainfo');
    expect(agent.asked.at(-1)).toMatch(/^\/v1\/capture\?without=.*addr\.json/);
    expect(agent.sent - sent).toBeLessThan(2000);
  });

  test('what a reading costs the node is told with it; an older agent tells the size alone', async () => {
    const agent = shop.agents.get('node-1');
    const listing = { wallMs: 5400, cpuMs: 5300, bytes: 8_000_000 };
    if (agent !== undefined)
      agent.cost = {
        listing,
        follow: { state: 'listing', why: 'a set with intervals changed', letGo: 4, mismatches: 1 },
        changesWithoutEvent: 0,
      };
    const one = source();
    expect(value(await one.node('node-1', signal())).cost).toMatchObject({
      listing,
      follow: { state: 'listing', why: 'a set with intervals changed', letGo: 4, failedProofs: 1 },
    });
    const { files, cost } = value(await one.node('node-2', signal()));
    const bytes = text(files, 'nft.json')?.length;
    expect(cost).toMatchObject({ listing: { wallMs: null, cpuMs: null, bytes }, follow: null });
  });

  test('equal listings of several nodes are fetched once', async () => {
    const same = `{"nftables": [{"metainfo": {"json_schema_version": 1}}${' '.repeat(300_000)}]}`;
    for (const agent of shop.agents.values()) agent.change(same);
    const one = source();
    const nodes = await Promise.all(['node-1', 'node-2', 'node-3'].map((name) => one.node(name, signal())));
    const listings = nodes.map((node) => value(node).files.get('nft.json'));
    expect(new Set(listings.map((reading) => reading?.kind === 'read' && reading.content)).size).toBe(1);
    const asked = [...shop.agents.values()].map(({ asked: paths }) =>
      paths.filter((path) => !path.includes('nft.json')),
    );
    expect(
      asked.filter((paths) => paths.includes('/v1/capture') || paths.some((path) => path.startsWith('/v1/capture'))),
    ).toHaveLength(1);
  });

  const faults: readonly (readonly [AgentFault, RegExp])[] = [
    ['hang', /no answer within 0.3 s/],
    ['hang-in-body', /not complete within 0.3 s/],
    ['too-short', /connection broke|aborted/],
    ['too-long', /hang up|not JSON|connection broke/],
    ['html', /page of HTML|not JSON/],
    ['html-as-json', /not JSON/],
    ['endless', /more than 1000000 bytes/],
    ['other-node', /answers for the node another/],
    ['damaged', /damaged or incomplete/],
    ['not-all', /addr.json is named and was not sent/],
    ['problem', /status 503: Too many requests at once/],
  ];
  test.each(faults)('%s: the node is unreadable and says why', async (fault, words) => {
    const agent = shop.agents.get('node-1');
    if (agent === undefined) throw new Error('no agent');
    agent.fault = fault;
    const one = source();
    const { files } = value(await one.node('node-1', signal()));
    const listing = files.get('nft.json');
    expect(listing?.kind === 'failed' ? listing.failure.stderr : listing?.kind).toMatch(words);
    const entries = value(await one.nodes(signal()));
    expect(entries[0]?.listing).toMatchObject({ stderr: expect.stringMatching(words) });
    expect(text(value(await one.node('node-2', signal())).files, 'nft.json')).toContain('kube-proxy');
    agent.fault = 'none';
    expect(text(value(await one.node('node-1', signal())).files, 'nft.json')).toContain('kube-proxy');
  });

  test('slow: it is read, in many pieces', async () => {
    const agent = shop.agents.get('node-1');
    if (agent === undefined) throw new Error('no agent');
    agent.fault = 'slow';
    const one = source({ agentLimits: AGENT_LIMITS });
    expect(text(value(await one.node('node-1', signal())).files, 'nft.json')).toContain('kube-proxy');
  });

  test('down: unreadable, as the API server tells it', async () => {
    await shop.agents.get('node-1')?.stop();
    const { files } = value(await source().node('node-1', signal()));
    expect(files.get('nft.json')).toMatchObject({ failure: { stderr: expect.stringMatching(/503.*ECONNREFUSED/) } });
  });

  test('a token that the agent does not know is its answer, not that of the API server', async () => {
    const { files } = value(await source({ agentToken: async () => 'old' }).node('node-1', signal()));
    expect(files.get('nft.json')).toMatchObject({
      failure: { stderr: expect.stringContaining('status 401: The token is not known.') },
    });
  });

  test('without the right to use the pod proxy', async () => {
    shop.api.denied.add('get pods/proxy');
    const { files } = value(await source().node('node-1', signal()));
    expect(files.get('nft.json')).toMatchObject({
      failure: { stderr: 'missing right: get pods/proxy (API group "") in the namespace nftscope' },
    });
  });

  test('a node that goes while it is read is not there any longer', async () => {
    const agent = shop.agents.get('node-1');
    if (agent === undefined) throw new Error('no agent');
    agent.fault = 'hang';
    const one = source();
    value(await one.nodes(signal()));
    const reading = one.node('node-1', signal());
    await eventually(() => agent.asked.length > 0);
    shop.api.store.remove('nodes', 'node-1');
    const result = await reading;
    expect(result.ok ? 'read' : result.problem.code).toBe('SRC-008');
  });

  test('a node without agent and without nft: the command that would help', async () => {
    shop.api.store.remove('pods', 'agent-node-3', 'nftscope');
    const [, , third] = value(await source().nodes(signal()));
    expect(third).toMatchObject({ listing: 'absent', reader: 'nothing', fault: { code: 'KUBE-007' } });
    expect(third?.fault?.do).toContain('kubectl --context test apply -f - <<');
    expect(third?.fault?.do).toContain('nodeName: "node-3"');
  });
});

/** A pod that somebody made, with the parts of it that a test is about. */
const somePod = (namespace: string, name: string, { labels = {}, owner = '', ...spec }: StrangePod = {}) => ({
  metadata: {
    namespace,
    name,
    labels,
    ...(owner !== '' && { ownerReferences: [{ kind: 'DaemonSet', name: owner, controller: true }] }),
  },
  spec: { nodeName: 'node-1', containers: [{ name: 'x', image: 'x' }], ...spec },
  status: { phase: 'Running', podIP: '127.0.0.1' },
});
interface StrangePod {
  readonly labels?: { readonly [label: string]: string };
  readonly owner?: string;
  readonly hostNetwork?: boolean;
  readonly containers?: readonly object[];
}
const labelled = (name: string) => ({ 'app.kubernetes.io/name': name });
const EMPTY = '{"nftables": [{"metainfo": {"json_schema_version": 1}}]}';

describe('pods that say of themselves that they can read a node', () => {
  /** A server in the place of a pod, that writes down which tokens it is sent, and on which paths. */
  async function stranger(pod: ReturnType<typeof somePod>, port: number) {
    const agent = await new RecordedAgent('node-1', new Map(), 'any').start();
    agent.change(EMPTY);
    const ports = [{ name: 'http', containerPort: port }];
    shop.api.store.set('pods', { ...pod, spec: { ...pod.spec, containers: [{ name: 'x', image: 'x', ports }] } });
    shop.api.proxied.set(`${pod.metadata.namespace}/${pod.metadata.name}:${port}`, agent.url);
    return agent;
  }
  const readers = async (one: ReturnType<typeof source>) =>
    value(await one.nodes(signal())).map(({ reader, fault }) => fault?.say ?? reader)[0];

  test.each([
    [
      'a pod with the label, in a namespace that sorts first',
      somePod('aaa', 'evil', { labels: labelled('nftscope-agent'), hostNetwork: true }),
    ],
    [
      'the name of the DaemonSet in another namespace',
      somePod('aaa', 'evil', { owner: 'nftscope-agent', labels: labelled('nftscope-agent'), hostNetwork: true }),
    ],
    [
      'a pod with the label beside the agents',
      somePod('nftscope', 'evil', { labels: labelled('nftscope-agent'), hostNetwork: true }),
    ],
  ])('%s gets no token and is not believed; the agent is asked, and who is not is told', async (_what, pod) => {
    const agent = await stranger(pod, 7760);
    try {
      const { source: one } = await watched();
      const { files, reader } = value(await one.node('node-1', signal()));
      expect(text(files, 'nft.json')).toBe(text(shop.cluster.nodes.get('node-1') ?? new Map(), 'nft.json'));
      await eventually(() => [...shop.agents.values()].every(({ streams }) => streams === 1));
      expect(agent.asked).toEqual([]);
      expect(reader).toBe(
        `agent (not asked: ${pod.metadata.namespace}/evil is no pod of the DaemonSet nftscope/nftscope-agent (--agents))`,
      );
    } finally {
      await agent.stop();
    }
  });

  test('two that both claim to be the agent: none gets the token', async () => {
    const both = somePod('nftscope', 'evil', { owner: 'nftscope-agent', hostNetwork: true });
    const agent = await stranger(both, 7760);
    try {
      const { source: one } = await watched();
      const asked = shop.agents.get('node-1')?.asked.length;
      expect((await one.node('node-1', signal())).ok).toBe(true);
      await eventually(() => ['node-2', 'node-3'].every((node) => shop.agents.get(node)?.streams === 1));
      expect(agent.asked).toEqual([]);
      expect(shop.agents.get('node-1')?.asked).toHaveLength(asked ?? -1);
      expect(await readers(one)).toContain('nftscope/agent-node-1 and nftscope/evil all claim to be its agent');
    } finally {
      await agent.stop();
    }
  });

  test('an agent of another DaemonSet is asked where that is named', async () => {
    shop.api.store.remove('pods', 'agent-node-1', 'nftscope');
    const mine = somePod('ops', 'mine', { owner: 'reader', hostNetwork: true });
    const agent = await stranger(mine, 7760);
    try {
      expect((await source().nodes(signal())).ok).toBe(true);
      expect(agent.asked).toEqual([]);
      await source({ named: { agents: 'ops/reader' } }).node('node-1', signal());
      expect(agent.asked.length).toBeGreaterThan(0);
    } finally {
      await agent.stop();
    }
  });

  const proxy = [{ name: 'kube-proxy', image: 'registry.k8s.io/kube-proxy:v1.0.0' }];
  test.each<readonly [string, ReturnType<typeof somePod>, string]>([
    [
      'a debug pod of somebody else',
      somePod('tenant', 'mine', { labels: labelled('nftscope-debug'), hostNetwork: true }),
      'tenant/mine is no debug pod of the namespace kube-system (--debug-in)',
    ],
    [
      'a kube-proxy of somebody else',
      somePod('tenant', 'mine', { hostNetwork: true, containers: proxy }),
      'tenant/mine is no kube-proxy of the namespace kube-system (--exec-in)',
    ],
    [
      'a debug pod in a network of its own',
      somePod('kube-system', 'mine', { labels: labelled('nftscope-debug') }),
      'kube-system/mine has a network of its own (no hostNetwork): its rules are not those of the node',
    ],
    [
      'a pod of --exec-in in a network of its own',
      somePod('ops', 'mine', { owner: 'tool' }),
      'ops/mine has a network of its own (no hostNetwork): its rules are not those of the node',
    ],
    [
      'an agent in a network of its own',
      somePod('nftscope', 'mine', { owner: 'nftscope-agent' }),
      'nftscope/mine has a network of its own (no hostNetwork): its rules are not those of the node',
    ],
  ])('%s is not run in, and why is told', async (_what, pod, why) => {
    shop.api.store.remove('pods', 'agent-node-1', 'nftscope');
    shop.api.store.set('pods', pod);
    const one = source({ named: { exec: 'ops/tool' } });
    expect(await readers(one)).toBe(
      `Nothing on node-1 can be asked: it has no agent, and no pod with nft; not asked: ${why}.`,
    );
    const { files } = value(await one.node('node-1', signal()));
    expect(files.get('nft.json')?.kind).toBe('failed');
    expect(shop.api.exec.asked).toEqual([]);
  });

  test('where the agent reads the node, a kube-proxy elsewhere is nothing to tell', async () => {
    shop.api.store.set('pods', somePod('tenant', 'mine', { hostNetwork: true, containers: proxy }));
    expect(value(await source().node('node-1', signal())).reader).toBe('agent');
  });

  test('of many a few are named', async () => {
    shop.api.store.remove('pods', 'agent-node-1', 'nftscope');
    for (let i = 0; i < 50; i++)
      shop.api.store.set('pods', somePod('tenant', `p${i}`, { labels: labelled('nftscope-agent'), hostNetwork: true }));
    const said = await readers(source());
    expect(said).toMatch(/; 47 more are not asked\.$/);
    expect(said?.match(/not asked: /g)).toHaveLength(3);
  });

  test('where nodes may not be seen, such a pod makes none', async () => {
    shop.api.denied.add('list nodes');
    const pod = somePod('tenant', 'mine', { labels: labelled('nftscope-agent'), hostNetwork: true });
    shop.api.store.set('pods', { ...pod, spec: { ...pod.spec, nodeName: 'node-0' } });
    expect(value(await source().nodes(signal())).map(({ name }) => name)).toEqual(['node-1', 'node-2', 'node-3']);
  });
});

describe('changes', () => {
  const seen = (told: readonly SourceChange[], kind: SourceChange['kind']) => told.some((one) => one.kind === kind);

  test('a ruleset that changes is told for its node, and read anew', async () => {
    const { source: one, told } = await watched();
    const agent = shop.agents.get('node-2');
    await eventually(() => [...shop.agents.values()].every(({ streams }) => streams === 1));
    const before = value(await one.node('node-2', signal()));
    agent?.change('{"nftables": [{"metainfo": {"json_schema_version": 1}}]}');
    await eventually(() => told.some((change) => change.kind === 'node'));
    expect(told.filter(({ kind }) => kind === 'node')).toEqual([{ kind: 'node', node: 'node-2' }]);
    const after = value(await one.node('node-2', signal()));
    expect(after.hash).not.toBe(before.hash);
  });

  test('a node that could not be read is read again when its agent is back, though its ruleset is the same', async () => {
    const { source: one, told } = await watched();
    const agent = shop.agents.get('node-2');
    await eventually(() => [...shop.agents.values()].every(({ streams }) => streams === 1));
    if (agent !== undefined) agent.fault = 'problem';
    const failed = value(await one.node('node-2', signal()));
    expect(failed.files.get('nft.json')?.kind).toBe('failed');
    if (agent !== undefined) agent.fault = 'none';
    expect(seen(told, 'node')).toBe(false);
    agent?.dropStreams();
    await eventually(() => seen(told, 'node'));
    expect(told.filter(({ kind }) => kind === 'node')).toEqual([{ kind: 'node', node: 'node-2' }]);
    expect(value(await one.node('node-2', signal())).files.get('nft.json')?.kind).toBe('read');
  });

  test('a node that hung is read again after a while, though its stream stayed open and nothing is told', async () => {
    const { source: one, told } = await watched({ againMs: 200 });
    const agent = shop.agents.get('node-2');
    if (agent === undefined) throw new Error('no agent');
    await eventually(() => agent.streams === 1);
    agent.fault = 'hang';
    expect(value(await one.node('node-2', signal())).files.get('nft.json')?.kind).toBe('failed');
    agent.fault = 'none';
    told.length = 0;
    await eventually(() => told.some((change) => change.kind === 'node' && change.node === 'node-2'));
    expect(agent.streams).toBe(1);
    expect(value(await one.node('node-2', signal())).files.get('nft.json')?.kind).toBe('read');
  });

  test('a change that a lost stream missed is told when it is back', async () => {
    const { told } = await watched();
    await eventually(() => [...shop.agents.values()].every(({ streams }) => streams === 1));
    const agent = shop.agents.get('node-2');
    agent?.change('{"nftables": [{"metainfo": {"json_schema_version": 1}}]}');
    await eventually(() => told.length === 1);
    agent?.dropStreams();
    await eventually(() => agent?.streams === 0);
    agent?.change('{"nftables": []}');
    await eventually(() => told.filter((change) => change.kind === 'node' && change.node === 'node-2').length === 2);
  });

  test('objects: the cluster changed; a node that comes or goes: the nodes', async () => {
    const { told } = await watched();
    shop.api.store.remove('services', 'kubernetes', 'default');
    await eventually(() => seen(told, 'cluster'));
    expect(seen(told, 'nodes')).toBe(false);
    shop.api.store.set('nodes', { metadata: { name: 'node-4' }, status: { addresses: [] } });
    await eventually(() => seen(told, 'nodes'));
  });

  test('the API server goes and comes back: told once each; what was known stays, and what changed meanwhile is told', async () => {
    const { source: one, told } = await watched();
    await eventually(() => shop.api.watchesOf('pods') === 1 && shop.api.watchesOf('services') === 1);
    const before = value(await one.cluster(signal()));
    await shop.api.stop();
    await eventually(() => told.some((change) => change.kind === 'lost' && change.what === 'the API server'));
    expect(text(value(await one.cluster(signal())).files, 'services.json')).toBe(text(before.files, 'services.json'));
    expect(value(await one.nodes(signal())).map(({ name }) => name)).toEqual(['node-1', 'node-2', 'node-3']);
    // Through the API server nothing can be read now: that is a failure with its reason, not an old ruleset.
    const { files } = value(await one.node('node-1', signal()));
    expect(files.get('nft.json')).toMatchObject({ kind: 'failed' });
    shop.api.store.remove('services', 'kubernetes', 'default');
    told.length = 0;
    await shop.api.start();
    await eventually(() => told.some((change) => change.kind === 'back' && change.what === 'the API server'));
    await eventually(() => seen(told, 'cluster') || seen(told, 'nodes'));
    const after = text(value(await one.cluster(signal())).files, 'services.json') ?? '';
    expect(after).not.toContain('"name":"kubernetes"');
    expect(text(value(await one.node('node-1', signal())).files, 'nft.json')).toContain('kube-proxy');
  });

  test('ends: no watch and no stream is left', async () => {
    await watched();
    await eventually(() => [...shop.agents.values()].every(({ streams }) => streams === 1));
    for (const controller of controllers.splice(0)) controller.abort();
    await eventually(() => [...shop.agents.values()].every(({ streams }) => streams === 0));
    await eventually(() => shop.api.watchesOf('pods') === 0);
  });

  test('a new agent is heard, one that went is not', async () => {
    shop.api.store.remove('pods', 'agent-node-3', 'nftscope');
    await watched();
    const [first, third] = [shop.agents.get('node-1'), shop.agents.get('node-3')];
    await eventually(() => first?.streams === 1);
    expect(third?.streams).toBe(0);
    shop.api.store.set('pods', agentPod('node-3', third?.port ?? 0));
    await eventually(() => third?.streams === 1);
    shop.api.store.remove('pods', 'agent-node-1', 'nftscope');
    await eventually(() => first?.streams === 0);
  });
});
