import { describe, expect, test } from 'vitest';
import { alignPasted } from './align-pasted';
import { parseMonitor } from './parse-monitor';
import { fixture, OPTIONS, PACKETS, traceOf } from './testing/loopback';

const align = (text: string, name: keyof typeof PACKETS) =>
  alignPasted(parseMonitor(text).events, traceOf(PACKETS[name]), OPTIONS);
const names = Object.keys(PACKETS) as (keyof typeof PACKETS)[];

describe.each(['monitor.txt', 'monitor-handles.txt'])('recorded: %s', (file) => {
  const known = new Set(parseMonitor(fixture(file)).events.flatMap(({ packet }) => packet?.dport ?? []));
  // The second round ended before its last packets.
  test.each(names.filter((name) => known.has(PACKETS[name].dport)))('%s agrees with the kernel', (name) => {
    const { alignment, otherPacket, otherPackets } = align(fixture(file), name);
    expect(otherPacket).toEqual([]);
    expect(otherPackets).toBeGreaterThan(0);
    expect(alignment?.rows.filter(({ outcome }) => !['agrees', 'not-shown'].includes(outcome))).toEqual([]);
    expect(alignment?.agreed).toBeGreaterThan(2);
    const by = new Set(alignment?.rows.flatMap((row) => row.by ?? []));
    expect([...by]).toEqual([file.includes('handles') ? 'handle' : 'text']);
  });
});

describe('a packet through lo and one the kernel makes', () => {
  test('joins the ids by order', () => {
    const { alignment } = align(fixture('monitor.txt'), 'dns');
    const ids = new Set(alignment?.rows.flatMap(({ kernel }) => kernel?.id ?? []));
    // The packet, the same through lo, the ICMP error, the same through lo; prerouting has no chain of the capture.
    expect(ids.size).toBe(4);
  });

  test('the answer of a reject rule stands before the rule', () => {
    const rows = align(fixture('monitor.txt'), 'rejected').alignment?.rows ?? [];
    const last = rows.filter(({ outcome }) => outcome === 'agrees').at(-1);
    expect(last?.kernel).toMatchObject({ verdict: 'drop', chain: 'output' });
    expect(last?.ours?.skb).toBe(0);
    expect(rows.some(({ ours }) => ours?.skb === 1)).toBe(true);
  });
});

describe('divergence', () => {
  const text = fixture('monitor.txt');
  test.each([
    {
      name: 'another verdict',
      change: (s: string) =>
        s.replaceAll('filter input rule iifname "lo" udp dport 53 accept (verdict accept)', 'filter input policy drop'),
      outcomes: ['only-ours', 'only-kernel'],
    },
    {
      name: 'another rule of the chain',
      change: (s: string) =>
        s.replaceAll(
          'rule udp dport 53 log prefix "dns (verdict drop) " meta mark set 0x00000005',
          'rule counter packets 5 bytes 4',
        ),
      outcomes: ['differs'],
    },
    {
      name: 'a mark',
      change: (s: string) => s.replaceAll('policy accept meta mark 0x00000005', 'policy accept meta mark 0x00000006'),
      outcomes: ['differs'],
    },
    {
      name: 'a step of ours that the kernel has not',
      change: (s: string) => s.replaceAll(/.*filter output rule counter.*\n/g, ''),
      outcomes: ['only-ours'],
    },
    {
      name: 'a step of the kernel that ours has not',
      change: (s: string) =>
        s.replaceAll(/(.*filter output) policy accept meta mark.*\n/g, '$1 rule accept (verdict continue)\n$&'),
      outcomes: ['only-kernel'],
    },
  ])('$name is the first divergence', ({ change, outcomes }) => {
    const { alignment } = align(change(text), 'dns');
    const first = alignment?.rows[alignment.divergence ?? -1];
    expect(outcomes).toContain(first?.outcome);
    // What agreed before is kept, and both meet again where they can.
    expect(alignment?.agreed).toBeGreaterThan(0);
    expect(alignment?.agreed).toBeLessThan(alignment?.compared ?? 0);
  });

  test('a rule that reads like none of the capture is recognised by its place', () => {
    const changed = text.replaceAll(
      'rule iifname "lo" udp dport 53 accept',
      'rule meta iifname lo udp dport domain accept',
    );
    const { alignment } = align(changed, 'dns');
    expect(alignment?.divergence).toBeNull();
    expect(alignment?.rows.some(({ by }) => by === 'place')).toBe(true);
  });

  test('another packet says how it differs', () => {
    const six = parseMonitor(text).events.find(({ packet }) => packet?.dport === 443)?.id;
    const only = text.split('\n').filter((line) => line.includes(`trace id ${six} `));
    expect(align(only.join('\n'), 'dns').otherPacket).toContain('ip saddr ::1, not 127.0.0.1');
  });

  test.each([
    ['nothing', ''],
    ['only tables that the capture has not', 'trace id 1 ip other c policy accept'],
  ])('%s: no alignment', (_name, paste) => expect(align(paste, 'dns').alignment).toBeNull());
});

describe('tracing switched on later than the trace begins', () => {
  test('at a later chain', () => {
    const lines = fixture('monitor.txt').split('\n');
    const { alignment } = align(lines.filter((line) => !line.includes(' inet filter nat ')).join('\n'), 'dns');
    expect(alignment?.rows[0]).toMatchObject({ outcome: 'not-shown', ours: { chain: 'nat' } });
    expect(alignment?.divergence).toBeNull();
  });

  test('by a rule added to a captured chain', () => {
    const text = fixture('monitor.txt')
      .split('\n')
      .filter((line) => !line.includes(' inet filter nat ') && !line.includes(' inet tracer '))
      .slice(0, 12)
      .join('\n')
      .replace(
        /(trace id \S+ inet filter output) rule counter .*/,
        '$1 rule udp dport 53 meta nftrace set 1 (verdict continue)',
      );
    const { alignment } = align(text, 'dns');
    expect(alignment?.rows.find(({ outcome }) => outcome !== 'not-shown')?.ours).toMatchObject({
      first: false,
      chain: 'output',
    });
    expect(alignment?.divergence).toBeNull();
  });
});
