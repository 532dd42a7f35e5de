/** Frames that may prove that two chains of a bridge, of ARP or of a device conflict. The trace decides; here they only have to fit. */

import { formatAddress, parseAddress } from '../net/address';
import type { PacketSpec } from '../net/packet-spec';
import type { Prepared } from '../sim/environment';
import type { ProgramChain } from '../sim/program';
import type { IpFamily, Link } from '../world/world';
import type { Actor } from './chains';
import type { LinkPlace } from './link-place';
import { packetsFor, pick, surroundingsOf, transportsOf } from './packets';
import { type Effect, pathsOf } from './paths';
import { ANY, both, REWRITTEN, type Wanted, withoutFields } from './wanted';

const EFFECTS: ReadonlySet<Effect> = new Set(['drop', 'accept', 'write']);
const PATHS = { pathsMax: 24, elementsMax: 6 } as const;
const WAYS_MAX = 120;
const PORTS_MAX = 3;
const LITERALS_MAX = 6;
const BROADCAST = 'ff:ff:ff:ff:ff:ff';
/** Locally administered: of no device that is known. */
const SOMEBODY = '02:00:00:00:00:98';
const SENDER = '02:00:00:00:00:99';

export interface LinkPair {
  readonly p: Prepared;
  readonly place: LinkPlace;
  readonly first: Actor;
  readonly second: Actor;
}

export function* linkPackets(pair: LinkPair): Generator<PacketSpec> {
  const seen = new Set<string>();
  for (const packet of allPackets(pair)) {
    const key = JSON.stringify(packet);
    if (seen.has(key)) continue;
    seen.add(key);
    yield packet;
  }
}

function* allPackets(pair: LinkPair): Generator<PacketSpec> {
  const said = literalsOf([pair.first.chain, pair.second.chain]);
  if (pair.place.family === 'arp') {
    yield* arpPackets(pair, said);
    return;
  }
  for (const family of ['ip', 'ip6'] as const)
    for (const wanted of waysOf(pair, family)) yield* ipFrames(pair, family, wanted, said);
  if (pair.place.hook === 'ingress' || pair.place.family === 'bridge') yield* arpPackets(pair, said);
}

/** What both ask; what one of them may write is left to it. */
function waysOf({ p, first, second }: LinkPair, family: IpFamily): readonly Wanted[] {
  const [a, b] = [first, second].map(({ chain }) => pathsOf(p, chain, family, EFFECTS, PATHS).paths);
  const ways = new Map<string, Wanted>();
  const put = (wanted: Wanted | undefined): void => {
    if (wanted === undefined || ways.size >= WAYS_MAX) return;
    ways.set(
      JSON.stringify(wanted, (_, value) => (typeof value === 'bigint' ? String(value) : value)),
      wanted,
    );
  };
  for (const one of a ?? [])
    for (const other of b ?? []) {
      put(both(one.wanted, withoutFields(other.wanted, ...REWRITTEN)));
      put(both(withoutFields(one.wanted, ...REWRITTEN), other.wanted));
    }
  for (const one of [...(a ?? []), ...(b ?? [])]) put(withoutFields(one.wanted, ...REWRITTEN));
  put(ANY);
  return [...ways.values()];
}

interface Literals {
  readonly addresses: readonly string[];
  readonly macs: readonly string[];
}

const MAC = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i;

/** Addresses that the rules of chains, and of what they lead to in their tables, name. */
function literalsOf(chains: readonly ProgramChain[]): Literals {
  const addresses = new Set<string>();
  const macs = new Set<string>();
  const see = (value: unknown): void => {
    if (typeof value === 'string') {
      if (MAC.test(value)) macs.add(value.toLowerCase());
      else if (parseAddress(value)?.family === 'ip') addresses.add(value);
    } else if (typeof value === 'object' && value !== null) for (const one of Object.values(value)) see(one);
  };
  for (const { table } of chains) {
    for (const { rules } of table.table.chains) for (const { statements } of rules) see(statements);
    for (const { elements } of table.table.sets) see(elements.slice(0, LITERALS_MAX));
  }
  return { addresses: [...addresses].slice(0, LITERALS_MAX), macs: [...macs].slice(0, LITERALS_MAX) };
}

const portsOf = (p: Prepared, of?: string): readonly Link[] =>
  [...p.linkByName.values()].filter(
    ({ master, up }) => up && master !== undefined && (of === undefined || master === of),
  );

/** Where frames of the place come in. */
function entriesOf(p: Prepared, { family, device }: LinkPlace): readonly string[] {
  if (family === 'netdev') return [device];
  if (family === 'bridge')
    return portsOf(p)
      .map(({ name }) => name)
      .slice(0, PORTS_MAX);
  const ethernet = [...p.linkByName.values()].filter(
    ({ type, up, master }) => type === 'ether' && up && master === undefined,
  );
  return ethernet.map(({ name }) => name).slice(0, PORTS_MAX);
}

/** To the node itself, to somebody behind a port, to each neighbour that one is known to lead to, to all. */
const targetsOf = (p: Prepared, { macs }: Literals): readonly (string | undefined)[] => [
  undefined,
  SOMEBODY,
  ...[...(p.world.fdb?.keys() ?? [])].slice(0, LITERALS_MAX),
  ...macs,
  BROADCAST,
];

function* ipFrames({ p, place }: LinkPair, family: IpFamily, wanted: Wanted, said: Literals): Generator<PacketSpec> {
  if (wanted.family !== undefined && wanted.family !== family) return;
  if (place.hook === 'egress') {
    yield* packetsFor(p, family, { ...wanted, oif: [place.device ?? ''] }, PER_WAY);
    return;
  }
  if (place.hook === 'output' || place.hook === 'postrouting') {
    const { iif: _, oif: __, ...rest } = wanted;
    const bridges = [...new Set(portsOf(p).flatMap(({ master }) => master ?? []))];
    for (const { from, ...packet } of packetsFor(p, family, { ...rest, oif: bridges }, PER_WAY))
      if (from === 'local') yield { from, ...packet };
    if (place.hook === 'output') return;
  }
  const around = surroundingsOf(p, family);
  const near = [around.stranger, ...around.near.map(({ address }) => address)].slice(0, 3);
  const own = [...around.own, ...near].slice(0, 3);
  const { saddr, daddr } = wanted.fields;
  const sources = saddr === undefined ? near : saddr.slice(0, 2).map((interval) => pick(family, interval));
  const targets = daddr === undefined ? own : daddr.slice(0, 2).map((interval) => pick(family, interval));
  const entries = entriesOf(p, place).filter((name) => wanted.iif === undefined || wanted.iif.includes(name));
  for (const transport of transportsOf(wanted, family))
    for (const iif of entries)
      for (const dst of targetsOf(p, said))
        for (const src of [undefined, ...said.macs])
          for (const from of sources)
            for (const to of targets) {
              if (from === to) continue;
              const l2 = { ...(src !== undefined && { src }), ...(dst !== undefined && { dst }) };
              yield {
                iif,
                family,
                saddr: formatAddress(from),
                daddr: formatAddress(to),
                ...transport,
                ...(Object.keys(l2).length > 0 && { l2 }),
              };
            }
}

const PER_WAY = 6;

/** Somebody asks for an address of the node or of another, or answers. */
function* arpPackets({ p, place }: LinkPair, { addresses, macs }: Literals): Generator<PacketSpec> {
  const around = surroundingsOf(p, 'ip');
  const text = (list: readonly (number | bigint)[]): readonly string[] => list.map(formatAddress);
  const senders = [...new Set([...addresses, ...text(around.near.map(({ address }) => address)).slice(0, 2)])];
  const targets = [...new Set([...text(around.own).slice(0, 1), ...addresses])];
  const senderMacs = [...new Set([...macs, SENDER])];
  for (const iif of entriesOf(p, place))
    for (const senderMac of senderMacs)
      for (const saddr of senders)
        for (const daddr of targets)
          if (saddr !== daddr)
            for (const op of ['request', 'reply'])
              yield { iif, family: 'arp', op, saddr, daddr, senderMac, l2: { src: senderMac } };
}
