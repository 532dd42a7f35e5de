/** `snat`, `dnat`, `masquerade` and `redirect`: the range a statement asks for, and the binding. */
import type { DataType } from '../nft/datatypes';
import type { Expression, NatStatement } from '../nft/model';
import type { IpValue } from '../world/world';
import { compileExpression, compileLookup, Miss, type Scope, typesIn } from './compile-expression';
import type { Context } from './environment';
import { isBound, manipOf, setupNat } from './nat';
import { Broken, type Op, stop } from './op';
import { need } from './operand';
import { fieldName } from './program';
import { isVerdict, part } from './sets';
import { destinationOf, sourceOf } from './skb';
import { masqueradeAddress, redirectAddress } from './source-address';
import { Missing, type Scalar, Unknown } from './value';

interface Bounds {
  readonly min: number | bigint;
  readonly max: number | bigint;
}

/** An operand of a NAT statement: a literal, a range, a prefix, or something computed from the packet; maps may hold all of these. */
function compileBounds(
  expr: Expression,
  scope: Scope,
  types: (c: Context) => readonly (DataType | undefined)[],
): (c: Context) => readonly Bounds[] | Broken {
  const ofExpression = (e: Expression, known: readonly (DataType | undefined)[], c: Context): readonly Bounds[] => {
    const parts = typeof e === 'object' && e.kind === 'concat' ? e.parts : [e];
    return parts.map((p, i) => {
      const type = known[i];
      const b = type === undefined ? undefined : part(type, p, scope.program.names);
      if (b?.kind === 'exact' && typeof b.value !== 'string') return { min: b.value, max: b.value };
      if (b?.kind === 'range') return { min: b.from, max: b.to };
      return c.run.undecided(
        'unsupported-statement',
        `The translation target ${fieldName(p)} is not modelled.`,
        'Assume an address.',
        c.at,
      );
    });
  };
  if (typeof expr !== 'object' || expr.kind === 'range' || expr.kind === 'prefix')
    return (c) => ofExpression(expr, types(c), c);
  if (expr.kind === 'map') {
    const find = compileLookup(expr.key, expr.data, scope);
    return (c) => {
      const found = find(c);
      if (found instanceof Unknown) return stop(c, found);
      if (found instanceof Missing)
        return new Broken(
          found instanceof Miss ? found.why : { kind: 'missing', field: found.field, because: found.because },
        );
      const { data } = found.element;
      if (data === undefined || isVerdict(data))
        return c.run.undecided(
          'unsupported-statement',
          'The element found holds no address.',
          'Assume an address.',
          c.at,
        );
      return ofExpression(data, types(c), c);
    };
  }
  const get = compileExpression(expr, scope);
  return (c) => {
    const v = need(get(c), c);
    if (v instanceof Broken) return v;
    const list = Array.isArray(v) ? (v as readonly Scalar[]) : [v as Scalar];
    return list.map((x) => ({ min: x as number | bigint, max: x as number | bigint }));
  };
}

export function compileNat(s: NatStatement, scope: Scope): Op {
  const ipv4 = typesIn({ kind: 'payload', protocol: 'ip', field: 'saddr' }, scope)[0];
  const ipv6 = typesIn({ kind: 'payload', protocol: 'ip6', field: 'saddr' }, scope)[0];
  const port = typesIn({ kind: 'payload', protocol: 'tcp', field: 'sport' }, scope)[0];
  const family =
    s.family ??
    (s.addr !== undefined && typeof s.addr === 'string' ? (s.addr.includes(':') ? 'ip6' : 'ip') : undefined);
  const addr =
    s.addr === undefined
      ? undefined
      : compileBounds(s.addr, scope, (c) => [(family ?? c.skb.family) === 'ip6' ? ipv6 : ipv4, port]);
  const ports = s.port === undefined ? undefined : compileBounds(s.port, scope, () => [port]);
  const flags = {
    random: s.flags.includes('random'),
    fullyRandom: s.flags.includes('fully-random'),
    persistent: s.flags.includes('persistent'),
    netmap: s.flags.includes('netmap') || s.typeFlags.includes('prefix'),
  };
  return (c) => {
    const { skb } = c;
    // The operands are read first. Then, in an inet table, a translation for the other family does nothing and lets the rule go on
    // (nft_nat_inet_eval).
    const target = addr?.(c);
    if (target instanceof Broken) return target;
    if (family !== undefined && family !== skb.family) return undefined;
    const { ct } = skb;
    if (ct === undefined || skb.family === 'arp')
      return new Broken({ kind: 'missing', field: s.kind, because: 'the packet has no conntrack entry' });
    let minAddr: IpValue | undefined;
    let maxAddr: IpValue | undefined;
    let minPort: number | undefined;
    let maxPort: number | undefined;
    if (target !== undefined) {
      const first = target[0];
      const second = target[1];
      if (first !== undefined) {
        minAddr = first.min;
        maxAddr = first.max;
      }
      if (second !== undefined) {
        minPort = Number(second.min);
        maxPort = Number(second.max);
      }
    }
    if (ports !== undefined) {
      const b = ports(c);
      if (b instanceof Broken) return b;
      const first = b[0];
      if (first !== undefined) {
        minPort = Number(first.min);
        maxPort = Number(first.max);
      }
    }
    if (flags.netmap && minAddr !== undefined && maxAddr !== undefined) {
      // The host's part is that of the packet as it is now (nft_nat_setup_netmap).
      const side = s.kind === 'snat' ? sourceOf(skb) : destinationOf(skb);
      const span = BigInt(maxAddr) ^ BigInt(minAddr);
      const mapped = (BigInt(minAddr) & ~span) | (BigInt(side) & span);
      minAddr = typeof side === 'number' ? Number(mapped) : mapped;
      maxAddr = minAddr;
    }
    if (s.kind === 'masquerade') {
      const source = masqueradeAddress(c);
      if (source === undefined) return { kind: 'drop' };
      minAddr = source;
      maxAddr = source;
    }
    if (s.kind === 'redirect') {
      const target = redirectAddress(c);
      if (target === undefined) return { kind: 'drop' };
      minAddr = target;
      maxAddr = target;
    }
    const manip = manipOf(c.hook);
    if (!isBound(ct, manip)) setupNat(c.run, ct, { minAddr, maxAddr, minPort, maxPort, ...flags }, manip);
    if (s.kind === 'masquerade') ct.natOif = skb.oif?.name;
    return { kind: 'accept' };
  };
}
