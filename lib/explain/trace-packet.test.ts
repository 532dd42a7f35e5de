import { describe, expect, test } from 'vitest';
import { fixtureBranch, type TraceFixture } from './testing/traces';
import { packetAfter, valueAsSent } from './trace-packet';

const rows = (fixture: TraceFixture, number: number, legIndex = 0) => {
  const { trace, branch, legs } = fixtureBranch(fixture, fixture === 'delivered' ? 1 : 0);
  const leg = legs[legIndex];
  if (!leg) throw new Error('no such leg');
  return packetAfter(branch, leg, number, trace.packet);
};
const row = (fixture: TraceFixture, number: number, field: string) =>
  rows(fixture, number).rows.find((r) => r.field === field);

describe('packetAfter', () => {
  test('before the translation nothing has changed', () => {
    expect(row('delivered', 3, 'ip daddr')).toEqual({ field: 'ip daddr', value: '10.99.151.112', changed: false });
    expect(row('delivered', 3, 'oif')).toMatchObject({ value: '', note: 'none before routing' });
  });

  test('the translation changes address and port, once', () => {
    expect(row('delivered', 4, 'ip daddr')).toEqual({
      field: 'ip daddr',
      value: '10.244.2.4',
      was: '10.99.151.112',
      changed: true,
    });
    expect(row('delivered', 5, 'ip daddr')).toMatchObject({
      value: '10.244.2.4',
      was: '10.99.151.112',
      changed: false,
    });
    expect(row('delivered', 4, 'th dport')).toMatchObject({ value: '8080', was: '80', changed: true });
  });

  test('routing names the interface, forwarding takes one from the ttl', () => {
    expect(row('delivered', 5, 'oif')).toMatchObject({ value: 'eth0' });
    expect(row('delivered', 5, 'ttl')).toBeUndefined();
    expect(row('delivered', 6, 'ttl')).toEqual({ field: 'ttl', value: '63', note: 'was 64', changed: false });
  });

  test('how it came in is known before the first step', () => {
    expect(row('delivered', 0, 'iif')).toMatchObject({ value: row('delivered', 4, 'iif')?.value });
    expect(row('delivered', 0, 'ip daddr')).toMatchObject({ value: '10.99.151.112' });
  });

  test('what it came with: by a rule, by the kernel, or as it still is', () => {
    const asSent = (field: string) => valueAsSent(row('delivered', 6, field) ?? { field, value: '', changed: false });
    expect(['ip daddr', 'ttl', 'ip saddr'].map(asSent)).toEqual(['10.99.151.112', '64', undefined]);
  });

  test('a mark is written as nft prints it', () => {
    expect(row('undecided', 2, 'mark')).toMatchObject({ value: '0x00004000', was: '0x00000000', changed: true });
  });

  test('conntrack knows the translation with the step that binds it', () => {
    expect(rows('delivered', 3).ct).toMatchObject({ state: 'new' });
    expect(rows('delivered', 3).ct?.entry?.status).toEqual([]);
    expect(rows('delivered', 4).ct?.entry?.status).toContain('dst-nat');
  });

  test('the packet of a leg the kernel made is its own', () => {
    const { rows: fields } = rows('rejected', 2, 1);
    expect(fields.find((r) => r.field === 'l4proto')).toMatchObject({ value: 'icmp' });
    expect(fields.find((r) => r.field === 'type')).toMatchObject({ value: '3' });
  });
});
