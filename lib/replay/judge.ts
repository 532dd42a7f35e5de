/** What the kernel did, beside what was expected. */

import type { EndingDifference } from '../monitor/agreement';
import { type Alignment, alignSequence, better } from '../monitor/align-sequence';
import type { KernelEvent } from '../monitor/kernel-event';
import { ourEvents } from '../monitor/our-events';
import { fromHex } from '../net/build-packet';
import { viewPacket } from '../net/headers';
import type { PacketView } from '../net/packet-view';
import type { Branch, Trace } from '../sim/trace';

/** One packet's answer from the helper. */
export interface KernelRun {
  readonly events: readonly (Omit<KernelEvent, 'kind' | 'packet'> & {
    readonly kind: KernelEvent['kind'] | 'lost' | 'unknown' | 'return';
    readonly packet?: { readonly iif?: string; readonly oif?: string; readonly network?: string };
  })[];
  readonly frames: readonly { readonly dev: string; readonly hex: string }[];
  readonly sendErrno?: number;
}

export interface Judgement {
  readonly alignment: Alignment;
  readonly endings: readonly EndingDifference[];
}

/** The table of the replay itself; its chains switch tracing on and show how far a packet came. */
export const OWN_TABLE = 'nftscope_replay';

/** @param handles handles of the loaded ruleset to those of the capture, by `FAMILY TABLE CHAIN HANDLE` */
export function judge(run: KernelRun, expected: Trace, handles: ReadonlyMap<string, number>): Judgement {
  const events = run.events.flatMap((event): readonly KernelEvent[] => {
    if (event.kind === 'lost' || event.kind === 'unknown' || event.kind === 'return' || event.table === OWN_TABLE)
      return [];
    const { packet, handle, kind, ...rest } = event;
    if (handle === undefined) return [{ ...rest, kind }];
    return [
      { ...rest, kind, handle: handles.get(`${event.family} ${event.table} ${event.chain} ${handle}`) ?? handle },
    ];
  });
  const found = expected.branches.map((branch, index) => ({
    alignment: alignSequence(events, ourEvents(branch.steps), index, { showsEnds: true }),
    endings: endingsOf(run, branch),
  }));
  const [first, ...others] = found;
  if (first === undefined) throw new Error('a trace has at least one branch');
  return others.reduce((best, one) => {
    if (best.alignment.divergence === null && one.alignment.divergence === null)
      return one.endings.length < best.endings.length ? one : best;
    return better(best.alignment, one.alignment) === best.alignment ? best : one;
  }, first);
}

export const agrees = ({ alignment, endings }: Judgement): boolean =>
  alignment.divergence === null && endings.length === 0;

function endingsOf(run: KernelRun, { outcome }: Branch): readonly EndingDifference[] {
  if (outcome.kind === 'undecided') return [];
  const { fate } = outcome;
  const found: EndingDifference[] = [];
  const compare = (what: EndingDifference['what'], kernel: readonly string[], ours: readonly string[]) => {
    const [theirs, own] = [[...kernel].sort(), [...ours].sort()];
    if (theirs.length === own.length && theirs.every((line, index) => fits(line, own[index] ?? ''))) return;
    found.push({ what, kernel: theirs.join(', ') || 'nothing', ours: own.join(', ') || 'nothing' });
  };
  compare(
    'sent',
    run.frames.flatMap(({ dev, hex }) => frameText(dev, hex)),
    fate.egress.map(({ dev, packet }) => `${dev}: ${packetText(packet)}`),
  );
  compare(
    'delivered',
    run.events.flatMap(({ table, chain, packet }) =>
      table === OWN_TABLE && chain === 'delivered' && packet?.iif !== undefined ? [packet.iif] : [],
    ),
    fate.delivered.map(({ iif }) => iif),
  );
  compare('error', errorText(run.sendErrno), errorText(fate.sendErrno));
  return found;
}

const errorText = (number: number | undefined): readonly string[] => (number === undefined ? [] : [`error ${number}`]);

/** Ports that the kernel picks at random are `random` in ours. */
function fits(kernel: string, ours: string): boolean {
  if (kernel === ours) return true;
  if (!ours.includes('random')) return false;
  const pattern = ours.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll('random', '\\d+');
  return new RegExp(`^${pattern}$`).test(kernel);
}

function frameText(dev: string, hex: string): readonly string[] {
  const isTagged = hex.slice(24, 28) === '8100';
  const type = isTagged ? hex.slice(32, 36) : hex.slice(24, 28);
  const family = type === '0800' ? 'ip' : type === '86dd' ? 'ip6' : undefined;
  if (family === undefined) return [];
  const view = viewPacket(fromHex(hex.slice(isTagged ? 36 : 28)), family, { sport: false, dport: false });
  return isChatter(view) ? [] : [`${dev}: ${packetText(view)}`];
}

/** Neighbour and group messages that the kernel sends by itself. */
const isChatter = ({ protocol, icmpType = 0 }: PacketView): boolean =>
  protocol === 'icmpv6' && ((icmpType >= 130 && icmpType <= 137) || icmpType === 143);

const packetText = ({ saddr, daddr, protocol, sport, dport, icmpType, icmpCode }: PacketView): string =>
  [
    protocol ?? '',
    sport === undefined ? saddr : `${saddr} port ${sport}`,
    'to',
    dport === undefined ? daddr : `${daddr} port ${dport}`,
    ...(icmpType === undefined ? [] : [`type ${icmpType} code ${icmpCode ?? 0}`]),
  ].join(' ');
