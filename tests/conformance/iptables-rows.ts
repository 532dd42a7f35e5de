/** Measured connections of a capture as packets for the tracer, and the verdict on its answers, as far as one node decides them. */
import { formatAddress, inPrefix, parseAddress } from '@/lib/net/address';
import type { PacketSpec } from '@/lib/net/packet-spec';
import { trace } from '@/lib/sim/index';
import type { Branch } from '@/lib/sim/trace';
import type { Route, World } from '@/lib/world/world';

/** A row of connectivity.json, or of the symptoms of a fault. */
export interface Row {
  readonly from: 'external' | { readonly node: string; readonly pod?: string };
  readonly via?: string;
  readonly srcIP: string;
  readonly service?: string | null;
  readonly kind?: string;
  readonly dst: string;
  readonly dport: number;
  readonly protocol: string;
  readonly result: string;
  readonly backends?: readonly string[];
  readonly icmpFrom?: readonly string[];
  readonly dstNode?: string;
}

export interface Judged {
  readonly name: string;
  readonly verdict: 'agrees' | 'differs' | 'undecided' | 'undecided-by-nature';
  readonly say: string;
}

/** The node that a packet of the row meets first. */
const entryOf = (row: Row): string | undefined => (row.from === 'external' ? (row.via ?? row.dstNode) : row.from.node);

function deviceTo(world: World, address: string): string | undefined {
  const to = parseAddress(address);
  if (to === undefined) return undefined;
  const routes = world.routes[to.family];
  let best: Route | undefined;
  for (const r of routes.known ? routes.value : []) {
    const fits = r.table === 'main' && inPrefix(to.value, r.dst.addr, r.dst.len);
    if (fits && (best === undefined || r.dst.len > best.dst.len)) best = r;
  }
  return best?.nexthops[0]?.dev;
}

function packetOf(row: Row, world: World): PacketSpec {
  const family = row.dst.includes(':') ? ('ip6' as const) : ('ip' as const);
  const iif = deviceTo(world, row.srcIP);
  const local = row.from !== 'external' && row.from.pod === undefined;
  return {
    ...(local || iif === undefined ? { from: 'local' } : { iif }),
    family,
    saddr: row.srcIP,
    daddr: row.dst,
    protocol: row.protocol.toLowerCase(),
    sport: 40000,
    dport: row.dport,
  };
}

const isOwn = (world: World, text: string): boolean => {
  const value = parseAddress(text)?.value;
  return world.links.known && world.links.value.some((l) => l.addresses.some((a) => a.local === value));
};

/** Where the packet ends or leaves to; undefined where it does neither. */
function endOf(b: Branch): string | undefined {
  if (b.outcome.kind === 'undecided') return undefined;
  const { fate } = b.outcome;
  const last = fate.egress.find((e) => e.skb === 0) ?? fate.delivered.find((e) => e.skb === 0);
  return last?.packet.daddr;
}

/** The tracer's answer to a row. Undefined where another node, or a pod's own kernel, has the last word. */
export function judgeRow(
  row: Row,
  node: string,
  world: World,
  pods: ReadonlyMap<string, readonly string[]>,
): Judged | undefined {
  if (entryOf(row) !== node) return undefined;
  const name = `${row.srcIP} to ${row.dst}:${row.dport}/${row.protocol} ${row.kind ?? ''} ${row.result}`;
  const translated = row.service !== null && !/wrong-port|unallocated|closed/.test(row.kind ?? '');
  if (row.result !== 'ok' && !translated) return undefined;
  // An ICMP error of another hop: here the packet only left.
  const own = (row.icmpFrom ?? []).some((text) => isOwn(world, text));
  if (/port-unreachable$/.test(row.result) && !own) return undefined;
  const { branches } = trace(world, packetOf(row, world));
  const summaries = new Set(branches.map((b) => (b.outcome.kind === 'decided' ? b.outcome.fate.summary : 'undecided')));
  const judged = (agrees: boolean, say: string): Judged => ({ name, verdict: agrees ? 'agrees' : 'differs', say });
  const reasons = branches.flatMap((b) => (b.outcome.kind === 'undecided' ? b.outcome.reasons : []));
  const [open] = reasons;
  if (open !== undefined)
    return { name, verdict: open.code === 'xt-recent-unknown' ? 'undecided-by-nature' : 'undecided', say: open.say };
  const said = [...summaries].join(', ');
  const only = (...expected: readonly string[]): boolean => [...summaries].every((s) => expected.includes(s));
  switch (row.result) {
    case 'ok': {
      if (!only('transmitted', 'delivered')) return judged(false, said);
      const ends = new Set(branches.map(endOf));
      const missing = (row.backends ?? []).filter((b) => {
        const addresses = pods.get(b);
        return addresses !== undefined && !addresses.some((a) => ends.has(a));
      });
      const probability = branches.reduce((sum, b) => sum + b.probability, 0);
      if (Math.abs(probability - 1) > 1e-9) return judged(false, `the probabilities add up to ${probability}`);
      return judged(missing.length === 0, `not among the ends ${[...ends].join(', ')}: ${missing.join(', ')}`);
    }
    case 'icmp-port-unreachable':
    case 'icmp6-port-unreachable':
      return judged(only('rejected'), said);
    case 'icmp-protocol-unreachable':
      // Translated; the pod's kernel has no SCTP.
      return judged(only('transmitted', 'delivered'), said);
    case 'eperm':
    case 'timeout':
      return judged(only('dropped'), said);
    default:
      return undefined;
  }
}

/** Addresses of pods by namespace/name, from pods.json. */
export function podAddresses(json: string): ReadonlyMap<string, readonly string[]> {
  const { items } = JSON.parse(json) as {
    readonly items: readonly {
      readonly metadata: { readonly namespace: string; readonly name: string };
      readonly status: { readonly podIPs?: readonly { readonly ip: string }[] };
    }[];
  };
  const normal = (text: string): string => {
    const parsed = parseAddress(text);
    return parsed === undefined ? text : formatAddress(parsed.value);
  };
  return new Map(
    items.map((p) => [
      `${p.metadata.namespace}/${p.metadata.name}`,
      (p.status.podIPs ?? []).map(({ ip }) => normal(ip)),
    ]),
  );
}
