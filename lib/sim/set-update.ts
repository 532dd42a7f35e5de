/** `add`, `update` and `delete` of elements by rules, and the stateful statements of elements (net/netfilter/nft_dynset.c). */
import type { LimitStatement, NamedObject, QuotaStatement, Statement } from '../nft/model';
import { tupleOf } from './conntrack';
import { STATUS, tupleKey } from './conntrack-state';
import type { Context } from './environment';
import type { ProgramSet } from './program';
import { lengthOf } from './skb';
import { newStateful, type StatefulState } from './state';

const UNIT: Readonly<Record<string, number>> = { bytes: 1, kbytes: 1024, mbytes: 1048576 };

/**
 * Elements that count towards the size of a set: the listed ones with this run's changes. One that a rule deleted counts until the
 * kernel sweeps the set, once a second (nft_rhash_delete, nft_rhash_gc).
 */
export function setCount(set: ProgramSet, c: Context): number {
  const overlay = c.run.state.sets.get(set.set);
  if (overlay === undefined) return set.index.size;
  return set.index.size - overlay.removed.size + overlay.added.size + overlay.dead;
}

/** The size limit of a set that rules add to: as declared, 65535 where the declaration names none. */
export const setLimit = (set: ProgramSet): number => set.set.size ?? 65535;

type LimitLike = Pick<LimitStatement, 'rate' | 'per' | 'over' | 'burst' | 'rateUnit' | 'burstUnit'>;

/** Asks a token bucket. No time passes between the packets of a run. `undefined` when its state is not known. */
export function askLimit(limit: LimitLike, state: StatefulState, c: Context, what: string): boolean {
  const bytes = limit.rateUnit !== undefined;
  const rate = Number(limit.rate) * (UNIT[limit.rateUnit ?? ''] ?? 1);
  const burst = Number(limit.burst ?? (bytes ? 0 : 5)) * (UNIT[limit.burstUnit ?? ''] ?? 1);
  if (state.tokens === undefined) {
    if (!c.run.state.fresh) c.run.assume('limit-full', `The bucket of ${what} is taken to be full.`);
    // A byte bucket holds what one unit of time may bring, and the burst. A packet bucket holds the burst, at least one.
    state.tokens = bytes ? rate + burst : Math.max(1, burst);
  }
  const cost = bytes ? lengthOf(c.skb, c.hook) : 1;
  const within = state.tokens >= cost;
  if (within) state.tokens -= cost;
  return within !== limit.over;
}

/** Asks a quota: `until` holds while what was used, this packet included, does not exceed it. */
export function askQuota(limitBytes: number, over: boolean, state: StatefulState, c: Context): boolean {
  const used = state.used + lengthOf(c.skb, c.hook);
  const exceeded = used > limitBytes;
  state.used = Math.min(used, exceeded ? Math.max(state.used, limitBytes) : used);
  return exceeded === over;
}

export const quotaBytes = (q: QuotaStatement): number => Number(q.val) * (UNIT[q.valUnit] ?? 1);

/** Runs the statements of an element (or a meter); false when one of them says the rule must not go on. */
export function runStateful(statements: readonly Statement[], state: StatefulState, c: Context): true | string {
  for (const s of statements) {
    switch (s.kind) {
      case 'counter':
        state.packets++;
        state.bytes += lengthOf(c.skb, c.hook);
        break;
      case 'limit':
        if (!askLimit(s, state, c, 'the element'))
          return s.over ? 'the rate of this element is below the limit' : 'the rate of this element is above the limit';
        break;
      case 'quota':
        if (!askQuota(quotaBytes(s), s.over, state, c))
          return s.over ? 'the quota of this element is not used up' : 'the quota of this element is used up';
        break;
      case 'ctCount': {
        const within = askCount(s.val, s.over, state, c);
        if (within === undefined)
          c.run.undecided(
            'ct-count',
            'The packet has no ports, so that its connection cannot be counted in this element.',
            'Trace a packet with a whole header.',
            c.at,
          );
        if (!within) return 'the number of connections of this element is outside the limit';
        break;
      }
      case 'last':
        break;
      default:
        c.run.undecided(
          'unsupported-statement',
          `The statement ${s.kind} of a set element is not modelled.`,
          'Assume whether the rule goes on.',
          c.at,
        );
    }
  }
  return true;
}

/**
 * `ct count N`: the connections on the statement's list (net/netfilter/nf_conncount.c, __nf_conncount_add). The list is gone through for
 * a confirmed connection, and for others once in a tick of the clock: what has no entry any more, was never confirmed, or is closed
 * leaves it, and what is on it already is not added again. Later in the same tick a connection that is not confirmed is added anew.
 * An assured connection is not added; the list is only rid of what has ended, itself too (nft_connlimit_do_eval:
 * nf_conncount_gc_list). A packet and what it causes are one tick. Undefined where the packet has no tuple, and is dropped.
 */
export function askCount(limit: number, over: boolean, state: StatefulState, c: Context): boolean | undefined {
  const skb = c.skb;
  const own = skb.ct !== undefined && !(skb.ct.status & STATUS.template) ? skb.ct : undefined;
  state.connections ??= new Map();
  if (!c.run.state.fresh && state.connections.size === 0)
    c.run.assume('ct-count', 'The connection count is taken to start at zero.');
  // Without an entry the packet's own tuple counts (get_ct_or_tuple_from_skb).
  const tuple = own !== undefined ? own.original : skb.family === 'arp' ? undefined : tupleOf(skb.data, skb.family);
  if (tuple === undefined) return undefined;
  const zone = skb.ct?.zone ?? 0;
  const ct = own ?? c.run.state.ct.find(tuple, zone)?.conn;
  const status = ct?.status ?? 0;
  const key = tupleKey(tuple, zone);
  const sweep = state.sweptIn !== c.run;
  const add = (status & STATUS.assured) === 0;
  const listed =
    (sweep || (add && status & STATUS.confirmed)) && sweepCount(state.connections, c, add ? key : undefined);
  if (!listed) {
    state.sweptIn = c.run;
    let at = key;
    while (state.connections.has(at)) at += '+';
    if (add) state.connections.set(at, { tuple, zone });
  }
  return state.connections.size > limit === over;
}

/** Rids a list of what has ended, up to the connection looked for; true where that is on it. */
function sweepCount(list: NonNullable<StatefulState['connections']>, c: Context, key: string | undefined): boolean {
  for (const [at, known] of list) {
    const found = c.run.state.ct.find(known.tuple, known.zone)?.conn;
    if (found !== undefined && tupleKey(known.tuple, known.zone) === key) return true;
    if (found === undefined || found.tcpState === 'TIME_WAIT' || found.tcpState === 'CLOSE') list.delete(at);
  }
  return false;
}

/** State of a named object, its listed values to begin with. */
export function objectState(object: NamedObject, c: Context): StatefulState {
  const known = c.run.state.stateful.get(object);
  if (known !== undefined) return known;
  const s = newStateful();
  if (object.kind === 'counter') {
    s.packets = Number(object.packets);
    s.bytes = Number(object.bytes);
  }
  if (object.kind === 'quota') s.used = Number(object.used);
  c.run.state.stateful.set(object, s);
  return s;
}
