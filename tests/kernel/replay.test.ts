/** Replays in the running kernel: they agree, they notice what is wrong, they leave nothing behind. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type OpenNode, openNode } from '@/lib/api/open-node';
import { type ReplayPlan, replayPlan } from '@/lib/api/replay-plan';
import type { TraceQuery } from '@/lib/api/trace-answer';
import { stamp } from '@/lib/monitor/agreement';
import { whyNotReplay } from '@/server/replay/available';
import { replay } from '@/server/replay/replay';
import { openPath } from '@/server/sources/open-source';
import { DEFAULT_LIMITS } from '@/server/sources/source';
import { describeShared } from '../shared';

const { signal } = new AbortController();
const missing = await whyNotReplay(signal);

async function nodeOf(path: string, name: string): Promise<OpenNode> {
  const opened = await openPath(path, DEFAULT_LIMITS);
  if (!opened.ok) throw new Error(opened.problem.say);
  const [capture, cluster] = [await opened.value.node(name, signal), await opened.value.cluster(signal)];
  if (!capture.ok || !cluster.ok) throw new Error('the capture cannot be read');
  const { files, capturedAt, hash } = capture.value;
  return openNode({ node: name, files, cluster: cluster.value.files, capturedAt, version: hash });
}

function planOf(node: OpenNode, query: TraceQuery): ReplayPlan {
  const plan = replayPlan(node, query);
  if (!plan.ok) throw new Error(plan.problem.say);
  return plan.value;
}

const ask = (from: string, to: string): TraceQuery => ({
  question: { from, to, family: undefined, protocol: undefined, sport: undefined, dport: undefined, flags: undefined },
});
const outside = { iif: 'eth0', saddr: '198.51.100.10', protocol: 'tcp' };
const outside6 = { iif: 'eth0', saddr: '2001:db8:51::10', protocol: 'tcp' };
const WEB = 'shop/web-6d4f8b7c9-2hxkz';

const QUESTIONS: readonly (readonly [string, TraceQuery])[] = [
  ['pod to a Service of three pods', ask(WEB, 'svc:shop/api:http')],
  ['pod to DNS', ask(WEB, 'svc:kube-system/kube-dns:dns')],
  ['pod to a Service with affinity', ask(WEB, 'svc:shop/cart')],
  ['pod to a Service without endpoints', ask(WEB, 'svc:shop/inventory')],
  ['pod to the world', ask(WEB, '198.51.100.10:443/tcp')],
  ['outside to a node port', ask('external', '10.240.0.11:30080/tcp')],
  ['outside to a load balancer', ask('external', 'svc:shop/edge')],
  ['outside to an external address', ask('external', 'svc:shop/legacy-storefront')],
  ['IPv6 Service', ask('external', 'svc:shop/telemetry')],
  ['a port of the node', { packet: { ...outside, daddr: '10.240.0.11', dport: 22 } }],
  ['a port of the node over IPv6', { packet: { ...outside6, daddr: 'fd00:10:240::11', dport: 22 } }],
  [
    'a source that is not allowed',
    { packet: { ...outside, saddr: '198.51.100.77', daddr: '203.0.113.12', dport: 443 } },
  ],
  ['rejected at a load balancer', { packet: { ...outside, daddr: '203.0.113.13', dport: 80 } }],
  ['echo request', { packet: { ...outside, daddr: '10.240.0.11', protocol: 'icmp', icmpType: 8 } }],
  ['TTL of 1', { packet: { ...outside, daddr: '10.244.1.3', dport: 8080, ttl: 1 } }],
  [
    'a process of the node to a Service',
    { packet: { from: 'local', saddr: '10.240.0.11', daddr: '10.96.0.1', protocol: 'tcp', dport: 443 } },
  ],
  [
    'a process of the node is refused',
    { packet: { from: 'local', saddr: '10.240.0.11', daddr: '10.106.32.181', protocol: 'udp', dport: 81 } },
  ],
  [
    'a process of the node to its node port',
    { packet: { from: 'local', saddr: '10.240.0.11', daddr: '10.240.0.11', protocol: 'tcp', dport: 30080 } },
  ],
  ['loopback', { packet: { from: 'local', saddr: '127.0.0.1', daddr: '127.0.0.1', protocol: 'udp', dport: 5000 } }],
  ['a segment without a connection', { packet: { ...outside, daddr: '10.96.0.1', dport: 443, flags: ['ack'] } }],
];

describe.skipIf(missing !== undefined)(
  `replay${missing === undefined ? '' : ` (skipped: ${missing.say})`}`,
  async () => {
    const node = await nodeOf(join(import.meta.dirname, '../../public/demo/shop-3node.tar.gz'), 'node-1');

    test.each(QUESTIONS)('agrees: %s', async (_name, query) => {
      const agreement = await replay(planOf(node, query), signal);
      expect(stamp(agreement), JSON.stringify(agreement).slice(0, 2000)).toMatch(
        /^agrees with kernel \d+\.\d+, (\d+) of \1 steps$/,
      );
      if (agreement.kind !== 'agrees') return;
      expect(agreement.alignment.compared).toBeGreaterThan(5);
      // Every branch of chance was seen, and agreed.
      expect(agreement.branchesSeen.length).toBe(agreement.branches);
    });

    const forwarded = planOf(node, { packet: { ...outside, daddr: '10.244.1.3', dport: 8080 } });
    const { build } = forwarded;
    if (build === undefined) throw new Error('the plan has obstacles');
    const { expected } = build.node;

    test('a wrong verdict in the trace is found, at its step', async () => {
      const [branch] = expected.branches;
      if (branch === undefined) throw new Error('no branch');
      const at = branch.steps.findLastIndex(({ kind }) => kind === 'policy');
      const steps = branch.steps.map((step, index) =>
        index === at && step.kind === 'policy' ? { ...step, verdict: 'drop' as const } : step,
      );
      const wrong = { ...expected, branches: [{ ...branch, steps }] };
      const agreement = await replay(
        { ...forwarded, build: { ...build, node: { ...build.node, expected: wrong } } },
        signal,
      );
      if (agreement.kind !== 'diverges') throw new Error(`it ${agreement.kind}`);
      const { rows, divergence } = agreement.alignment;
      expect(rows[divergence ?? -1]).toMatchObject({
        outcome: 'differs',
        ours: { step: at },
        differences: [{ what: 'verdict', kernel: 'accept', ours: 'drop' }],
      });
    });

    test('a missing step and an ending that is not so are found', async () => {
      const first = build.node.sysctl.first.map(
        ([key, value]) => [key, key.endsWith('ip_forward') || key.endsWith('.all.forwarding') ? '0' : value] as const,
      );
      const plan = {
        ...forwarded,
        build: { ...build, node: { ...build.node, sysctl: { ...build.node.sysctl, first } } },
      };
      const agreement = await replay(plan, signal);
      expect(agreement).toMatchObject({ kind: 'diverges', endings: [{ what: 'sent', kernel: 'nothing' }] });
      expect(stamp(agreement)).toMatch(/^differs from kernel \S+ at step \d+ of \d+$/);
    });

    test.each([
      {
        name: 'another rule',
        text: (text: string) =>
          text.replace(/meta mark set meta mark \| 0x00004000/, 'meta mark set meta mark | 0x00008000'),
        say: /not the captured one.*Captured: rule/,
      },
      {
        name: 'a rule less',
        text: (text: string) => text.replace(/\n[^\n]*masquerade[^\n]*/, ''),
        say: /not the captured one/,
      },
      {
        name: 'an element more',
        text: (text: string) => text.replace('elements = { 10.96.0.1,', 'elements = { 10.96.7.7, 10.96.0.1,'),
        say: /not the captured one.*10\.96\.7\.7/s,
      },
      { name: 'no ruleset at all', text: () => '', say: /Captured: table/ },
      {
        name: 'what nft refuses',
        text: () => 'table ip x { chain y { nonsense } }',
        say: /does not load the captured ruleset: .*Error/,
      },
    ])('no stamp for $name', async ({ text, say }) => {
      const { ruleset } = build;
      const [given = ''] = ruleset.texts;
      const changed = text(given);
      expect(changed).not.toBe(given);
      const agreement = await replay(
        { ...forwarded, build: { ...build, ruleset: { ...ruleset, texts: [changed] } } },
        signal,
      );
      if (agreement.kind !== 'not-replayable') throw new Error(`it ${agreement.kind}`);
      expect(agreement.obstacles[0]?.say).toMatch(say);
    });

    test('our own text of the ruleset loads as the captured one', async () => {
      const texts = build.ruleset.texts.slice(-1);
      const agreement = await replay(
        { ...forwarded, build: { ...build, ruleset: { ...build.ruleset, texts } } },
        signal,
      );
      expect(agreement.kind).toBe('agrees');
    });

    test('a packet of an open connection is not replayable', async () => {
      const query = {
        packet: {
          iif: 'eth0',
          saddr: '10.244.3.3',
          daddr: '10.244.1.4',
          protocol: 'tcp',
          sport: 40122,
          dport: 8080,
          flags: ['ack'],
        },
      };
      expect(planOf(node, query).obstacles).toMatchObject([{ code: 'conntrack' }]);
    });

    test('stopped in the middle, it says so; nothing of the host is touched, and nothing is left', async () => {
      const host = () => [
        execFileSync('nft', ['list', 'ruleset']).toString(),
        execFileSync('ip', ['-o', 'route']).toString(),
        execFileSync('sysctl', ['net.ipv4.ip_forward', 'net.ipv4.conf.all.rp_filter']).toString(),
      ];
      const before = host();
      const stop = new AbortController();
      const running = replay(planOf(node, ask('external', 'svc:shop/telemetry')), stop.signal);
      setTimeout(() => stop.abort(), 300);
      expect(await running).toMatchObject({ kind: 'not-replayable', obstacles: [{ code: 'stopped' }] });
      expect(host()).toEqual(before);
      const names = execFileSync('ip', ['netns', 'list']).toString();
      const processes = execFileSync('ps', ['-o', 'args=', '--ppid', String(process.pid)]).toString();
      expect(names).not.toContain('nftscope-replay');
      expect(processes).not.toContain('replay/helper.py');
    });
  },
);

describeShared('nodes that cannot be replayed', (shared) => {
  test('rules made by iptables', async () => {
    const node = await nodeOf(join(shared, 'captures/shop-iptables-node'), 'node-4');
    const plan = planOf(node, { packet: { ...outside, daddr: '10.240.0.14', dport: 22 } });
    expect(plan.obstacles.map(({ code }) => code)).toContain('xt');
  });
});
