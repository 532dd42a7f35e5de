import { describe, expect, test } from 'vitest';
import * as t from './datatypes';
import { exthdrField, ipOptionField, payloadField, sctpChunkField, tcpOptionField } from './fields';
import { ctType, fibType, metaType, rtType, typeOfExpression } from './type-of-expression';

describe('parseSymbol', () => {
  test.each([
    { type: t.CT_STATE, literal: 'established', value: 2 },
    { type: t.CT_STATE, literal: '0x10', value: 16 },
    { type: t.ICMP_TYPE, literal: 'echo-request', value: 8 },
    { type: t.ICMPV6_TYPE, literal: 'mld-listener-reduction', value: 132 },
    { type: t.DSCP, literal: 'ef', value: 0x2e },
    { type: t.DSCP, literal: 3, value: 3 },
    { type: t.INET_PROTO, literal: 'ipv6-icmp', value: 58 },
    { type: t.INET_PROTO, literal: 'icmpv6', value: 58 },
    { type: t.INET_PROTO, literal: 200, value: 200 },
    { type: t.ETHER_TYPE, literal: 'vlan', value: 0x8100 },
    { type: t.IPV4_ADDR, literal: '10.0.0.1', value: 0x0a000001 },
    { type: t.IPV6_ADDR, literal: '::1', value: 1n },
    { type: t.ETHER_ADDR, literal: '00:11:22:33:44:55', value: 0x1122334455 },
    { type: t.CLASSID, literal: '1:ffff', value: 0x1ffff },
    { type: t.CLASSID, literal: 'none', value: 0 },
    { type: t.CLASSID, literal: 'root', value: 0xffffffff },
    { type: t.HOUR, literal: '09:30', value: 34200 },
    { type: t.HOUR, literal: '17:00:01', value: 61201 },
    { type: t.DAY, literal: 'Monday', value: 1 },
    { type: t.META_TIME, literal: '1970-01-02 00:00:01', value: 86401n * 1_000_000_000n },
    { type: t.CT_LABEL, literal: 5, value: 32n },
    { type: t.BOOLEAN, literal: false, value: 0 },
    { type: t.IFACE_INDEX, literal: '22', value: 22 },
    { type: t.IFACE_INDEX, literal: 'eth0', value: undefined },
    { type: t.IFNAME, literal: '22', value: undefined },
    { type: t.REALM, literal: 'cosmos', value: 0 },
    { type: t.REALM, literal: 'elsewhere', value: undefined },
    { type: t.integerType(64, 'host'), literal: -1, value: 0xffffffffffffffffn },
    {
      type: t.integerType(128, 'network', 16),
      literal: '0x112233445566778899aabbccddeeff00',
      value: 0x112233445566778899aabbccddeeff00n,
    },
    { type: t.integerType(16), literal: 'nonsense', value: undefined },
  ])('$type.name $literal', ({ type, literal, value }) => {
    expect(t.parseSymbol(type, literal)).toBe(value);
  });
});

describe('fields', () => {
  test.each([
    { field: payloadField('ip', 'daddr'), base: 'nh', offset: 128, len: 32, name: 'ipv4_addr' },
    { field: payloadField('ip6', 'dscp'), base: 'nh', offset: 4, len: 6, name: 'dscp' },
    { field: payloadField('tcp', 'flags'), base: 'th', offset: 104, len: 8, name: 'tcp_flag' },
    { field: payloadField('vlan', 'id'), base: 'll', offset: 116, len: 12, name: 'integer' },
    { field: payloadField('arp', 'daddr ip'), base: 'nh', offset: 192, len: 32, name: 'ipv4_addr' },
    { field: payloadField('dccp', 'type'), base: 'th', offset: 67, len: 4, name: 'dccp_pkttype' },
  ])('$field.base $field.offset', ({ field, base, offset, len, name }) => {
    expect(field).toMatchObject({ base, offset, len, type: { name } });
  });

  test('options', () => {
    expect(tcpOptionField('maxseg', 'size')).toMatchObject({ number: 2, offset: 16, len: 16 });
    expect(tcpOptionField('sack1', 'right')).toMatchObject({ number: 5, offset: 112, len: 32 });
    expect(tcpOptionField('sack-perm')).toMatchObject({ number: 4, type: { name: 'boolean' } });
    expect(ipOptionField('lsrr', 'ptr')).toMatchObject({ number: 131, offset: 16, len: 8 });
    expect(sctpChunkField('data', 'ssn')).toMatchObject({ number: 0, offset: 80, len: 16 });
    expect(sctpChunkField('abort', 'length')).toMatchObject({ number: 6, offset: 16, len: 16 });
    expect(exthdrField('frag', 'more-fragments')).toMatchObject({ number: 44, offset: 31, len: 1 });
    expect(exthdrField('srh', 'sid[2]')).toMatchObject({ number: 43, offset: 192, len: 128 });
    expect(exthdrField('hbh')).toMatchObject({ number: 0, type: { name: 'boolean' } });
  });

  test('what nft does not have is undefined', () => {
    expect(payloadField('ip', 'flags')).toBeUndefined();
    expect(exthdrField('frag', 'hdrlength')).toBeUndefined();
    expect(exthdrField('srh', 'sid[x]')).toBeUndefined();
    expect(tcpOptionField('fastopen', 'cookie')).toBeUndefined();
    expect(sctpChunkField('nonsense')).toBeUndefined();
    expect(t.dataTypeByName('nonsense')).toBeUndefined();
  });
});

describe('types', () => {
  test('of keys', () => {
    expect(metaType('priority')?.name).toBe('classid');
    expect(ctType('ip saddr')?.name).toBe('ipv4_addr');
    expect(ctType('saddr')).toBeUndefined();
    expect(ctType('saddr', 'ip6')?.name).toBe('ipv6_addr');
    expect(rtType('nexthop', 'ip6')?.name).toBe('ipv6_addr');
    expect(fibType('type')?.name).toBe('fib_addrtype');
  });

  test('of expressions', () => {
    const daddr = { kind: 'payload', protocol: 'ip', field: 'daddr' } as const;
    expect(typeOfExpression({ kind: 'concat', parts: [daddr, { kind: 'meta', key: 'mark' }] })).toEqual([
      t.IPV4_ADDR,
      t.MARK,
    ]);
    expect(typeOfExpression({ kind: 'binary', op: '&', operands: [{ kind: 'ct', key: 'mark' }, 255] })).toBe(t.MARK);
    expect(typeOfExpression({ kind: 'setref', name: 's' })).toBeUndefined();
    expect(typeOfExpression({ kind: 'rawPayload', base: 'ih', offset: 32, len: 32 })).toMatchObject({
      format: { radix: 16 },
    });
  });
});
