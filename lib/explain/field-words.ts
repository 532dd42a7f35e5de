/** What a rule reads and writes, as a noun for people: `ip daddr` → `destination address`. */
import type { CtExpression, Expression, FibExpression, PayloadExpression } from '../nft/model';
import { unreachable } from '../nft/model';
import type { RenderContext } from '../render/context';
import { renderExpression } from '../render/render-rule';
import { code, plain, type Word } from './words';

const PAYLOAD: Readonly<Record<string, string>> = {
  'ip saddr': 'source address',
  'ip daddr': 'destination address',
  'ip6 saddr': 'source address',
  'ip6 daddr': 'destination address',
  'ip protocol': 'protocol',
  'ip6 nexthdr': 'next header',
  'ip ttl': 'time to live',
  'ip6 hoplimit': 'hop limit',
  'ip dscp': 'DSCP',
  'ip6 dscp': 'DSCP',
  'ip ecn': 'ECN bits',
  'ip6 ecn': 'ECN bits',
  'ip length': 'packet length',
  'ip6 length': 'payload length',
  'ip id': 'IP identification',
  'ip frag-off': 'fragment offset and flags',
  'ip version': 'IP version',
  'ip6 version': 'IP version',
  'th sport': 'source port',
  'th dport': 'destination port',
  'tcp sport': 'TCP source port',
  'tcp dport': 'TCP destination port',
  'tcp flags': 'TCP flags',
  'tcp sequence': 'TCP sequence number',
  'tcp ackseq': 'TCP acknowledgement number',
  'tcp window': 'TCP window',
  'udp sport': 'UDP source port',
  'udp dport': 'UDP destination port',
  'udp length': 'UDP length',
  'sctp sport': 'SCTP source port',
  'sctp dport': 'SCTP destination port',
  'icmp type': 'ICMP type',
  'icmp code': 'ICMP code',
  'icmp id': 'ICMP identifier',
  'icmpv6 type': 'ICMPv6 type',
  'icmpv6 code': 'ICMPv6 code',
  'ether saddr': 'source link address',
  'ether daddr': 'destination link address',
  'ether type': 'Ethernet type',
  'vlan id': 'VLAN',
  'vlan pcp': 'VLAN priority',
  'arp operation': 'ARP operation',
  'arp saddr ip': 'sender address',
  'arp daddr ip': 'target address',
  'arp saddr ether': 'sender link address',
  'arp daddr ether': 'target link address',
};

const META: Readonly<Record<string, string>> = {
  length: 'packet length',
  protocol: 'network protocol',
  nfproto: 'IP version',
  l4proto: 'protocol',
  mark: 'packet mark',
  priority: 'traffic class',
  iif: 'incoming interface',
  iifname: 'incoming interface',
  iiftype: 'type of the incoming interface',
  iifkind: 'kind of the incoming interface',
  iifgroup: 'group of the incoming interface',
  oif: 'outgoing interface',
  oifname: 'outgoing interface',
  oiftype: 'type of the outgoing interface',
  oifkind: 'kind of the outgoing interface',
  oifgroup: 'group of the outgoing interface',
  ibrname: 'bridge it came in on',
  obrname: 'bridge it goes out on',
  sdif: 'incoming interface inside its VRF',
  sdifname: 'incoming interface inside its VRF',
  skuid: 'user of the sending process',
  skgid: 'group of the sending process',
  nftrace: 'trace flag',
  rtclassid: 'routing realm',
  secmark: 'security mark',
  pkttype: 'packet type (host, broadcast, …)',
  cpu: 'CPU',
  cgroup: 'control group of the sending process',
  random: 'a random number',
  time: 'time',
  day: 'day of the week',
  hour: 'hour',
};

const CT: Readonly<Record<string, string>> = {
  state: 'connection state',
  status: 'connection status',
  mark: 'connection mark',
  zone: 'connection zone',
  direction: 'direction of the connection',
  helper: 'connection helper',
  expiration: 'time the connection has left',
  label: 'connection labels',
  l3proto: 'IP version of the connection',
  protocol: 'protocol of the connection',
  saddr: 'source address',
  daddr: 'destination address',
  'ip saddr': 'source address',
  'ip daddr': 'destination address',
  'ip6 saddr': 'source address',
  'ip6 daddr': 'destination address',
  'proto-src': 'source port',
  'proto-dst': 'destination port',
  bytes: 'bytes of the connection',
  packets: 'packets of the connection',
  avgpkt: 'mean packet length of the connection',
  count: 'number of connections',
  id: 'connection id',
  event: 'connection events',
  secmark: 'security mark of the connection',
};

const FIB_RESULT: Readonly<Record<string, string>> = {
  type: 'type',
  oif: 'outgoing interface',
  oifname: 'outgoing interface',
};

/** A noun without article. What has no name of its own here keeps nft's words, as code. */
export function fieldWords(expr: Expression, ctx: RenderContext): readonly Word[] {
  const asCode = (): readonly Word[] => [code(renderExpression(expr, ctx))];
  if (typeof expr !== 'object') return asCode();
  switch (expr.kind) {
    case 'payload':
      return payloadWords(expr) ?? asCode();
    case 'meta': {
      const words = META[expr.key];
      return words === undefined ? asCode() : [plain(words)];
    }
    case 'ct':
      return ctWords(expr) ?? asCode();
    case 'fib':
      return fibWords(expr);
    case 'concat':
      return listWords(
        expr.parts.map((p) => fieldWords(p, ctx)),
        'and',
      );
    case 'numgen':
      return expr.mode === 'random'
        ? [plain(`a random number from ${expr.offset} to ${expr.offset + expr.mod - 1}`)]
        : [plain(`a number that counts round from ${expr.offset} to ${expr.offset + expr.mod - 1}`)];
    case 'jhash':
      return [plain('a hash of '), ...fieldWords(expr.expr, ctx), plain(`, taken to ${range(expr.mod, expr.offset)}`)];
    case 'symhash':
      return [plain(`a hash of the connection, taken to ${range(expr.mod, expr.offset)}`)];
    case 'exthdr':
      return [
        plain(
          expr.field === undefined
            ? `IPv6 extension header ${expr.name}`
            : `${expr.field} of the IPv6 extension header ${expr.name}`,
        ),
      ];
    case 'tcpOption':
      return [
        plain(expr.field === undefined ? `TCP option ${expr.name}` : `${expr.field} of the TCP option ${expr.name}`),
      ];
    case 'ipOption':
      return [
        plain(expr.field === undefined ? `IP option ${expr.name}` : `${expr.field} of the IP option ${expr.name}`),
      ];
    case 'sctpChunk':
      return [
        plain(expr.field === undefined ? `SCTP chunk ${expr.name}` : `${expr.field} of the SCTP chunk ${expr.name}`),
      ];
    case 'dccpOption':
      return [plain(`DCCP option ${expr.type}`)];
    case 'rt':
      return [plain(`${expr.key} of the route`)];
    case 'socket':
      return [plain(`${expr.key} of the local socket`)];
    case 'osf':
      return [plain("guess of the sender's operating system")];
    case 'ipsec':
      return [plain(`${expr.key} of the IPsec association`)];
    case 'tunnel':
      return [plain(`${expr.key} of the tunnel`)];
    case 'rawPayload':
    case 'rawTcpOption':
    case 'binary':
    case 'prefix':
    case 'range':
    case 'set':
    case 'list':
    case 'setref':
    case 'wildcard':
    case 'map':
    case 'elem':
    case 'unsupported':
      return asCode();
    default:
      return unreachable(expr);
  }
}

function payloadWords({ protocol, field, tunnel }: PayloadExpression): readonly Word[] | undefined {
  const words = PAYLOAD[`${protocol} ${field}`];
  if (words === undefined) return undefined;
  return [plain(tunnel === undefined || tunnel === protocol ? words : `${words} inside the ${tunnel} tunnel`)];
}

function ctWords({ key, dir, family }: CtExpression): readonly Word[] | undefined {
  const words = CT[family === undefined ? key : `${family} ${key}`] ?? CT[key];
  if (words === undefined) return undefined;
  if (dir === 'original') return [plain(`${words} of the connection as it was opened`)];
  return [plain(dir === 'reply' ? `${words} of the connection's replies` : words)];
}

function fibWords({ result, flags }: FibExpression): readonly Word[] {
  const of = flags.includes('daddr') ? 'destination address' : 'source address';
  const by = flags.filter((flag) => flag !== 'daddr' && flag !== 'saddr');
  const what = FIB_RESULT[result] ?? result;
  const where = by.length === 0 ? '' : `, looked up with ${by.join(' and ')}`;
  return [plain(`${what} of the route to the ${of}${where}`)];
}

const range = (mod: number, offset = 0): string => `${offset} to ${offset + mod - 1}`;

/** `a`, `a and b`, `a, b and c`. */
export function listWords(items: readonly (readonly Word[])[], last: 'and' | 'or'): readonly Word[] {
  return items.flatMap((item, i) => {
    if (i === 0) return item;
    return [plain(i === items.length - 1 ? ` ${last} ` : ', '), ...item];
  });
}
