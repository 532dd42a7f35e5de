/** Header fields → the bytes of a packet, with the defaults of {@link PacketSpec}. */
import { parseAddress, parseMac } from './address';
import { crc32c, fold16, sum16 } from './checksum';
import type { ExtHeaderSpec, PacketSpec } from './packet-spec';
import { PROTO, protocolNumber, TCP_FLAGS } from './protocols';

/** Hex → bytes. */
export function fromHex(hex: string): Uint8Array {
  const out = new Uint8Array(hex.length >> 1);
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(hex.slice(i * 2, i * 2 + 2), 16);
  return out;
}

/** Bytes → hex. */
export function toHex(bytes: Uint8Array): string {
  let out = '';
  for (const b of bytes) out += b.toString(16).padStart(2, '0');
  return out;
}

/** Writes the low `len` bytes of a value in network order. */
export function putBytes(bytes: Uint8Array, at: number, len: number, value: number | bigint): void {
  let v = BigInt(value);
  for (let i = at + len - 1; i >= at; i--) {
    bytes[i] = Number(v & 255n);
    v >>= 8n;
  }
}

const EXT_NUMBERS: Readonly<Record<string, number>> = {
  hbh: 0,
  rt: 43,
  routing: 43,
  frag: 44,
  fragment: 44,
  dst: 60,
  ah: 51,
  mh: 135,
};

function addressValue(text: string | undefined): number | bigint {
  return (text === undefined ? undefined : parseAddress(text)?.value) ?? 0;
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}

/** Sum over the pseudo header of TCP, UDP and ICMPv6. */
export function pseudoSum(ip: Uint8Array, family: 'ip' | 'ip6', protocol: number, length: number): number {
  const addresses = family === 'ip' ? sum16(ip, 12, 20) : sum16(ip, 8, 40);
  return addresses + protocol + (length >>> 16) + (length & 0xffff);
}

/** Computes and stores the transport checksum of a packet whose transport header begins at `at`. */
export function storeTransportChecksum(packet: Uint8Array, family: 'ip' | 'ip6', protocol: number, at: number): void {
  const length = packet.length - at;
  const store = (offset: number, value: number): void => putBytes(packet, at + offset, 2, value);
  switch (protocol) {
    case PROTO.tcp:
      if (length < 20) return;
      store(16, 0);
      store(16, fold16(sum16(packet, at, packet.length, pseudoSum(packet, family, protocol, length))));
      return;
    case PROTO.udp:
    case PROTO.udplite:
      if (length < 8) return;
      store(6, 0);
      store(6, fold16(sum16(packet, at, packet.length, pseudoSum(packet, family, protocol, length))) || 0xffff);
      return;
    case PROTO.icmp:
      if (length < 4) return;
      store(2, 0);
      store(2, fold16(sum16(packet, at, packet.length)));
      return;
    case PROTO.icmpv6:
      if (length < 4) return;
      store(2, 0);
      store(2, fold16(sum16(packet, at, packet.length, pseudoSum(packet, family, protocol, length))));
      return;
    case PROTO.sctp: {
      if (length < 12) return;
      putBytes(packet, at + 8, 4, 0);
      const crc = crc32c(packet, at, packet.length);
      for (let i = 0; i < 4; i++) packet[at + 8 + i] = (crc >>> (8 * i)) & 255;
      return;
    }
    default:
  }
}

function transport(spec: PacketSpec, protocol: number, payload: Uint8Array): Uint8Array {
  if (spec.rawL4 === true) return payload;
  switch (protocol) {
    case PROTO.tcp: {
      const options = fromHex(spec.tcpOptionsHex ?? '');
      const padded = new Uint8Array((options.length + 3) & ~3);
      padded.set(options);
      const h = new Uint8Array(20);
      putBytes(h, 0, 2, spec.sport ?? 40000);
      putBytes(h, 2, 2, spec.dport ?? 0);
      putBytes(h, 4, 4, spec.seq ?? 1000);
      putBytes(h, 8, 4, spec.ack ?? 0);
      h[12] = ((20 + padded.length) >> 2) << 4;
      h[13] = (spec.flags ?? ['syn']).reduce(
        (bits, f) => bits | (1 << TCP_FLAGS.indexOf(f as (typeof TCP_FLAGS)[number])),
        0,
      );
      putBytes(h, 14, 2, spec.window ?? 64240);
      return join(h, padded, payload);
    }
    case PROTO.udp:
    case PROTO.udplite: {
      const h = new Uint8Array(8);
      putBytes(h, 0, 2, spec.sport ?? 40000);
      putBytes(h, 2, 2, spec.dport ?? 0);
      putBytes(h, 4, 2, 8 + payload.length);
      return join(h, payload);
    }
    case PROTO.icmp:
    case PROTO.icmpv6: {
      const h = new Uint8Array(8);
      h[0] = spec.icmpType ?? (protocol === PROTO.icmp ? 8 : 128);
      h[1] = spec.icmpCode ?? 0;
      putBytes(h, 4, 2, spec.icmpId ?? 0);
      putBytes(h, 6, 2, spec.icmpSeq ?? 0);
      return join(h, payload);
    }
    case PROTO.sctp: {
      const h = new Uint8Array(12);
      putBytes(h, 0, 2, spec.sport ?? 40000);
      putBytes(h, 2, 2, spec.dport ?? 0);
      return join(h, spec.payloadHex === undefined ? fromHex('01000014000000010000ffff0001000100000001') : payload);
    }
    case PROTO.dccp: {
      const h = new Uint8Array(20);
      putBytes(h, 0, 2, spec.sport ?? 40000);
      putBytes(h, 2, 2, spec.dport ?? 0);
      h[4] = 5;
      return join(h, payload);
    }
    default:
      return payload;
  }
}

function extHeader(spec: ExtHeaderSpec, next: number): Uint8Array {
  const number = EXT_NUMBERS[spec.type] ?? 60;
  if (number === 44) {
    const h = new Uint8Array(8);
    h[0] = next;
    putBytes(h, 2, 2, ((spec.offset ?? 0) & 0xfff8) | (spec.mf === true ? 1 : 0));
    putBytes(h, 4, 4, spec.id ?? 0);
    return h;
  }
  const body = fromHex(spec.hex ?? '010400000000');
  const h = new Uint8Array((body.length + 2 + 7) & ~7);
  h[0] = next;
  h[1] = (h.length >> 3) - 1;
  h.set(body, 2);
  return h;
}

function buildArp(spec: PacketSpec): Uint8Array {
  const p = new Uint8Array(28);
  putBytes(p, 0, 2, 1);
  putBytes(p, 2, 2, 0x0800);
  p[4] = 6;
  p[5] = 4;
  putBytes(p, 6, 2, spec.op === 'reply' ? 2 : typeof spec.op === 'number' ? spec.op : 1);
  putBytes(p, 8, 6, parseMac(spec.senderMac ?? spec.l2?.src ?? '') ?? 0);
  putBytes(p, 14, 4, addressValue(spec.saddr));
  putBytes(p, 18, 6, parseMac(spec.targetMac ?? '') ?? 0);
  putBytes(p, 24, 4, addressValue(spec.daddr));
  return p;
}

/** The bytes of the packet from its network header on. `hex`, where present, wins. */
export function buildPacket(spec: PacketSpec): Uint8Array {
  if (spec.hex !== undefined) return fromHex(spec.hex);
  if (spec.family === 'arp') return buildArp(spec);
  const protocol = protocolNumber(spec.protocol ?? 0) ?? 0;
  const l4 = transport(spec, protocol, fromHex(spec.payloadHex ?? ''));
  const tos = ((spec.dscp ?? 0) << 2) | (spec.ecn ?? 0);
  let packet: Uint8Array;
  let at: number;
  if (spec.family === 'ip') {
    const options = fromHex(spec.ipOptionsHex ?? '');
    const h = new Uint8Array(20 + ((options.length + 3) & ~3));
    h[0] = 0x40 | (h.length >> 2);
    h[1] = tos;
    putBytes(h, 2, 2, h.length + l4.length);
    putBytes(h, 4, 2, spec.id ?? 0x1234);
    const fragment = spec.mf === true || (spec.fragOff ?? 0) > 0;
    putBytes(
      h,
      6,
      2,
      ((spec.df ?? !fragment) ? 0x4000 : 0) | (spec.mf === true ? 0x2000 : 0) | ((spec.fragOff ?? 0) >> 3),
    );
    h[8] = spec.ttl ?? 64;
    h[9] = protocol;
    putBytes(h, 12, 4, addressValue(spec.saddr));
    putBytes(h, 16, 4, addressValue(spec.daddr));
    h.set(options, 20);
    putBytes(h, 10, 2, fold16(sum16(h, 0, h.length)) ^ (spec.badChecksum === 'ip' ? 0x0101 : 0));
    at = h.length;
    packet = join(h, l4);
  } else {
    const chain = spec.extHeaders ?? [];
    const numbers = chain.map((e) => EXT_NUMBERS[e.type] ?? 60);
    const ext = join(...chain.map((e, i) => extHeader(e, numbers[i + 1] ?? protocol)));
    const h = new Uint8Array(40);
    putBytes(h, 0, 4, 0x60000000 + (tos << 20) + (spec.flowlabel ?? 0));
    putBytes(h, 4, 2, ext.length + l4.length);
    h[6] = numbers[0] ?? protocol;
    h[7] = spec.hoplimit ?? spec.ttl ?? 64;
    putBytes(h, 8, 16, addressValue(spec.saddr));
    putBytes(h, 24, 16, addressValue(spec.daddr));
    at = 40 + ext.length;
    packet = join(h, ext, l4);
  }
  if (spec.rawL4 !== true) {
    storeTransportChecksum(packet, spec.family, protocol, at);
    if (spec.badChecksum === 'l4') {
      const offset =
        protocol === PROTO.tcp
          ? 16
          : protocol === PROTO.udp || protocol === PROTO.udplite
            ? 6
            : protocol === PROTO.sctp
              ? 8
              : 2;
      for (const i of [at + offset, at + offset + 1]) packet[i] = (packet[i] ?? 0) ^ 1;
    }
  }
  return packet;
}
