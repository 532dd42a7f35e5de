/** Options of IPv4 headers as the kernel reads, fills in and returns them (net/ipv4/ip_options.c). */
import { putBytes } from '../net/build-packet';
import { fold16, sum16 } from '../net/checksum';
import { u32 } from '../net/headers';
import type { Run } from './environment';
import { addressType4 } from './fib';
import type { IpOptions, Skb } from './skb';

const OPTION = { end: 0, nop: 1, rr: 7, timestamp: 68, lsrr: 131, cipso: 134, ssrr: 137, routerAlert: 148 } as const;
const PRESPECIFIED = 3;

const none = (): IpOptions => ({
  rr: 0,
  ts: 0,
  srr: 0,
  cipso: 0,
  rrNeedsAddress: false,
  tsNeedsAddress: false,
  tsNeedsTime: false,
  changed: false,
});

/**
 * Reads the options of a packet that was just routed and fills in the address of this node (ip_options_compile). The result is the
 * offset of the byte that is wrong, undefined where none is. `own` gives the address to record (fib_compute_spec_dst).
 */
export function compileOptions(run: Run, skb: Skb, own: () => number): number | undefined {
  const b = skb.data;
  const end = skb.headers.thoff;
  const o = none();
  skb.options = o;
  let at = 20;
  while (at < end) {
    const kind = b[at];
    if (kind === OPTION.end) {
      for (let i = at + 1; i < end; i++) {
        if (b[i] !== 0) o.changed = true;
        b[i] = 0;
      }
      break;
    }
    if (kind === OPTION.nop) {
      at++;
      continue;
    }
    const len = b[at + 1] ?? 0;
    if (end - at < 2 || len < 2 || len > end - at) return at;
    const wrong = compileOne(run, skb, o, at, len, own);
    if (wrong !== undefined) return wrong;
    at += len;
  }
  return undefined;
}

function compileOne(run: Run, skb: Skb, o: IpOptions, at: number, len: number, own: () => number): number | undefined {
  const b = skb.data;
  const pointer = b[at + 2] ?? 0;
  switch (b[at]) {
    case OPTION.lsrr:
    case OPTION.ssrr:
      if (len < 3) return at + 1;
      if (pointer < 4) return at + 2;
      if (o.srr !== 0) return at;
      o.srr = at;
      return undefined;
    case OPTION.rr:
      if (o.rr !== 0) return at;
      if (len < 3) return at + 1;
      if (pointer < 4) return at + 2;
      if (pointer <= len) {
        if (pointer + 3 > len) return at + 2;
        putBytes(b, at + pointer - 1, 4, own());
        o.changed = true;
        b[at + 2] = pointer + 4;
        o.rrNeedsAddress = true;
      }
      o.rr = at;
      return undefined;
    case OPTION.timestamp:
      return compileTimestamp(run, skb, o, at, len, own);
    case OPTION.cipso:
      if (o.cipso !== 0) return at;
      o.cipso = at;
      // cipso_v4_validate(): a domain that nobody configured.
      if (len < 8) return at + 1;
      run.assume('netlabel', 'No domain of CIPSO labels is taken to be configured on the node.');
      return at + 2;
    case OPTION.routerAlert:
      return len < 4 ? at + 1 : undefined;
    default:
      return undefined;
  }
}

function compileTimestamp(
  run: Run,
  skb: Skb,
  o: IpOptions,
  at: number,
  len: number,
  own: () => number,
): number | undefined {
  const b = skb.data;
  const pointer = b[at + 2] ?? 0;
  if (o.ts !== 0) return at;
  if (len < 4) return at + 1;
  if (pointer < 5) return at + 2;
  const flag = (b[at + 3] ?? 0) & 15;
  if (pointer <= len) {
    if (pointer + 3 > len) return at + 2;
    switch (flag) {
      case 0:
        o.tsNeedsTime = true;
        b[at + 2] = pointer + 4;
        o.changed = true;
        break;
      case 1:
        if (pointer + 7 > len) return at + 2;
        putBytes(b, at + pointer - 1, 4, own());
        o.tsNeedsAddress = true;
        o.tsNeedsTime = true;
        b[at + 2] = pointer + 8;
        o.changed = true;
        break;
      case PRESPECIFIED:
        if (pointer + 7 > len) return at + 2;
        // Another host's turn.
        if (addressType4({ run }, u32(b, at + pointer - 1), undefined) === 1) break;
        o.tsNeedsTime = true;
        b[at + 2] = pointer + 8;
        o.changed = true;
        break;
      default:
    }
  } else if (flag !== PRESPECIFIED) {
    const overflow = (b[at + 3] ?? 0) >> 4;
    if (overflow === 15) return at + 3;
    b[at + 3] = flag | ((overflow + 1) << 4);
    o.changed = true;
  }
  o.ts = at;
  return undefined;
}

/** Fills in the address a forwarded packet leaves by, and the header checksum (ip_forward_options). */
export function forwardOptions(skb: Skb, own: () => number): void {
  const o = skb.options;
  if (o === undefined) return;
  const b = skb.data;
  if (o.rrNeedsAddress) {
    putBytes(b, o.rr + (b[o.rr + 2] ?? 0) - 5, 4, own());
    o.changed = true;
  }
  if (!o.changed) return;
  o.changed = false;
  putBytes(b, 10, 2, 0);
  putBytes(b, 10, 2, fold16(sum16(b, 0, skb.headers.thoff)));
}

/**
 * The options of an answer to a packet, padded to words; undefined where no answer can be (__ip_options_echo). A source route never
 * gets as far as an answer.
 */
export function echoOptions(run: Run, cause: Skb, source: number): Uint8Array | undefined {
  const o = cause.options;
  if (o === undefined) return NO_OPTIONS;
  const b = cause.data;
  const out: number[] = [];
  if (o.rr !== 0) {
    const len = b[o.rr + 1] ?? 0;
    const pointer = b[o.rr + 2] ?? 0;
    const copy = b.slice(o.rr, o.rr + len);
    if (o.rrNeedsAddress && pointer <= len) {
      if (pointer + 3 > len) return undefined;
      copy[2] = pointer + 4;
      putBytes(copy, pointer - 1, 4, source);
    }
    out.push(...copy);
  }
  if (o.ts !== 0) {
    const stamped = echoTimestamp(run, b.slice(o.ts, o.ts + (b[o.ts + 1] ?? 0)), o, source);
    if (stamped === undefined) return undefined;
    out.push(...stamped);
  }
  if (o.cipso !== 0) out.push(...b.slice(o.cipso, o.cipso + (b[o.cipso + 1] ?? 0)));
  while (out.length % 4 !== 0) out.push(0);
  return Uint8Array.from(out);
}

const NO_OPTIONS = new Uint8Array(0);

function echoTimestamp(run: Run, copy: Uint8Array, o: IpOptions, source: number): Uint8Array | undefined {
  let pointer = copy[2] ?? 0;
  const len = copy.length;
  if (pointer > len) return copy;
  if (o.tsNeedsAddress) {
    if (pointer + 3 > len) return undefined;
    putBytes(copy, pointer - 1, 4, source);
    pointer += 4;
  }
  if (o.tsNeedsTime) {
    if (pointer + 3 > len) return undefined;
    if (((copy[3] ?? 0) & 15) !== PRESPECIFIED) pointer += 4;
    else if (pointer + 7 <= len && addressType4({ run }, u32(copy, pointer - 1), undefined) !== 1) pointer += 8;
  }
  copy[2] = pointer;
  return copy;
}
