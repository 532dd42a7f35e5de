/** One packet: what the kernel did beside what the tracer says it does. */
import { fromHex } from '../../lib/net/build-packet';
import { viewPacket } from '../../lib/net/headers';
import { isInitialNumber } from '../../lib/sim/initial-number';
import { eventsOf, plainEntry } from '../../lib/sim/run-case';
import type { Branch } from '../../lib/sim/trace';
import type { KernelAnswer, KernelEvent } from './kernel';

type Plain = { readonly [key: string]: unknown };

/** Tables of the laboratory itself. */
const LAB = 'nftscope_lab';

/** What is compared, the same for both sides. */
export interface Seen {
  readonly events: readonly Plain[];
  readonly egress: readonly Plain[];
  readonly delivered: readonly Plain[];
  readonly conntrack: readonly Plain[];
  readonly state: unknown;
  readonly sendErrno: number | undefined;
}

const FAMILY_AT: { readonly [type: string]: 'ip' | 'ip6' | 'arp' } = { '0800': 'ip', '86dd': 'ip6', '0806': 'arp' };

/** The node's own chatter: neighbour solicitations, group reports, ARP requests for next hops. */
function isChatter(network: string, transport: string): boolean {
  // Requests for next hops, which egress chains see.
  if (network.startsWith('0001080006040001')) return true;
  // ICMPv6 135 to a solicited-node address, MLD reports from ::.
  if (!network.startsWith('6')) return false;
  const daddr = network.slice(48, 80);
  if (daddr.startsWith('ff0200000000000000000001ff') && (transport.startsWith('87') || transport === '')) return true;
  return daddr.startsWith('ff02000000000000000000000000001') && network.slice(16, 48) === '0'.repeat(32);
}

/** Fields of a header view that both sides can know. */
function plainView(hex: Uint8Array, family: 'ip' | 'ip6' | 'arp', generated: boolean): Plain {
  return strip(viewPacket(hex, family, { sport: false, dport: false }) as unknown as Plain, generated);
}

function strip(view: Plain, generated: boolean, quoted = false): Plain {
  const { seq, ack, senderMac, inner, ...rest } = view;
  const flags = view.flags as readonly string[] | undefined;
  // A reset of what acknowledges a socket's random number has that number, as has what a rule makes a reset of; ours begins with another.
  // So has an error that quotes a segment of a socket.
  const of =
    ((generated && flags?.includes('rst') === true) || quoted) && seq !== undefined && isInitialNumber(Number(seq))
      ? 'random'
      : seq;
  const numbers = generated && flags?.includes('rst') !== true ? {} : { seq: of, ack };
  return { ...rest, ...numbers, ...(inner === undefined ? {} : { inner: strip(inner as Plain, false, true) }) };
}

/** The headers at the start of a traversal, as far as the message holds them. */
function headView(network: string, arp: boolean): Plain | undefined {
  if (arp || network === '') return undefined;
  const b = fromHex(network);
  const family = (b[0] ?? 0) >> 4 === 6 ? 'ip6' : 'ip';
  if (b.length < (family === 'ip6' ? 40 : 20)) return undefined;
  const { saddr, daddr, ttl, hoplimit, length, dscp, ecn } = viewPacket(b, family, { sport: false, dport: false });
  return { saddr, daddr, hops: ttl ?? hoplimit, length, dscp, ecn };
}

/** True where rules of a ruleset change headers or connections. */
export const changesHeaders = (text: string): boolean =>
  /(?:ip6?|tcp|udp|th|@\w+,\d+,\d+) ?\w* set |notrack|zone set /.test(text);

/** Headers are not compared where rules change them: the kernel shows them after the first rule, a trace before it. */
function kernelEvent(e: KernelEvent, mangles: boolean): Plain {
  return {
    at: `${e.family} ${e.table} ${e.chain}`,
    type: e.type,
    ...(e.handle === undefined ? {} : { handle: e.handle }),
    verdict: e.verdict,
    ...(e.jumpTarget === undefined ? {} : { jumpTarget: e.jumpTarget }),
    ...(e.mark === undefined ? {} : { mark: e.mark }),
    ...(e.first === true
      ? {
          first: {
            iif: e.family === 'netdev' ? null : (e.iif ?? null),
            oif: e.oif ?? null,
            ...(e.family === 'bridge' || e.family === 'netdev' || mangles
              ? {}
              : { head: headView(e.network ?? '', e.family === 'arp') }),
            ...(e.ct === undefined || mangles || e.family === 'bridge'
              ? {}
              : { ct: { state: e.ct.state, direction: e.ct.direction } }),
          },
        }
      : {}),
  };
}

/** Elements of a set in a listing, without times that pass. */
function withoutExpiry(v: unknown): unknown {
  if (Array.isArray(v)) return v.map(withoutExpiry);
  if (typeof v !== 'object' || v === null) return v;
  return Object.fromEntries(
    Object.entries(v)
      .filter(([k]) => k !== 'expires')
      .map(([k, x]) => [k, withoutExpiry(x)]),
  );
}

function canonical(v: unknown): string {
  if (Array.isArray(v)) return `[${v.map(canonical).join(', ')}]`;
  if (typeof v === 'object' && v !== null)
    return `{${Object.keys(v)
      .sort()
      .map((k) => `${JSON.stringify(k)}: ${canonical((v as Plain)[k])}`)
      .join(', ')}}`;
  return JSON.stringify(v) ?? 'undefined';
}

/** What the listing says about the sets and objects that the tracer reports. */
function stateIn(listing: unknown, ours: Branch['state']): unknown {
  const objects = (listing as { readonly nftables: readonly { readonly [kind: string]: Plain }[] }).nftables;
  const sets: Record<string, unknown> = {};
  const named: Record<string, unknown> = {};
  for (const o of objects) {
    for (const [kind, body] of Object.entries(o)) {
      const ref = `${String(body.family)} ${String(body.table)} ${String(body.name)}`;
      if ((kind === 'set' || kind === 'map') && ref in ours.sets)
        sets[ref] = ((body.elem ?? []) as readonly unknown[])
          .map((e) => canonical(withoutExpiry(e)))
          // Rules see the node's own neighbour solicitations too, whenever it sends them.
          .filter((e) => !e.includes('ff02::1:ff'))
          .sort();
      const mine = ours.objects[`${kind} ${ref}`];
      if (mine !== undefined)
        named[`${kind} ${ref}`] = Object.fromEntries(
          Object.keys(mine).map((k) => [k, body[k] ?? (k === 'inv' ? false : 0)]),
        );
    }
  }
  return { sets, objects: named };
}

/** What the kernel did. */
export function seenInKernel(k: KernelAnswer, ours: Branch, arp: boolean, mangles: boolean): Seen {
  const noise = new Set(
    k.events
      .filter(
        (e) =>
          e.first === true &&
          e.network !== undefined &&
          // ARP that comes in is no chatter: ingress sees it first.
          !(arp && (e.family === 'arp' || e.iif !== undefined)) &&
          isChatter(e.network, e.transport ?? ''),
      )
      .map((e) => e.id),
  );
  const kept = k.events.filter((e) => !noise.has(e.id));
  const egress: Plain[] = [];
  const generated = ours.outcome.kind === 'decided' && ours.outcome.fate.egress.every((f) => f.role === 'generated');
  for (const f of k.frames) {
    const bytes = fromHex(f.hex);
    let at = 12;
    let type = f.hex.slice(24, 28);
    if (type === '8100') {
      type = f.hex.slice(32, 36);
      at = 16;
    }
    const family = FAMILY_AT[type];
    if (family === undefined) continue;
    const network = f.hex.slice((at + 2) * 2);
    if (family === 'ip6' && isChatter(network, network.slice(80))) continue;
    if (family === 'arp' && (!arp || network.slice(12, 16) === '0001')) continue;
    egress.push({
      dev: f.dev,
      dstMac: (f.hex.slice(0, 12).match(/../g) ?? []).join(':'),
      packet: plainView(bytes.subarray(at + 2), family, generated),
    });
  }
  const delivered = kept
    .filter((e) => e.table === LAB && e.chain === 'delivered' && e.first === true)
    .map((e) => ({ iif: e.iif, head: headView(e.network ?? '', false) }));
  return {
    events: kept.filter((e) => e.table !== LAB).map((e) => kernelEvent(e, mangles)),
    egress,
    delivered,
    conntrack: k.conntrack,
    state: k.listing === undefined || k.listing === null ? undefined : stateIn(k.listing, ours.state),
    sendErrno: k.sendErrno,
  };
}

function eventsByUs(b: Branch, mangles: boolean): readonly Plain[] {
  const { events, traversals } = eventsOf(b.steps);
  const begun = new Set<number>();
  return events.map((e) => {
    const first = begun.has(e.traversal) ? undefined : (traversals[e.traversal] as Plain | undefined);
    begun.add(e.traversal);
    const p = first?.packet as Plain | null | undefined;
    return {
      at: `${e.family} ${e.table} ${e.chain}`,
      type: e.type,
      ...(e.handle === undefined ? {} : { handle: e.handle }),
      verdict: e.verdict,
      ...(e.jumpTarget === undefined ? {} : { jumpTarget: e.jumpTarget }),
      ...(e.mark === undefined ? {} : { mark: e.mark }),
      // Of a packet that is stolen the kernel shows nothing any more: it may be gone (nft_trace_notify).
      ...(first === undefined || e.verdict === 'stolen'
        ? {}
        : {
            first: {
              iif: e.family === 'netdev' ? null : first.iif,
              oif: first.oif,
              // Of a later fragment of IPv6 the kernel shows no header (nf_trace_fill_pkt_info: nft_thoff is 0).
              ...(p === null ||
              p === undefined ||
              (p.family === 'ip6' && p.fragOff !== undefined) ||
              mangles ||
              e.family === 'bridge' ||
              e.family === 'netdev' ||
              e.family === 'arp'
                ? {}
                : {
                    head: {
                      saddr: p.saddr,
                      daddr: p.daddr,
                      hops: p.ttl ?? p.hoplimit,
                      length: p.length,
                      dscp: p.dscp,
                      ecn: p.ecn,
                    },
                  }),
              ...(first.ct === undefined || mangles || e.family === 'bridge'
                ? {}
                : { ct: { state: (first.ct as Plain).state, direction: (first.ct as Plain).direction } }),
            },
          }),
    };
  });
}

/** True where a branch that ends undecided says, as far as it goes, what the kernel did. */
export function fitsSoFar(kernel: Seen, b: Branch, mangles: boolean): boolean {
  const ours = eventsByUs(b, mangles);
  return same(kernel.events.slice(0, ours.length), ours);
}

/** What the tracer says on one branch. */
export function seenByUs(b: Branch, mangles: boolean): Seen | undefined {
  if (b.outcome.kind === 'undecided') return undefined;
  const { fate } = b.outcome;
  return {
    events: eventsByUs(b, mangles),
    egress: fate.egress.map((f) => ({
      dev: f.dev,
      ...(f.dstMac === undefined ? {} : { dstMac: f.dstMac }),
      packet: strip(
        f.packet as unknown as Plain,
        fate.egress.every((x) => x.role === 'generated'),
      ),
    })),
    delivered: fate.delivered.map(({ iif, packet: p }) => ({
      iif,
      // As of all events, the kernel shows no header of a later fragment of IPv6.
      head:
        p.family === 'ip6' && p.fragOff !== undefined
          ? undefined
          : {
              saddr: p.saddr,
              daddr: p.daddr,
              hops: p.ttl ?? p.hoplimit,
              length: p.length,
              dscp: p.dscp,
              ecn: p.ecn,
            },
    })),
    conntrack: b.conntrack.map((e) => plainEntry(e)),
    state: {
      sets: Object.fromEntries(Object.entries(b.state.sets).map(([k, v]) => [k, v.map(canonical).sort()])),
      objects: b.state.objects,
    },
    sendErrno: fate.sendErrno,
  };
}

/** True where `ours` says what the kernel showed. `random` in ours stands for any port; fields absent in ours are not said. */
function same(kernel: unknown, ours: unknown): boolean {
  if (ours === 'random') return kernel !== undefined;
  if (ours === undefined || kernel === undefined) return ours === kernel;
  if (Array.isArray(ours))
    return Array.isArray(kernel) && ours.length === kernel.length && ours.every((o, i) => same(kernel[i], o));
  if (typeof ours === 'object' && ours !== null) {
    if (typeof kernel !== 'object' || kernel === null) return false;
    const keys = new Set([...Object.keys(ours), ...Object.keys(kernel)]);
    return [...keys].every((k) => same((kernel as Plain)[k], (ours as Plain)[k]));
  }
  return kernel === ours;
}

function sameBag(kernel: readonly unknown[], ours: readonly unknown[]): boolean {
  const rest = [...kernel];
  for (const o of ours) {
    const at = rest.findIndex((k) => same(k, o));
    if (at < 0) return false;
    rest.splice(at, 1);
  }
  return rest.length === 0;
}

/** The parts in which the two differ. */
export function differences(kernel: Seen, ours: Seen): readonly string[] {
  const parts: string[] = [];
  if (!same(kernel.events, ours.events)) parts.push('events');
  if (!sameBag(kernel.egress, ours.egress)) parts.push('egress');
  if (!sameBag(kernel.delivered, ours.delivered)) parts.push('delivered');
  if (!sameBag(kernel.conntrack, ours.conntrack)) parts.push('conntrack');
  if (kernel.state !== undefined && !same(kernel.state, ours.state)) parts.push('state');
  if (kernel.sendErrno !== ours.sendErrno) parts.push('sendErrno');
  return parts;
}

/** What answers a number that chance picked has one of its own. */
export function withoutNumbers(s: Seen): Seen {
  const plain = (packet: unknown): { readonly [key: string]: unknown } => {
    const { seq: _s, ack: _a, inner, ...view } = packet as { readonly [key: string]: unknown };
    // An error quotes the packet with its numbers.
    return inner === undefined ? view : { ...view, inner: plain(inner) };
  };
  const egress = s.egress.map(({ packet, ...rest }) => ({ ...rest, packet: plain(packet) }));
  return { ...s, egress };
}
