import { expect, test } from 'vitest';
import { fixtureTrace, shopNames, type TraceFixture } from './testing/traces';
import { traceText } from './trace-text';

const textOf = (fixture: TraceFixture, branch?: number) =>
  traceText({
    branch,
    trace: fixtureTrace(fixture),
    names: shopNames,
    question: 'shop/web-1 (10.244.1.3) → Service shop/api:http 10.99.151.112:80/tcp',
    place: 'node-1, captured 12 s ago',
    ruleText: (at) => (at.chain === 'services' ? 'ip daddr . meta l4proto . th dport vmap @service-ips' : undefined),
  });

test('the question, the verdict, then the branches that chance may take', () => {
  const [question, verdict, , , ...more] = textOf('delivered').split('\n');
  expect(question).toBe(
    'shop/web-1 (10.244.1.3) → Service shop/api:http 10.99.151.112:80/tcp      node-1, captured 12 s ago',
  );
  expect(verdict).toBe('DELIVERED  Reaches one of 3 shop/api pods. The client address is kept.');
  expect(more[0]).toMatch(
    /^ {2}1\/3 {4}delivered → 10\.244\.\d\.4:8080 pod shop\/api-\S+ {3}\(numgen random mod 3 = \d\)$/,
  );
});

test('places on the way stand in the margin, once each', () => {
  const places = textOf('delivered')
    .split('\n')
    .flatMap((line) => /^(prerouting|route|forward|postrouting)\b/.exec(line)?.[1] ?? []);
  expect(places).toEqual(['prerouting', 'route', 'forward', 'postrouting']);
});

test('a rule that was hit: its text, what it did, the element', () => {
  const text = textOf('delivered');
  expect(text).toContain(
    'ip daddr . meta l4proto . th dport vmap @service-ips #52   → hit, goto service-WEZGB4Y6-shop/api/tcp/http',
  );
  expect(text).toContain('10.99.151.112 . tcp . 80: 1 of 36 in @service-ips → goto service-WEZGB4Y6-shop/api/tcp/http');
  // A rule without a text is cited.
  expect(text).toMatch(/ip kube-proxy service-WEZGB4Y6-shop\/api\/tcp\/http #85/);
});

test.each<readonly [TraceFixture, string]>([
  ['rejected', 'REJECTED  shop/inventory has no endpoints, so node-1 refuses the connection.'],
  ['policy-drop', 'DROPPED  Dropped by the policy of ip filter FORWARD: no rule accepted it.'],
  ['undecided', 'UNDECIDED  The rule matches socket cgroupv2 level 2, which the capture does not hold.\n'],
])('%s', (fixture, wanted) => {
  expect(textOf(fixture)).toContain(`\n${wanted}`);
});

test('plain text: no colours, no blanks at the end of lines', () => {
  for (const fixture of ['delivered', 'rejected', 'policy-drop', 'undecided'] as const) {
    const text = textOf(fixture);
    expect(text.includes('\u001b')).toBe(false);
    expect(text.split('\n').filter((line) => /\s$/.test(line))).toEqual([]);
  }
});

test('says whose steps it shows: the first of those that end alike, or the chosen one', () => {
  const { branches } = fixtureTrace('delivered');
  const titles = (text: string) => text.split('\n').filter((line) => line.startsWith('--- '));
  const [first, ...others] = titles(textOf('delivered'));
  expect(first).toMatch(/^--- branch 1 of 3 \(1\/3\), the first of 3 with this verdict, delivered: /);
  expect(others).toEqual([]);
  for (const index of [1, 2]) {
    const text = textOf('delivered', index);
    expect(titles(text)).toEqual([expect.stringMatching(`^--- branch ${index + 1} of 3 \\(1/3\\), delivered: `)]);
    const choice = branches[index]?.choices[0];
    // Once in the list of branches, once in the steps.
    expect(text.split(`${choice?.what} = ${choice?.value} (1/3)`)).toHaveLength(2);
  }
});

test('a trace without a choice names no branch', () => {
  expect(textOf('rejected')).not.toContain('branch 1');
});
