import { describe, expect, test } from 'vitest';
import type { PacketSpec } from '@/lib/net/packet-spec';
import { draftOf, EMPTY_DRAFT, isAsked, NO_QUESTION, packetOf, questionFor } from './question';

const PACKET: PacketSpec = {
  family: 'ip',
  iif: 'eth0',
  saddr: '10.0.0.1',
  daddr: '10.0.0.2',
  protocol: 'tcp',
  sport: 40000,
  dport: 80,
};

test.each([
  { question: NO_QUESTION, asked: false },
  { question: { ...NO_QUESTION, from: 'node-1' }, asked: false },
  { question: { ...NO_QUESTION, from: 'node-1', to: '10.0.0.1:80/tcp' }, asked: true },
  { question: { ...NO_QUESTION, packet: '{}' }, asked: true },
  { question: { ...NO_QUESTION, from: 'node-1', packet: '{}' }, asked: false },
])('$question is asked: $asked', ({ question, asked }) => expect(isAsked(question)).toBe(asked));

describe('packetOf', () => {
  test('a draft of a packet gives the packet again', () => {
    expect(packetOf(draftOf(PACKET))).toEqual({ ok: true, value: PACKET });
  });
  test('fields of other protocols stay out', () => {
    const made = packetOf({ ...draftOf(PACKET), protocol: 'icmp', icmpType: '8', icmpCode: '0' });
    expect(made).toEqual({
      ok: true,
      value: {
        family: 'ip',
        iif: 'eth0',
        saddr: '10.0.0.1',
        daddr: '10.0.0.2',
        protocol: 'icmp',
        icmpType: 8,
        icmpCode: 0,
      },
    });
  });
  test('a mark in hex, a hop limit for ip6, a user for a local process', () => {
    const draft = {
      ...draftOf(PACKET),
      family: 'ip6' as const,
      saddr: 'fd00::1',
      daddr: 'fd00::2',
      ttl: '3',
      mark: '0x4000',
    };
    expect(packetOf({ ...draft, enters: 'local', uid: '1000' })).toMatchObject({
      ok: true,
      value: { from: 'local', uid: 1000, hoplimit: 3, mark: 0x4000 },
    });
  });
  test.each([
    { change: { daddr: '10.0.0.' }, path: 'packet.daddr' },
    { change: { dport: '70000' }, path: 'packet.dport' },
    { change: { sport: 'http' }, path: 'packet.sport' },
    { change: { iif: ' ' }, path: 'packet.iif' },
    { change: { flags: 'syn,xyz' }, path: 'packet.flags' },
  ])('names the field that is wrong: $path', ({ change, path }) => {
    expect(packetOf({ ...draftOf(PACKET), ...change })).toMatchObject({ ok: false, problem: { path } });
  });
  test('an empty form lacks its addresses', () => {
    expect(packetOf({ ...EMPTY_DRAFT, iif: 'eth0' })).toMatchObject({ ok: false, problem: { path: 'packet.saddr' } });
  });
});

describe('questionFor', () => {
  const asked = { ...NO_QUESTION, from: 'shop/web', to: 'svc:shop/api:http', family: 'ip' };
  test('names stay where only other fields change', () => {
    expect(questionFor({ ...PACKET, ttl: 3 }, PACKET, asked)).toEqual({ ...asked, packet: '{"ttl":3}' });
  });
  test('another address leaves the names', () => {
    const moved = { ...PACKET, daddr: '10.0.0.3' };
    expect(questionFor(moved, PACKET, asked)).toEqual({ ...NO_QUESTION, packet: JSON.stringify(moved) });
  });
  test('nothing changed asks the same', () => {
    expect(questionFor(PACKET, PACKET, asked)).toEqual(asked);
  });
});
