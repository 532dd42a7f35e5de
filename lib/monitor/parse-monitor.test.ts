import { describe, expect, test } from 'vitest';
import { parseMonitor } from './parse-monitor';
import { fixture } from './testing/loopback';

const one = (line: string) => {
  const { events, problems } = parseMonitor(line);
  return { ...events[0], problems: problems.map(({ say }) => say) };
};

describe('one line', () => {
  test.each([
    {
      name: 'a rule without handle',
      line: 'trace id 8ce09ac4 inet filter output rule counter packets 0 bytes 0 (verdict continue)',
      want: { kind: 'rule', id: '8ce09ac4', family: 'inet', table: 'filter', chain: 'output', verdict: 'continue' },
    },
    {
      name: 'a rule with handle',
      line: 'trace id 1d64d085 inet t out rule tcp dport 80 # handle 15 (verdict accept)',
      want: { kind: 'rule', handle: 15, text: 'tcp dport 80', verdict: 'accept' },
    },
    {
      name: 'words like the verdict within the rule',
      line: 'trace id 1 ip t c rule log prefix "x (verdict drop) # handle 3 (verdict accept)" # handle 9 (verdict jump a)',
      want: {
        handle: 9,
        verdict: 'jump',
        jumpTarget: 'a',
        text: 'log prefix "x (verdict drop) # handle 3 (verdict accept)"',
      },
    },
    {
      name: 'a rule that is no longer there',
      line: 'trace id e1 ip6 t c unknown rule handle 12 (verdict drop)',
      want: { kind: 'rule', handle: 12, verdict: 'drop' },
    },
    {
      name: 'a goto to a chain with slashes',
      line: 'trace id a9 ip kube-proxy services rule ip daddr . meta l4proto . th dport vmap @service-ips (verdict goto service-NWBZK7IH-shop/api/tcp/http)',
      want: { verdict: 'goto', jumpTarget: 'service-NWBZK7IH-shop/api/tcp/http' },
    },
    {
      name: 'a policy with a mark',
      line: 'trace id 401f3bbe inet t out policy accept meta mark 0x00000005 ',
      want: { kind: 'policy', verdict: 'accept', mark: 5 },
    },
    {
      name: 'the end of a chain',
      line: 'trace id 7 ip raw foo verdict continue',
      want: { kind: 'end', verdict: 'continue' },
    },
    {
      name: 'the end of a chain with a mark',
      line: 'trace id 7 ip raw foo verdict return meta mark 0x1',
      want: { kind: 'end', verdict: 'return', mark: 1 },
    },
    {
      name: 'colours and a time stamp of a log',
      line: '\u001b[32mNov 21 04:00:01 node-1 nft: trace id 7 ip raw foo policy drop\u001b[0m',
      want: { kind: 'policy', verdict: 'drop', line: 1 },
    },
  ])('$name', ({ line, want }) => expect(one(line)).toMatchObject({ ...want, problems: [] }));

  test.each([
    { name: 'cut short', line: 'trace id 8ce09ac4 inet filter', say: 'cut short' },
    {
      name: 'no verdict',
      line: 'trace id 8 inet filter output rule tcp dport 80',
      say: 'Neither a packet, a rule nor a policy',
    },
    { name: 'an unknown verdict', line: 'trace id 8 inet f o rule x (verdict maybe)', say: 'Neither' },
    { name: 'a jump to nowhere', line: 'trace id 8 inet f o rule x (verdict jump)', say: 'Neither' },
    { name: 'something else', line: 'tcpdump: listening on eth0', say: 'no line of nft monitor trace' },
  ])('$name is a problem with its line', ({ line, say }) => {
    const { events, problems } = parseMonitor(`\n\n${line}`);
    expect(events).toEqual([]);
    expect(problems).toEqual([{ line: 3, say: expect.stringContaining(say) }]);
  });

  test('other lines of nft monitor are passed over and counted', () => {
    const { problems, otherLines } = parseMonitor('add rule ip t c counter\n# new generation 5 by process 3 (nft)\n');
    expect([problems, otherLines]).toEqual([[], 2]);
  });
});

test('headers belong to the next event of their id; conntrack lines of newer versions say nothing of rules', () => {
  const { events } = parseMonitor(
    [
      'trace id 1 ip t c packet: iif "eth0" ether saddr 02:00:00:00:00:01 ip saddr 10.0.0.1 ip daddr 10.0.0.2 ip protocol tcp tcp sport 4 tcp dport 80',
      'trace id 2 ip6 t c packet: oif "lo" ip6 saddr fd00::1 ip6 daddr ::1 ip6 nexthdr udp udp sport 5 udp dport 53',
      'trace id 1 ip t c conntrack: ct direction original ct state new ct id 2641368242',
      'trace id 1 ip t c rule accept (verdict accept)',
      'trace id 2 ip6 t c policy accept',
    ].join('\n'),
  );
  expect(events.map(({ packet }) => packet)).toEqual([
    { iif: 'eth0', saddr: '10.0.0.1', daddr: '10.0.0.2', protocol: 'tcp', sport: 4, dport: 80 },
    { oif: 'lo', saddr: 'fd00::1', daddr: '::1', protocol: 'udp', sport: 5, dport: 53 },
  ]);
});

test.each(['monitor.txt', 'monitor-handles.txt'])('recorded output is understood line by line: %s', (name) => {
  const text = fixture(name);
  const { events, problems, otherLines } = parseMonitor(text);
  expect([problems, otherLines]).toEqual([[], 0]);
  const lines = text.split('\n').filter((line) => line !== '' && !line.includes(' packet: '));
  expect(events.length).toBe(lines.length);
  expect(events.some(({ handle }) => handle !== undefined)).toBe(name.includes('handles'));
});
