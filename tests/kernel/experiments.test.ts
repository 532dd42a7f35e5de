/**
 * Experiments on what models of nftables get wrong most often: several hooks in a row, ties, mangling, meters, and a rule that reads what it
 * wrote. Each says in advance what happens; the kernel and the tracer have to say the same, and agree in all else.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PacketSpec } from '../../lib/net/packet-spec';
import type { LabChain, LabTable } from '../lab/case';
import type { Seen } from '../lab/compare';
import { Kernel, whyNot } from '../lab/kernel';
import { runLab } from '../lab/lab';

interface Experiment {
  readonly name: string;
  readonly tables: readonly LabTable[];
  readonly packets: readonly PacketSpec[];
  /** Of each packet: the rules that matched and the policies that decided, as `CHAIN VERDICT`, and what left the node. */
  readonly happens: readonly { readonly verdicts: readonly string[]; readonly leaves: readonly string[] }[];
}

const base = (name: string, type: string, hook: string, prio: number, rules: readonly string[]): LabChain => ({
  name,
  base: `type ${type} hook ${hook} priority ${prio}; policy accept;`,
  rules: rules.map((r) => [r]),
});
const filter = (name: string, hook: string, prio: number, ...rules: readonly string[]): LabChain =>
  base(name, 'filter', hook, prio, rules);
const table = (family: string, name: string, chains: readonly LabChain[], items: readonly string[] = []): LabTable => ({
  family,
  name,
  items,
  chains,
});

const udp: PacketSpec = {
  from: 'client',
  iif: 'eth0',
  family: 'ip',
  saddr: '10.0.1.2',
  daddr: '10.0.2.2',
  protocol: 'udp',
  sport: 1111,
  dport: 2222,
};
const PASSES = ['eth1 10.0.2.2 udp 2222'];

const EXPERIMENTS: readonly Experiment[] = [
  {
    name: 'whether an option is there is 1 or 0, and compares by order as well',
    tables: [
      table('ip', 't', [
        filter('first', 'prerouting', 0, 'ip option rr <= exists counter', 'ip option rr >= exists drop'),
        filter('second', 'forward', 0, 'ip option rr > missing drop', 'ip option rr < exists counter'),
      ]),
    ],
    packets: [udp],
    happens: [{ verdicts: ['first continue', 'first accept', 'second continue', 'second accept'], leaves: PASSES }],
  },
  {
    name: 'an accept ends its own base chain only: a later one of the same hook and later hooks still drop',
    tables: [
      table('ip', 't', [
        filter('first', 'prerouting', -10, 'accept', 'drop'),
        filter('second', 'prerouting', 10, 'counter'),
        filter('third', 'forward', 0, 'udp dport 2222 drop'),
        filter('last', 'postrouting', 0, 'counter'),
      ]),
    ],
    packets: [udp],
    happens: [{ verdicts: ['first accept', 'second continue', 'second accept', 'third drop'], leaves: [] }],
  },
  {
    name: 'what one hook writes the next ones read: a mark goes through all hooks, and decides at the last',
    tables: [
      table('ip', 't', [
        filter('first', 'prerouting', 0, 'meta mark set 0x10'),
        filter('second', 'forward', 0, 'meta mark 0x10 meta mark set meta mark | 0x1'),
        filter('third', 'postrouting', 0, 'meta mark 0x11 drop'),
      ]),
    ],
    packets: [udp],
    happens: [
      {
        verdicts: ['first continue', 'first accept', 'second continue', 'second accept', 'third drop'],
        leaves: [],
      },
    ],
  },
  {
    name: 'a chain jumped to returns to the rule behind the jump, one gone to returns to the caller of its caller',
    tables: [
      table('ip', 't', [
        { name: 'inner', base: undefined, rules: [['counter']] },
        { name: 'left', base: undefined, rules: [['goto inner'], ['drop']] },
        filter('outer', 'forward', 0, 'jump left', 'meta l4proto udp accept', 'drop'),
      ]),
    ],
    packets: [udp],
    happens: [{ verdicts: ['outer jump', 'left goto', 'inner continue', 'outer accept'], leaves: PASSES }],
  },
  {
    name: 'of two chains at one hook and priority the one registered later runs first',
    tables: [
      table('ip', 't', [
        filter('earlier', 'forward', 0, 'meta mark set 0x1'),
        filter('later', 'forward', 0, 'counter'),
      ]),
    ],
    packets: [udp],
    happens: [{ verdicts: ['later continue', 'later accept', 'earlier continue', 'earlier accept'], leaves: PASSES }],
  },
  {
    name: 'the tie holds across tables and families',
    tables: [
      table('inet', 'a', [filter('earlier', 'forward', 0, 'meta mark 0x1 drop')]),
      table('ip', 'b', [filter('later', 'forward', 0, 'meta mark set 0x1')]),
    ],
    packets: [udp],
    happens: [{ verdicts: ['later continue', 'later accept', 'earlier drop'], leaves: [] }],
  },
  {
    name: 'of two nat chains in a tie the one registered later binds',
    tables: [
      table('ip', 'a', [base('earlier', 'nat', 'prerouting', -100, ['udp dport 2222 dnat to 10.0.3.2:81'])]),
      table('ip', 'b', [base('later', 'nat', 'prerouting', -100, ['udp dport 2222 dnat to 10.0.2.3:82'])]),
    ],
    packets: [udp],
    happens: [{ verdicts: ['later accept'], leaves: ['eth1 10.0.2.3 udp 82'] }],
  },
  {
    name: 'an address written before routing is where the packet goes, and what later rules see',
    tables: [
      table('ip', 't', [
        filter('first', 'prerouting', -300, 'ip daddr set 10.0.3.2', 'ip daddr 10.0.2.2 drop'),
        filter('second', 'forward', 0, 'oifname "eth2" ip daddr 10.0.3.2 counter', 'ip daddr 10.0.2.2 drop'),
      ]),
    ],
    packets: [udp],
    happens: [
      {
        verdicts: ['first continue', 'first accept', 'second continue', 'second accept'],
        leaves: ['eth2 10.0.3.2 udp 2222'],
      },
    ],
  },
  {
    name: 'a port written in forward does not route again, and the checksum follows',
    tables: [
      table('ip', 't', [filter('only', 'forward', 0, 'udp dport set 5353 udp dport 5353', 'udp dport 2222 drop')]),
    ],
    packets: [udp],
    happens: [{ verdicts: ['only continue', 'only accept'], leaves: ['eth1 10.0.2.2 udp 5353'] }],
  },
  {
    name: 'a rule reads the mark that it has just written, by value and by bits',
    tables: [
      table('ip', 't', [
        filter(
          'only',
          'forward',
          0,
          'meta mark set 0x3 meta mark 0x3 counter',
          'meta mark 0x3 meta mark set meta mark & 0x1 meta mark 0x3 drop',
          'meta mark 0x1 counter',
          'meta mark set meta mark',
          'meta mark != 0x1 drop',
        ),
      ]),
    ],
    packets: [udp],
    happens: [{ verdicts: ['only continue', 'only continue', 'only continue', 'only accept'], leaves: PASSES }],
  },
  {
    name: 'a rule that fails behind its write keeps what it wrote',
    tables: [
      table('ip', 't', [
        filter('only', 'forward', 0, 'meta mark set 0x5 udp dport 1', 'meta mark 0x5 ct mark set 0x7 ct mark 0x7 drop'),
      ]),
    ],
    packets: [udp],
    happens: [{ verdicts: ['only drop'], leaves: [] }],
  },
  {
    name: 'a meter counts for each address by itself',
    tables: [
      table(
        'ip',
        't',
        [filter('only', 'forward', 0, 'add @m { ip saddr limit rate over 1/hour burst 2 packets } drop')],
        ['set m { type ipv4_addr; size 100; flags dynamic; }'],
      ),
    ],
    packets: [udp, udp, udp, { ...udp, saddr: '10.0.1.3' }],
    happens: [
      { verdicts: ['only accept'], leaves: PASSES },
      { verdicts: ['only accept'], leaves: PASSES },
      { verdicts: ['only drop'], leaves: [] },
      { verdicts: ['only accept'], leaves: PASSES },
    ],
  },
  {
    name: 'a quota in a meter holds the bytes of its key',
    tables: [
      table(
        'ip',
        't',
        [filter('only', 'forward', 0, 'update @m { udp dport quota over 60 bytes } drop')],
        ['set m { type inet_service; size 100; flags dynamic,timeout; timeout 1h; }'],
      ),
    ],
    packets: [udp, udp, udp, { ...udp, dport: 2223 }],
    happens: [
      { verdicts: ['only accept'], leaves: PASSES },
      { verdicts: ['only accept'], leaves: PASSES },
      { verdicts: ['only drop'], leaves: [] },
      { verdicts: ['only accept'], leaves: ['eth1 10.0.2.2 udp 2223'] },
    ],
  },
];

const verdictsOf = (seen: Seen): readonly string[] =>
  seen.events
    .filter((e) => e.type === 'rule' || e.type === 'policy')
    .map((e) => `${String(e.at).split(' ').at(-1)} ${String(e.verdict)}`);
const leavesOf = (seen: Seen): readonly string[] =>
  seen.egress.map(({ dev, packet }) => {
    const p = packet as Readonly<Record<string, unknown>>;
    return `${String(dev)} ${String(p.daddr)} ${String(p.protocol)} ${String(p.dport)}`;
  });

const why = whyNot();

describe.skipIf(why !== undefined)(`experiments${why === undefined ? '' : ` (skipped: ${why})`}`, () => {
  let kernel: Kernel;

  beforeAll(async () => {
    kernel = new Kernel();
    await kernel.start();
  });

  afterAll(() => kernel.close());

  it.each(EXPERIMENTS.map((e) => [e.name, e] as const))('%s', async (_, e) => {
    const steps = e.packets.map((packet) => ({ kind: 'packet' as const, packet }));
    const lab = { seed: 0, environment: 'base', profile: 'experiment', tables: e.tables, steps };
    const { packets, verdict, why: refused } = await runLab(kernel, lab, 0.02);
    expect(refused).toBeUndefined();
    const say = (side: 'kernel' | 'ours') =>
      packets.map((p) => {
        const seen = p[side];
        return seen === undefined ? 'undecided' : { verdicts: verdictsOf(seen), leaves: leavesOf(seen) };
      });
    expect(say('kernel')).toEqual(e.happens);
    expect(say('ours')).toEqual(e.happens);
    expect({ verdict, parts: packets.flatMap((p) => p.parts) }).toEqual({ verdict: 'agreed', parts: [] });
  });
});
