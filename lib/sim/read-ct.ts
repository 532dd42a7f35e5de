/** Reading `ct` keys (net/netfilter/nft_ct.c). */
import { PROTO } from '../net/protocols';
import type { CtExpression } from '../nft/model';
import { ctType } from '../nft/type-of-expression';
import { type Conn, STATUS, zoneId } from './conntrack-state';
import type { Context } from './environment';
import { randomPort, unknownHost, unsupported } from './read-unknown';
import { Between, type Evaluated, Missing, Unknown } from './value';

const stateBit = { new: 8, established: 2, related: 4 } as const;

export function readCt(expr: CtExpression, name: string): (c: Context) => Evaluated {
  if (expr.key === 'state') {
    return (c) => {
      if (c.skb.ct !== undefined && c.skb.ctState !== undefined) return stateBit[c.skb.ctState];
      return c.skb.untracked ? 64 : 1;
    };
  }
  const none = new Missing(name, 'the packet has no conntrack entry here');
  const dirOf = (c: Context): 'original' | 'reply' => expr.dir ?? c.skb.ctDir;
  const withCt =
    (read: (ct: Conn, c: Context) => Evaluated) =>
    (c: Context): Evaluated => {
      if (c.skb.ct === undefined || c.skb.ct.status & STATUS.template) return none;
      return read(c.skb.ct, c);
    };
  const family =
    expr.key.startsWith('ip6') || expr.family === 'ip6'
      ? 'ip6'
      : expr.key.startsWith('ip ') || expr.family === 'ip'
        ? 'ip'
        : undefined;
  const wrongFamily = new Missing(name, 'the connection is of the other family');
  const address = (side: 'src' | 'dst'): ((c: Context) => Evaluated) =>
    withCt((ct, c) =>
      family !== undefined && ct.family !== family ? wrongFamily : (ct[dirOf(c)][side] as number | bigint),
    );
  switch (expr.key) {
    case 'direction':
      return withCt((_, c) => (c.skb.ctDir === 'original' ? 0 : 1));
    case 'status':
      return withCt((ct) => ct.status);
    case 'mark':
      return withCt((ct) => ct.markUnknown ?? ct.mark);
    case 'zone':
      return withCt((ct) => zoneId(ct.zone, expr.dir));
    case 'helper':
      // That of the connection by which it was expected, not its own (nft_ct_get_eval: NFT_CT_HELPER).
      return withCt((ct) => {
        if (!(ct.status & STATUS.expected)) return new Missing(name, 'no other connection expected this one');
        if (ct.base !== undefined)
          return unknownHost('The connection that expected this one', 'Assume the name of its helper.');
        return ct.masterHelper ?? new Missing(name, 'the connection that expected this one has no helper');
      });
    case 'label':
      return withCt((ct) => ct.labels);
    case 'l3proto':
      return withCt((ct) => (ct.family === 'ip' ? 2 : 10));
    case 'protocol':
      return withCt((ct) => ct.original.protocol);
    case 'proto-src':
      return withCt((ct, c) => {
        const dir = dirOf(c);
        return dir === 'reply' && ct.random.dst ? randomPort(ct.ports.dst) : ct[dir].sport;
      });
    case 'proto-dst':
      return withCt((ct, c) => {
        const dir = dirOf(c);
        const t = ct[dir];
        if (dir === 'reply' && ct.random.src) return randomPort(ct.ports.src);
        return t.protocol === PROTO.icmp || t.protocol === PROTO.icmpv6 ? t.icmpType * 256 + t.icmpCode : t.dport;
      });
    case 'ip saddr':
    case 'ip6 saddr':
    case 'saddr':
      return address('src');
    case 'ip daddr':
    case 'ip6 daddr':
    case 'daddr':
      return address('dst');
    case 'packets':
    case 'bytes':
    case 'avgpkt':
      return withCt((ct) => {
        if (ct.base !== undefined) return unknownHost('The packet count of a captured connection', 'Assume a count.');
        const sum = (of: { original: number; reply: number }): number =>
          expr.dir === undefined ? of.original + of.reply : of[expr.dir];
        const packets = sum(ct.packets);
        const bytes = sum(ct.bytes);
        const value =
          expr.key === 'packets'
            ? packets
            : expr.key === 'bytes'
              ? bytes
              : packets === 0
                ? 0
                : Math.floor(bytes / packets);
        return BigInt(value);
      });
    case 'expiration':
      return withCt(expiration);
    case 'id':
      return withCt(() => unknownHost('The id of a connection', 'Assume an id.'));
    default:
      return ctType(expr.key, expr.family) === undefined ? () => unsupported(name) : () => unsupported(name);
  }
}

function expiration(ct: Conn, c: Context): Evaluated {
  const reason = {
    code: 'host-state',
    say: 'The time this connection has left is not in the capture.',
    settle: 'Assume a number of seconds.',
  };
  if (!(ct.status & STATUS.confirmed)) {
    // The kernel subtracts the clock from a time span that does not hold one yet; the result is below zero, and shown as 0.
    c.run.assume(
      'ct-expiration',
      'The node is taken to be up for some minutes, so that a new connection shows no time left.',
    );
    return 0n;
  }
  if (ct.base !== undefined)
    return ct.timeout === undefined ? new Unknown(reason) : new Between(reason, 0, Math.max(ct.timeout, 432000));
  const proto = ct.original.protocol;
  const brief = proto === PROTO.udp || proto === PROTO.udplite || proto === PROTO.icmp || proto === PROTO.icmpv6;
  const seconds = ct.policy?.get('unreplied') ?? ct.lifetime ?? (brief ? 30 : 600);
  return new Between(reason, seconds - 2, seconds);
}
