/** Long flows: a random walk of what may follow a first packet, in both directions, in and out of order. */
import type { PacketSpec } from '../../lib/net/packet-spec';
import type { LabStep } from './case';
import type { Random } from './random';

/** Of the node's own addresses these are in nobody's focus only: a packet to them is answered by hand too. */
const OWN = new Set([
  '10.0.1.1',
  '10.0.2.1',
  '10.0.2.11',
  '10.0.3.1',
  '10.255.255.1',
  'fd00:1::1',
  'fd00:2::1',
  'fd00:2::11',
  'fd00:255::1',
]);

const again = (first: PacketSpec, packet: Partial<PacketSpec>): LabStep => ({
  kind: 'packet',
  packet: { ...first, ...packet },
});

/** An error about what the packet of step `to` caused. */
function error(r: Random, first: PacketSpec, to: number): LabStep {
  const [type, code] =
    first.family === 'ip6'
      ? r.pick([
          [1, 4],
          [1, 0],
          [3, 0],
          [2, 0],
          [4, 1],
        ] as const)
      : r.pick([
          [3, 3],
          [3, 1],
          [11, 0],
          [3, 4],
          [12, 0],
        ] as const);
  return { kind: 'error', to, type, code };
}

/** The answer of a process of the node, where the packet went to one of its addresses. */
function ownAnswer(first: PacketSpec, packet: Partial<PacketSpec>): LabStep | undefined {
  if (!OWN.has(first.daddr ?? '')) return undefined;
  const { iif: _i, l2: _l, ipOptionsHex: _o, extHeaders: _e, badChecksum: _b, ...rest } = first;
  return {
    kind: 'packet',
    packet: {
      ...rest,
      from: 'local',
      ...(first.daddr === undefined ? {} : { saddr: first.daddr }),
      ...(first.saddr === undefined ? {} : { daddr: first.saddr }),
      ...(first.dport === undefined ? {} : { sport: first.dport }),
      ...(first.sport === undefined ? {} : { dport: first.sport }),
      ...packet,
    },
  };
}

/** Another client on the same port, or the same client on another. */
function neighbour(r: Random, first: PacketSpec): LabStep {
  const six = first.family === 'ip6';
  const saddr = r.pick(six ? ['fd00:1::2', 'fd00:1::3', 'fd00:244::5'] : ['10.0.1.2', '10.0.1.3', '10.244.0.5']);
  return again(
    first,
    first.from !== 'local' && first.iif === 'eth0' && r.chance(0.6)
      ? { saddr }
      : first.icmpId === undefined
        ? { sport: r.pick([1111, 2222, 600, 53]) }
        : { icmpId: r.pick([1, 2, 4096]) },
  );
}

/** TCP segments of both sides whose numbers are those that are due, or close by, or far off. */
function segments(r: Random, first: PacketSpec): LabStep[] {
  const steps: LabStep[] = [];
  const next = { client: 1001, server: 7000 };
  const off = (n: number): number =>
    (n +
      r.weighted([
        [12, 0],
        [1, -1],
        [1, 1],
        [0.7, 1000],
        [0.5, 66000],
        [0.5, -66000],
        [0.3, 2 ** 31],
      ]) +
      2 ** 32) %
    2 ** 32;
  const scaled = r.chance(0.3) ? { tcpOptionsHex: '020405b40402080a000000010000000001030307' } : {};
  const window = (): Partial<PacketSpec> => (r.chance(0.15) ? { window: r.pick([0, 1, 100, 65535]) } : {});
  if (r.chance(0.75)) {
    const synAck = { flags: ['syn', 'ack'], seq: 7000, ack: 1001, ...scaled, ...window() };
    const own = ownAnswer(first, synAck);
    steps.push(own !== undefined && r.chance(0.3) ? own : { kind: 'reply', to: 0, packet: synAck });
    next.server = 7001;
    if (r.chance(0.85)) steps.push(again(first, { flags: ['ack'], seq: 1001, ack: 7001, ...window() }));
  }
  for (let n = r.int(1, 6); n > 0; n--) {
    const client = r.chance(0.5);
    const flags = r.weighted<readonly string[]>([
      [4, ['ack']],
      [3, ['psh', 'ack']],
      [4, ['fin', 'ack']],
      [1.5, ['rst']],
      [1, ['rst', 'ack']],
      [1.5, ['syn']],
      [1, ['syn', 'ack']],
      [0.3, ['fin']],
      [0.2, ['syn', 'fin']],
      [0.2, []],
      [0.3, ['psh', 'ack', 'urg']],
    ]);
    const data = flags.includes('psh') ? r.pick(['0102', '0d0e0f10', '11'.repeat(100)]) : '';
    const packet: Partial<PacketSpec> = {
      flags,
      seq:
        flags.join() === 'syn' && r.chance(0.5)
          ? r.pick([1000, 2000, 5_000_000])
          : off(client ? next.client : next.server),
      ack: flags.includes('ack') ? off(client ? next.server : next.client) : 0,
      payloadHex: data,
      ...(flags.includes('syn')
        ? scaled
        : r.chance(0.1)
          ? { tcpOptionsHex: '0101050a00001b5900001b5d' }
          : { tcpOptionsHex: '' }),
      ...window(),
    };
    const length = data.length / 2 + (flags.includes('fin') || flags.includes('syn') ? 1 : 0);
    if (client) {
      steps.push(again(first, packet));
      next.client += length;
    } else {
      const own = ownAnswer(first, packet);
      steps.push(own !== undefined && r.chance(0.5) ? own : { kind: 'reply', to: 0, packet });
      next.server += length;
    }
    if (r.chance(0.08)) steps.push(error(r, first, 0));
    if (r.chance(0.08)) steps.push(neighbour(r, first));
  }
  return steps;
}

/** Datagrams of both sides, of neighbours, and errors about them. */
function datagrams(r: Random, first: PacketSpec): LabStep[] {
  const steps: LabStep[] = [];
  for (let n = r.int(2, 7); n > 0; n--) {
    const kind = r.weighted([
      [4, 'reply'],
      [3, 'again'],
      [1.5, 'error'],
      [2, 'neighbour'],
      [1, 'own'],
    ]);
    const payload = r.chance(0.5) ? { payloadHex: '01020304' } : {};
    const own = kind === 'own' ? ownAnswer(first, payload) : undefined;
    if (kind === 'reply') steps.push({ kind: 'reply', to: 0, packet: payload });
    else if (kind === 'error') steps.push(error(r, first, r.chance(0.7) ? 0 : steps.length));
    else if (kind === 'neighbour') steps.push(neighbour(r, first));
    else steps.push(own ?? again(first, r.chance(0.3) ? payload : {}));
  }
  return steps;
}

/** A datagram in pieces: in any order, some twice. */
function pieces(r: Random, first: PacketSpec): LabStep[] {
  const { sport = 1111, dport = 2222 } = first;
  const word = (n: number): string => n.toString(16).padStart(4, '0');
  const count = r.int(2, 4);
  const size = r.pick([8, 16, 24, 64]);
  const last = r.pick([1, 8, 30]);
  const body = size * (count - 1) + last;
  const whole = `${word(sport)}${word(dport)}${word(body)}0000${'11'.repeat(Math.max(0, body - 8))}`.slice(0, body * 2);
  const id = r.int(1, 65535);
  const six = first.family === 'ip6';
  const {
    sport: _s,
    dport: _d,
    df: _df,
    flags: _f,
    l2: _l,
    extHeaders: _e,
    ipOptionsHex: _o,
    badChecksum: _b,
    ...plain
  } = first;
  const all = Array.from({ length: count }, (_, i): PacketSpec => {
    const mf = i < count - 1;
    const piece = {
      ...plain,
      protocol: 'udp',
      rawL4: true,
      payloadHex: whole.slice(i * size * 2, mf ? (i + 1) * size * 2 : undefined),
      fragment: { index: i, of: count },
    };
    return six
      ? { ...piece, extHeaders: [{ type: 'frag', offset: i * size, mf, id }] }
      : { ...piece, df: false, id, mf, fragOff: i * size };
  });
  const order = r.chance(0.4) ? all : r.some(all, count, count);
  const twice = r.chance(0.15) ? [...order.slice(0, 1), ...order] : order;
  return twice.map((packet) => ({ kind: 'packet', packet }));
}

/** A whole flow from its first packet. */
export function walk(r: Random, given: PacketSpec): LabStep[] {
  if (given.family === 'arp') return [{ kind: 'packet', packet: given }];
  const { badChecksum: _, ...good } = given;
  const first: PacketSpec = r.chance(0.9) ? good : given;
  if (first.protocol === 'tcp') {
    const { ack: _a, ...rest } = first;
    const opened: PacketSpec = r.chance(0.9) ? { ...rest, flags: ['syn'], seq: 1000 } : first;
    return [{ kind: 'packet', packet: opened }, ...segments(r, { ...opened, payloadHex: '' })];
  }
  if (first.protocol === 'udp' && first.from !== 'local' && r.chance(0.3)) {
    const parts = pieces(r, first);
    return r.chance(0.5) ? parts : [...parts, again(first, {}), ...pieces(r, first)];
  }
  return [{ kind: 'packet', packet: first }, ...datagrams(r, first)];
}
