/** What a capture lacks makes an answer undecided, or is assumed aloud; it never becomes a fact. */
import { expect, test } from 'vitest';
import { openNode } from '@/lib/api/open-node';
import { type TraceQuery, tracePacket } from '@/lib/api/trace-answer';
import { buildNetwork } from '@/lib/reach/network';
import { decodeQuestion, reach } from '@/lib/reach/query';
import type { FileReading } from '@/lib/world/capture-files';
import { openPath } from '@/server/sources/open-source';
import { DEFAULT_LIMITS, type NodeCapture } from '@/server/sources/source';

type Files = Map<string, FileReading<Uint8Array>>;

async function demo() {
  const source = await openPath('public/demo/shop-3node.tar.gz', DEFAULT_LIMITS);
  if (!source.ok) throw new Error(source.problem.say);
  const { signal } = new AbortController();
  const [node, cluster] = [await source.value.node('node-1', signal), await source.value.cluster(signal)];
  if (!node.ok || !cluster.ok) throw new Error('the demo does not open');
  return { node: node.value, cluster: cluster.value };
}

const { node, cluster } = await demo();
const text = (content: string): FileReading<Uint8Array> => ({ kind: 'read', content: Buffer.from(content) });
const without =
  (...names: string[]) =>
  (files: Files): void => {
    for (const name of names) files.delete(name);
  };
const settings = (change: (text: string) => string) => (files: Files) => {
  const { content } = (files.get('sysctl.txt') ?? { content: new Uint8Array() }) as { content: Uint8Array };
  files.set('sysctl.txt', text(change(Buffer.from(content).toString())));
};

function answer(change: (files: Files) => void, query: TraceQuery) {
  const files: Files = new Map((node as NodeCapture).files);
  change(files);
  const opened = openNode({ node: 'node-1', files, cluster: cluster.files, capturedAt: undefined, version: 'x' });
  const traced = tracePacket(opened, query);
  if (!traced.ok) throw new Error(traced.problem.say);
  return traced.value.trace.branches.map(({ outcome, assumptions, steps }) => ({
    word: outcome.kind === 'decided' ? outcome.fate.summary : outcome.reasons.map((r) => r.code).join(),
    assumed: assumptions.map((a) => a.code),
    rules: steps.filter((s) => s.kind === 'rule').length,
    said: steps.flatMap((s) => (s.kind === 'kernel' ? [s.code] : [])),
  }));
}

const API: TraceQuery = { question: { from: 'shop/web-6d4f8b7c9-2hxkz', to: '10.244.2.4:8080' } };
const API6: TraceQuery = { question: { from: 'shop/web-6d4f8b7c9-2hxkz', to: '[fd00:10:244:2::4]:8080' } };
const PORT: TraceQuery = { question: { from: 'external', to: '10.240.0.11:30080' } };
const NEW = '*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n';

test.each<{ name: string; change: (files: Files) => void; query?: TraceQuery; word: string }>([
  { name: 'nothing is missing', change: () => undefined, word: 'transmitted' },
  { name: 'no settings', change: without('sysctl.txt'), word: 'sysctl-unknown' },
  {
    name: 'settings without forwarding',
    change: settings((s) => s.replace(/^net\.ipv4\.(ip_forward|conf\..*forwarding).*\n/gm, '')),
    word: 'sysctl-unknown',
  },
  {
    name: 'forwarding is off',
    change: settings((s) => s.replace(/^net\.ipv4\.ip_forward.*$/m, 'net.ipv4.ip_forward = 0')),
    word: 'lost-outside-nftables',
  },
  { name: 'no routes', change: without('route4.json'), word: 'routes-unknown' },
  { name: 'no policy rules', change: without('rule4.json'), word: 'routes-unknown' },
  { name: 'no interfaces', change: without('addr.json'), word: 'links-unknown' },
  {
    name: 'legacy tables without their rules',
    change: (f) => f.set('ip_tables_names.txt', text('filter\n')),
    word: 'legacy-tables',
  },
  {
    name: 'legacy tables of IPv6 without their rules',
    change: (f) => f.set('ip6_tables_names.txt', text('filter\n')),
    query: API6,
    word: 'legacy-tables',
  },
  {
    name: 'legacy tables of IPv6 that hold nothing',
    change: (f) => f.set('ip6_tables_names.txt', text('filter\n')).set('ip6tables-legacy-save.txt', text(NEW)),
    query: API6,
    word: 'transmitted',
  },
  {
    name: 'legacy tables of IPv6, and the packet is of IPv4',
    change: (f) => f.set('ip6_tables_names.txt', text('filter\n')),
    word: 'transmitted',
  },
  {
    name: 'legacy tables of IPv4, and nobody looked for those of IPv6',
    change: (f) => {
      f.set('ip_tables_names.txt', text('filter\n')).set('iptables-legacy-save.txt', text(NEW));
      f.delete('ip6_tables_names.txt');
    },
    query: API6,
    word: 'legacy-tables',
  },
  {
    name: 'legacy tables that hold nothing',
    change: (f) => f.set('ip_tables_names.txt', text('filter\n')).set('iptables-legacy-save.txt', text(NEW)),
    word: 'transmitted',
  },
  {
    name: 'a legacy table with another policy',
    change: (f) =>
      f
        .set('ip_tables_names.txt', text('filter\n'))
        .set('iptables-legacy-save.txt', text(NEW.replace('FORWARD ACCEPT', 'FORWARD DROP'))),
    word: 'legacy-tables',
  },
  {
    name: 'a legacy table on another way',
    change: (f) =>
      f
        .set('ip_tables_names.txt', text('filter\n'))
        .set('iptables-legacy-save.txt', text(NEW.replace('COMMIT', '-A INPUT -j DROP\nCOMMIT'))),
    word: 'transmitted',
  },
  {
    name: 'a full connection table with room to be made',
    change: settings(
      (s) =>
        `${s.replace(/^net\.netfilter\.nf_conntrack_(max|count).*\n/gm, '')}net.netfilter.nf_conntrack_max = 9\nnet.netfilter.nf_conntrack_count = 9\n`,
    ),
    word: 'conntrack-full',
  },
  {
    name: 'strict reverse path filtering by conf.default, and the way back is right',
    change: settings((s) => s.replace(/^(net\.ipv4\.conf\.default\.rp_filter).*$/m, '$1 = 1')),
    word: 'transmitted',
  },
])('$name: $word', ({ change, query = API, word }) => {
  expect([...new Set(answer(change, query).map((b) => b.word))]).toEqual([word]);
});

test('a connection table of assured entries alone has no room: the packet is dropped', () => {
  const line = (port: number) =>
    `ipv4     2 tcp      6 431984 ESTABLISHED src=198.51.100.10 dst=10.240.0.13 sport=${port} dport=30080 src=10.244.2.3 dst=10.240.0.13 sport=8080 dport=59259 [ASSURED] mark=0 use=1 id=${port}\n`;
  const full = (files: Files): void => {
    files.set('conntrack.txt', text(line(1) + line(2)));
    settings((s) => s.replace(/^(net\.netfilter\.nf_conntrack_max).*$/m, '$1 = 2'))(files);
  };
  const [only] = answer(full, API);
  expect(only).toMatchObject({ word: 'lost-outside-nftables', rules: 0, said: ['conntrack-full'] });
});

test('without interfaces and routes the rules before routing are still asked', () => {
  for (const gone of [['addr.json'], ['route4.json'], ['addr.json', 'route4.json', 'rule4.json']]) {
    const branches = answer(without(...gone), {
      question: { from: 'shop/web-6d4f8b7c9-2hxkz', to: 'svc:shop/api:http' },
    });
    expect(branches).toHaveLength(3);
    for (const b of branches) expect(b).toMatchObject({ rules: 4, assumed: ['interface'] });
  }
});

test('that there are no legacy tables of IPv6 is assumed aloud where nobody looked', () => {
  for (const b of answer(without('ip6_tables_names.txt'), API6)) expect(b.assumed).toContain('legacy-tables');
  for (const b of answer((f) => f.set('ip6_tables_names.txt', text('')), API6))
    expect(b.assumed).not.toContain('legacy-tables');
});

test('a connection table that was not captured is assumed aloud', () => {
  for (const b of answer(without('conntrack.txt'), API)) expect(b.assumed).toContain('conntrack-unknown');
});

test('a client from outside arrives where the address is, and that is said where the way back is another', () => {
  const back = (files: Files): void => {
    const { content } = files.get('route4.json') as { content: Uint8Array };
    const routes = JSON.parse(Buffer.from(content).toString());
    const veth = JSON.parse(Buffer.from((files.get('addr.json') as { content: Uint8Array }).content).toString()).find(
      (l: { ifname: string }) => l.ifname.startsWith('veth'),
    ).ifname;
    files.set(
      'route4.json',
      text(
        JSON.stringify([{ dst: '198.51.100.0/24', dev: veth, protocol: 'boot', scope: 'link', flags: [] }, ...routes]),
      ),
    );
  };
  for (const b of answer(back, PORT)) expect(b.assumed).toContain('arrival');
  for (const b of answer(() => undefined, PORT)) expect(b.assumed).not.toContain('arrival');
});

test.each([{ pod: 'shop/web-6d4f8b7c9-2hxkz' }, { node: 'node-1' }, 'external'])(
  'of a node that cannot be read a path says that, and not that the way leads out: from %j',
  (from) => {
    const failure = { command: 'nft -j list ruleset', exitStatus: 139, stderr: '' };
    const files: Files = new Map([['nft.json', { kind: 'failed', failure }]]);
    const opened = openNode({ node: 'node-1', files, cluster: cluster.files, capturedAt: undefined, version: 'x' });
    const network = buildNetwork(opened.cluster.cluster, new Map([['node-1', opened.world]]));
    const asked = decodeQuestion({ from, via: 'node-1', dst: '10.244.1.4', dport: 8080, protocol: 'TCP' }, network);
    if (!asked.ok) throw new Error(asked.problem.say);
    expect(reach(network, asked.value)).toMatchObject({
      undecided: [{ code: 'ruleset-unknown', say: expect.stringContaining('exit status 139') }],
    });
  },
);
