import { describe, expect, test } from 'vitest';
import type { Branch, Fate, Step, Trace } from '../sim/trace';
import { fixtureBranch, fixtureTrace, shopNames, type TraceFixture } from './testing/traces';
import { type NamedEndpoint, noNames, type TraceNames } from './trace-names';
import { verdictFacts } from './verdict-facts';
import { branchVerdict, traceVerdict, verdictSentence } from './verdict-sentence';

test.each<{ fixture: TraceFixture; verdict: string; named: string; bare: string }>([
  {
    fixture: 'delivered',
    verdict: 'delivered',
    named: 'Reaches one of 3 shop/api pods. The client address is kept.',
    bare: 'Reaches one of 3 destinations. The client address is kept.',
  },
  {
    fixture: 'rejected',
    verdict: 'rejected',
    named: 'shop/inventory has no endpoints, so node-1 refuses the connection.',
    bare: 'The Service at 10.106.32.181 has no endpoints, so node-1 refuses the connection.',
  },
  {
    fixture: 'policy-drop',
    verdict: 'dropped',
    named: 'Dropped by the policy of ip filter FORWARD: no rule accepted it.',
    bare: 'Dropped by the policy of ip filter FORWARD: no rule accepted it.',
  },
  {
    fixture: 'undecided',
    verdict: 'undecided',
    named: 'The rule matches socket cgroupv2 level 2, which the capture does not hold.',
    bare: 'The rule matches socket cgroupv2 level 2, which the capture does not hold.',
  },
])('$fixture', ({ fixture, verdict, named, bare }) => {
  const trace = fixtureTrace(fixture);
  expect(traceVerdict(trace)).toBe(verdict);
  expect(verdictSentence(trace, shopNames)).toBe(named);
  expect(verdictSentence(trace, noNames('node-1'))).toBe(bare);
});

/** The rejected fixture with another end. */
function ending(fate: Partial<Fate>, last?: Step): Trace {
  const { trace, branch } = fixtureBranch('rejected');
  if (branch.outcome.kind !== 'decided') throw new Error('decided');
  const steps = last ? [...branch.steps.slice(0, -1), last] : branch.steps;
  return {
    ...trace,
    branches: [{ ...branch, steps, outcome: { kind: 'decided', fate: { ...branch.outcome.fate, ...fate } } }],
  };
}
const KP = { family: 'ip', table: 'kube-proxy', hook: 'forward' } as const;

describe('causes of kube-proxy', () => {
  test.each<{ name: string; trace: Trace; says: string }>([
    {
      name: 'a port the Service has not',
      trace: toPort(
        ending({ by: { ...KP, chain: 'cluster-ips-check', type: 'rule', handle: 38, verdict: 'drop' } }, noLookup()),
        81,
      ),
      says: 'shop/inventory has no port 81/tcp, so node-1 refuses the connection.',
    },
    {
      name: 'an address no Service has',
      trace: toAddress(
        ending(
          { summary: 'dropped', by: { ...KP, chain: 'cluster-ips-check', type: 'rule', handle: 39, verdict: 'drop' } },
          noLookup(),
        ),
        '10.106.32.182',
      ),
      says: '10.106.32.182 belongs to no Service, so node-1 drops the packet.',
    },
    {
      name: 'outside the source ranges',
      trace: ending(
        {
          summary: 'dropped',
          by: { ...KP, chain: 'firewall-VQSU36QR-shop/payments/tcp/http', type: 'rule', handle: 151, verdict: 'drop' },
        },
        noLookup(),
      ),
      says: '10.244.1.3 is not in the source ranges of shop/payments, so node-1 drops the packet.',
    },
  ])('$name', ({ trace, says }) => {
    const [branch] = trace.branches;
    const steps = branch?.steps.map((step) => (step.kind === 'rule' ? { ...step, lookups: [] } : step)) ?? [];
    expect(verdictSentence({ ...trace, branches: branch ? [{ ...branch, steps }] : [] }, shopNames)).toBe(says);
  });
});

describe('a node whose rules are not what the cluster says', () => {
  const knowing = (...endpoints: readonly NamedEndpoint[]): TraceNames => ({
    ...shopNames,
    service: (address, protocol, port) => {
      const found = shopNames.service(address, protocol, port);
      return found === undefined ? undefined : { ...found, endpoints };
    },
  });
  const at = (address: string, node: string | null = null): NamedEndpoint => ({ address, ready: true, node });
  const [one, two, three] = [
    at('10.244.1.4:8080', 'node-1'),
    at('10.244.2.4:8080', 'node-2'),
    at('10.244.3.4:8080', 'node-3'),
  ];

  test('a pod that is an endpoint is named with the Service', () => {
    expect(verdictSentence(fixtureTrace('delivered'), knowing(one, two, three))).toBe(
      'Reaches one of 3 shop/api pods. The client address is kept.',
    );
  });

  test('a pod that is none is named for itself', () => {
    const { trace, branch } = fixtureBranch('delivered', 0);
    const alone = { ...trace, branches: [branch] };
    expect(verdictSentence(alone, knowing(two, three))).toBe(
      'Reaches pod shop/api-5b8c9d6f7-8tqwn, port 8080, which is no endpoint of shop/api: the rules of node-1 lead there. The client address is kept.',
    );
    // The pod of an endpoint at another port is none either.
    expect(verdictSentence(alone, knowing(at('10.244.1.4:9090')))).toContain('is no endpoint of shop/api');
    expect(verdictSentence(alone, knowing(one))).toContain('Reaches shop/api at pod shop/api-5b8c9d6f7-8tqwn.');
  });

  test('one of several that is none', () => {
    expect(verdictSentence(fixtureTrace('delivered'), knowing(two, three))).toBe(
      'Reaches one of 3 destinations. 1 of them is no endpoint of shop/api: pod shop/api-5b8c9d6f7-8tqwn, port 8080. The rules of node-1 lead there. The client address is kept.',
    );
  });

  test('no endpoint in the rules, one in the cluster', () => {
    const trace = fixtureTrace('rejected');
    expect(verdictSentence(trace, knowing(one))).toBe(
      'The rules of node-1 have no endpoint of shop/inventory, though 1 endpoint is ready, so node-1 refuses the connection.',
    );
    const none = 'shop/inventory has no endpoints, so node-1 refuses the connection.';
    expect(verdictSentence(trace, knowing({ ...one, ready: false }))).toBe(none);
    expect(verdictSentence(trace, knowing(at('[fd00::4]:8080')))).toBe(none);
  });

  test('a port that the Service has and the node has no rule for', () => {
    const by = { ...KP, chain: 'cluster-ips-check', type: 'rule', handle: 38, verdict: 'drop' } as const;
    const trace = withoutLookups(ending({ by }, noLookup()));
    expect(verdictSentence(trace, knowing(one))).toBe(
      'node-1 has no rule for shop/inventory port 80/tcp, so node-1 refuses the connection.',
    );
    const dropped = withoutLookups(ending({ by, summary: 'dropped' }, noLookup()));
    expect(verdictSentence(dropped, knowing(one))).toBe(
      'node-1 has no rule for shop/inventory port 80/tcp, so node-1 drops the packet.',
    );
  });
});

function withoutLookups(trace: Trace): Trace {
  const bare = (step: Step): Step => (step.kind === 'rule' ? { ...step, lookups: [] } : step);
  return { ...trace, branches: trace.branches.map((branch) => ({ ...branch, steps: branch.steps.map(bare) })) };
}

/** The trace for another port than the Service has. */
const toPort = (trace: Trace, dport: number): Trace => ({ ...trace, packet: { ...trace.packet, dport } });

const toAddress = (trace: Trace, daddr: string): Trace => ({ ...trace, packet: { ...trace.packet, daddr } });

function noLookup(): Step {
  const { branch } = fixtureBranch('rejected');
  const last = branch.steps.at(-1);
  if (!last) throw new Error('empty');
  return last;
}

describe('other ends', () => {
  test('another table names the rule', () => {
    const by = {
      family: 'ip',
      table: 'filter',
      chain: 'FORWARD',
      type: 'rule',
      handle: 12,
      verdict: 'drop',
      hook: 'forward',
    } as const;
    expect(verdictSentence(ending({ by }), shopNames)).toBe('Rejected by ip filter FORWARD #12 in forward.');
    expect(verdictSentence(ending({ by, summary: 'dropped' }), shopNames)).toBe(
      'Dropped by ip filter FORWARD #12 in forward.',
    );
  });

  test('outside nftables the kernel says why', () => {
    const { by, ...fate } = decidedFate();
    expect(by).toBeDefined();
    const last: Step = {
      kind: 'kernel',
      skb: 0,
      code: 'rp-filter',
      say: 'The reverse path filter drops it on eth0.',
      ends: true,
    };
    const trace = ending({}, last);
    const [branch] = trace.branches;
    const lost: Branch[] = branch
      ? [{ ...branch, outcome: { kind: 'decided', fate: { ...fate, summary: 'lost-outside-nftables' } } }]
      : [];
    expect(verdictSentence({ ...trace, branches: lost }, shopNames)).toBe('The reverse path filter drops it on eth0.');
  });

  test('branches that differ', () => {
    const good = fixtureTrace('delivered');
    const bad = fixtureBranch('policy-drop').branch;
    const branches = good.branches.map((branch, i) => (i === 2 ? { ...bad, probability: branch.probability } : branch));
    const trace = { ...good, branches };
    expect(traceVerdict(trace)).toBe('depends');
    expect(verdictSentence(trace, shopNames)).toBe(
      'Depends on chance: 2 of 3 delivered, 1 of 3 dropped. Dropped by the policy of ip filter FORWARD: no rule accepted it.',
    );
  });

  test('what takes the packet away leaves it undecided', () => {
    const { by, ...fate } = decidedFate();
    expect(by).toBeDefined();
    const { trace, branch } = fixtureBranch('rejected');
    const stolen: Branch = { ...branch, outcome: { kind: 'decided', fate: { ...fate, summary: 'stolen' } } };
    expect(branchVerdict(stolen)).toBe('undecided');
    expect(verdictSentence({ ...trace, branches: [stolen] }, shopNames)).toMatch(/takes the packet out of the way/);
  });
});

function decidedFate(): Fate {
  const { outcome } = fixtureBranch('rejected').branch;
  if (outcome.kind !== 'decided') throw new Error('decided');
  return outcome.fate;
}

test('a port where nothing listens: what goes back instead', () => {
  const { trace, branch } = fixtureBranch('delivered', 0);
  const packet = {
    family: 'ip',
    saddr: '10.244.1.4',
    daddr: '10.244.1.3',
    protocol: 'tcp',
    flags: ['rst', 'ack'],
  } as const;
  const reset: Step = { kind: 'generated', skb: 1, what: 'TCP reset', packet, because: 0 };
  const closed: Branch = { ...branch, steps: [...branch.steps, reset] };
  expect(verdictSentence({ ...trace, branches: [closed] }, shopNames)).toBe(
    'Reaches shop/api at pod shop/api-5b8c9d6f7-8tqwn. Nothing there takes it: TCP reset goes back.',
  );
  expect(verdictFacts(trace, closed)).toContainEqual({
    kind: 'text',
    text: 'the client sees “connection refused” at once (TCP reset)',
  });
});

describe('an answer to a port where no socket listens', () => {
  const packet = { family: 'ip', saddr: '10.244.1.4', daddr: '10.244.1.3', protocol: 'tcp', flags: ['rst'] } as const;
  const reset: Step = { kind: 'generated', skb: 1, what: 'TCP reset', packet, because: 0 };
  const inState = (state: 'new' | 'established'): Trace => {
    const { trace, branch } = fixtureBranch('delivered', 0);
    const before = branch.steps.filter(({ kind }) => kind !== 'conntrack');
    const tracked = branch.steps.find((step) => step.kind === 'conntrack');
    if (tracked?.kind !== 'conntrack') throw new Error('no connection');
    const step: Step = { ...tracked, skb: 0, ct: { ...tracked.ct, state } };
    return { ...trace, branches: [{ ...branch, steps: [step, ...before, reset] }] };
  };
  test('of a connection that is open: who opened it has a socket', () => {
    expect(traceVerdict(inState('established'))).toBe('delivered');
    expect(verdictSentence(inState('established'), shopNames)).not.toContain('Nothing there takes it');
  });
  test('of a new one', () => {
    expect(traceVerdict(inState('new'))).toBe('rejected');
    expect(verdictSentence(inState('new'), shopNames)).toContain('Nothing there takes it');
  });
});

describe('verdictFacts', () => {
  test('of a translated packet', () => {
    const { trace, branch } = fixtureBranch('delivered', 1);
    expect(verdictFacts(trace, branch)).toEqual([
      { kind: 'translation', before: '10.99.151.112:80', after: '10.244.2.4:8080' },
      { kind: 'text', text: 'the reply is translated back' },
    ]);
  });
  test('of a rejected one', () => {
    const { trace, branch } = fixtureBranch('rejected');
    expect(verdictFacts(trace, branch)).toMatchObject([
      { kind: 'rule', hook: 'forward', label: 'reject-chain #44' },
      { kind: 'text', text: 'the client sees “connection refused” at once (ICMP port unreachable)' },
    ]);
  });
  test('of a dropped one', () => {
    const { trace, branch } = fixtureBranch('policy-drop');
    expect(verdictFacts(trace, branch)).toMatchObject([
      { kind: 'rule', label: 'FORWARD policy' },
      { kind: 'text', text: 'nothing is sent back: the client waits' },
    ]);
  });
  // Measured for TCP and UDP: connect(2) to an address that a rule of output drops waits, sendto(2) fails; without a route both fail.
  const ROUTED = { kind: 'route', skb: 0, to: 'output', oif: 'eth0', say: '' } as Step;
  test.each([
    { protocol: 'tcp', steps: [ROUTED], errno: 1, says: 'nothing is sent back: the client waits' },
    { protocol: 'sctp', steps: [ROUTED], errno: 1, says: 'nothing is sent back: the client waits' },
    { protocol: 'udp', steps: [ROUTED], errno: 1, says: 'the sender gets EPERM' },
    { protocol: 'icmp', steps: [ROUTED], errno: 1, says: 'the sender gets EPERM' },
    { protocol: 'tcp', steps: [], errno: 101, says: 'the sender gets ENETUNREACH' },
  ])('of what output drops, the sender of $protocol: $says', ({ protocol, steps, errno, says }) => {
    const trace = ending({ summary: 'dropped', sendErrno: errno });
    const [branch] = trace.branches;
    if (branch === undefined) throw new Error('no branch');
    const facts = verdictFacts({ ...trace, packet: { ...trace.packet, protocol } }, { ...branch, steps });
    expect(facts.at(-1)).toEqual({ kind: 'text', text: says });
  });
});
