/** Extension headers of IPv6 as the node reads them: hop-by-hop options of all, the others of its own (net/ipv6/exthdrs.c). */
import { PROTO } from '../net/protocols';
import type { Run } from './environment';
import { isMulticast6 } from './fib';
import { type IcmpOptions, sendIcmpError } from './generated';
import { kernel } from './hooks';
import { destinationOf, type Skb } from './skb';

const OPTION = { pad1: 0, padN: 1, routerAlert: 5, calipso: 7, jumbo: 0xc2 } as const;
/** More padding in a row, and more options in a header, are refused (net.ipv6.max_hbh_opts_number, max_dst_opts_number). */
const MOST_PADDING = 7;
const MOST_OPTIONS = 8;
const BAD_FIELD = 0;
const UNKNOWN_HEADER = 1;
const UNKNOWN_OPTION = 2;

const refused = (run: Run, skb: Skb, say: string, answer?: IcmpOptions): false => {
  kernel(run, skb, 'extension-header', say);
  if (answer !== undefined) sendIcmpError(run, skb, answer);
  return false;
};

const problem = (code: number, at: number): IcmpOptions => ({ type: 4, code, info: at });

/** ip6_tlvopt_unknown(): the two highest bits of an option say what is to become of a packet whose option nobody knows. */
function unknownOption(run: Run, skb: Skb, at: number): boolean {
  const todo = (skb.data[at] ?? 0) >> 6;
  if (todo === 0) return true;
  const silent = todo === 1 || (todo === 3 && isMulticast6(BigInt(destinationOf(skb))));
  const answer = silent ? undefined : { ...problem(UNKNOWN_OPTION, at), ...(todo === 2 ? { evenToGroups: true } : {}) };
  return refused(run, skb, 'An IPv6 option that the kernel does not know asks it to drop the packet.', answer);
}

function hopByHopOption(run: Run, skb: Skb, at: number): boolean {
  const length = skb.data[at + 1] ?? 0;
  switch (skb.data[at]) {
    case OPTION.routerAlert:
      return length === 2 || refused(run, skb, 'The router alert is malformed.');
    case OPTION.jumbo: {
      if (length !== 4 || at % 4 !== 2) return refused(run, skb, 'The jumbo option is malformed.');
      // Whatever is longer than it says is malformed, and nothing longer than 65535 bytes gets here.
      return refused(run, skb, 'The jumbo option is malformed.', problem(BAD_FIELD, at + 2));
    }
    case OPTION.calipso:
      if (length < 8) return refused(run, skb, 'The CALIPSO label is malformed.');
      return run.undecided(
        'extension-header',
        'Labels of CALIPSO are not modelled.',
        'Assume that the label is accepted.',
      );
    default:
      return unknownOption(run, skb, at);
  }
}

/** ip6_parse_tlv(): true where the packet may go on. `at` is where the header begins. */
function optionsGood(run: Run, skb: Skb, at: number, one: typeof unknownOption): boolean {
  const b = skb.data;
  const end = at + ((b[at + 1] ?? 0) + 1) * 8;
  const malformed = (): false => refused(run, skb, 'The options of IPv6 are malformed.');
  if (end > b.length) return malformed();
  let padding = 0;
  let options = 0;
  for (let i = at + 2; i < end; ) {
    const kind = b[i];
    const length = kind === OPTION.pad1 ? 1 : (b[i + 1] ?? 0) + 2;
    if ((kind !== OPTION.pad1 && end - i < 2) || i + length > end) return malformed();
    if (kind === OPTION.pad1 || kind === OPTION.padN) {
      padding += length;
      if (padding > MOST_PADDING || b.subarray(i + 2, i + length).some((x) => x !== 0)) return malformed();
    } else {
      padding = 0;
      if (++options > MOST_OPTIONS) return malformed();
      if (!one(run, skb, i)) return false;
    }
    i += length;
  }
  return true;
}

/** Reads the hop-by-hop options, before any ip hook (ip6_rcv_core). */
export function readHopByHop(run: Run, skb: Skb): boolean {
  return skb.data[6] !== PROTO.hopopt || optionsGood(run, skb, 40, hopByHopOption);
}

/** ipv6_rthdr_rcv(): no route that a sender lays down is followed; those of segment routing and RPL are off by default. */
function routingGood(run: Run, skb: Skb, at: number): boolean {
  const type = skb.data[at + 2];
  const left = skb.data[at + 3] ?? 0;
  if (isMulticast6(BigInt(destinationOf(skb))) || skb.pktType !== 0 || type === 3 || type === 4)
    return refused(run, skb, 'The routing header is not accepted.');
  return left === 0 || refused(run, skb, 'The routing header is not followed.', problem(BAD_FIELD, at + 3));
}

/** Reads the extension headers of a packet that is for this node, as far as a fragment header (ip6_protocol_deliver_rcu). */
export function readExtensions(run: Run, skb: Skb): boolean {
  const b = skb.data;
  let nextAt = 6;
  for (let at = 40; ; at += ((b[at + 1] ?? 0) + 1) * 8) {
    switch (b[nextAt]) {
      case PROTO.hopopt:
        if (nextAt !== 6) return refused(run, skb, 'Hop-by-hop options come first.', problem(UNKNOWN_HEADER, nextAt));
        break;
      case PROTO.dstopts:
        if (!optionsGood(run, skb, at, unknownOption)) return false;
        break;
      case PROTO.routing:
        if (at + 8 > b.length || !routingGood(run, skb, at)) return false;
        break;
      case PROTO.ah:
        return refused(run, skb, 'Nobody takes the authentication header.', problem(UNKNOWN_HEADER, nextAt));
      default:
        return true;
    }
    nextAt = at;
  }
}
