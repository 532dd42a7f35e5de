/**
 * The model of a ruleset as nft prints it: the vocabulary of libnftables-json(5), closed unions on `kind`, readonly.
 *
 * What the JSON of a version leaves out is `undefined` here and listed in {@link Ruleset.omissions}; nothing is guessed.
 */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export type Family = 'ip' | 'ip6' | 'inet' | 'arp' | 'bridge' | 'netdev';
export type Hook = 'ingress' | 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting' | 'egress';
export type ChainType = 'filter' | 'nat' | 'route';

/** An integer that is exact: a number up to 2^53 - 1, a bigint beyond. Counters and quotas are unsigned 64-bit. */
export type Integer = number | bigint;

/**
 * A literal as nft prints it: an integer, a boolean (exists, missing) or a string (addresses, names, symbols, durations).
 * Literals are plain primitives, not objects: a ruleset holds hundreds of thousands of them.
 */
export type Immediate = string | number | bigint | boolean;

// ---------------------------------------------------------------------------------------------------- expressions

export type BinaryOperator = '|' | '&' | '^' | '<<' | '>>';

/** A closed union. Literals are primitives; everything else has a `kind`. */
export type Expression = Immediate | CompoundExpression;

export type CompoundExpression =
  | PrefixExpression
  | RangeExpression
  | ConcatExpression
  | AnonymousSet
  | ListExpression
  | SetReference
  | Wildcard
  | PayloadExpression
  | RawPayloadExpression
  | ExthdrExpression
  | TcpOptionExpression
  | RawTcpOptionExpression
  | IpOptionExpression
  | SctpChunkExpression
  | DccpOptionExpression
  | MetaExpression
  | CtExpression
  | RtExpression
  | FibExpression
  | SocketExpression
  | OsfExpression
  | IpsecExpression
  | TunnelExpression
  | NumgenExpression
  | JhashExpression
  | SymhashExpression
  | BinaryExpression
  | MapExpression
  | ElementExpression
  | UnsupportedExpression;

export interface PrefixExpression {
  readonly kind: 'prefix';
  readonly addr: Expression;
  readonly len: number;
}
export interface RangeExpression {
  readonly kind: 'range';
  readonly from: Expression;
  readonly to: Expression;
}
export interface ConcatExpression {
  readonly kind: 'concat';
  readonly parts: readonly Expression[];
}
/** `{ 22, 80 }` in place; the elements carry data where it is the data of a map or verdict map. */
export interface AnonymousSet {
  readonly kind: 'set';
  readonly elements: readonly SetElement[];
}
/** A bare JSON array: bits joined by commas (`ct state established,related`). */
export interface ListExpression {
  readonly kind: 'list';
  readonly items: readonly Expression[];
}
/** `@name`, without the at sign. */
export interface SetReference {
  readonly kind: 'setref';
  readonly name: string;
}
/** The catch-all element `*`. */
export interface Wildcard {
  readonly kind: 'wildcard';
}
export interface PayloadExpression {
  readonly kind: 'payload';
  readonly protocol: string;
  readonly field: string;
  /** The outer tunnel header (`gre`, `vxlan`, …) for inner headers, nft 1.1 and later. */
  readonly tunnel?: string;
}
/** `@ll,0,16`; offset and len in bits. */
export interface RawPayloadExpression {
  readonly kind: 'rawPayload';
  readonly base: string;
  readonly offset: number;
  readonly len: number;
  readonly tunnel?: string;
}
/** IPv6 extension header; without `field` it is a test for existence. `offset` is the index of `rt0 addr[n]` and the like. */
export interface ExthdrExpression {
  readonly kind: 'exthdr';
  readonly name: string;
  readonly field?: string;
  readonly offset?: number;
}
export interface TcpOptionExpression {
  readonly kind: 'tcpOption';
  readonly name: string;
  readonly field?: string;
}
/** `tcp option @255,8,8`: option number, offset and len in bits. */
export interface RawTcpOptionExpression {
  readonly kind: 'rawTcpOption';
  readonly base: number;
  readonly offset: number;
  readonly len: number;
}
export interface IpOptionExpression {
  readonly kind: 'ipOption';
  readonly name: string;
  readonly field?: string;
}
export interface SctpChunkExpression {
  readonly kind: 'sctpChunk';
  readonly name: string;
  readonly field?: string;
}
export interface DccpOptionExpression {
  readonly kind: 'dccpOption';
  readonly type: number;
}
export interface MetaExpression {
  readonly kind: 'meta';
  readonly key: string;
}
export interface CtExpression {
  readonly kind: 'ct';
  /** `state`, `mark`, `ip saddr`, `proto-src`, … as printed. */
  readonly key: string;
  readonly dir?: 'original' | 'reply';
  readonly family?: string;
}
export interface RtExpression {
  readonly kind: 'rt';
  readonly key: string;
  readonly family?: string;
}
export interface FibExpression {
  readonly kind: 'fib';
  readonly result: string;
  readonly flags: readonly string[];
}
export interface SocketExpression {
  readonly kind: 'socket';
  readonly key: string;
  readonly level?: number;
}
export interface OsfExpression {
  readonly kind: 'osf';
  readonly key: string;
  readonly ttl?: string;
}
export interface IpsecExpression {
  readonly kind: 'ipsec';
  readonly key: string;
  readonly family?: string;
  readonly dir?: string;
  readonly spnum?: number;
}
export interface TunnelExpression {
  readonly kind: 'tunnel';
  readonly key: string;
}
export interface NumgenExpression {
  readonly kind: 'numgen';
  readonly mode: 'inc' | 'random';
  readonly mod: number;
  readonly offset: number;
}
export interface JhashExpression {
  readonly kind: 'jhash';
  readonly expr: Expression;
  readonly mod: number;
  readonly seed?: number;
  readonly offset?: number;
}
export interface SymhashExpression {
  readonly kind: 'symhash';
  readonly mod: number;
  readonly offset?: number;
}
/** Two operands nested to the left in nft 1.0.6, two or more side by side in 1.1.x; kept as printed. */
export interface BinaryExpression {
  readonly kind: 'binary';
  readonly op: BinaryOperator;
  readonly operands: readonly Expression[];
}
/** `KEY map @m` or `KEY map { … }`. */
export interface MapExpression {
  readonly kind: 'map';
  readonly key: Expression;
  readonly data: SetReference | AnonymousSet | UnsupportedExpression;
}
/** A value with options, as in `add @s { ip saddr timeout 30s }`. */
export interface ElementExpression {
  readonly kind: 'elem';
  readonly val: Expression;
  /** Seconds. */
  readonly timeout?: number;
  readonly expires?: number;
  readonly comment?: string;
  readonly statements?: readonly Statement[];
}
/** Something nft printed that this model does not know: kept whole, shown raw, never evaluated. */
export interface UnsupportedExpression {
  readonly kind: 'unsupported';
  readonly name: string;
  readonly raw: Json;
}

/** One element of a set, map or verdict map. Times in whole seconds, as nft prints them. */
export interface SetElement {
  readonly key: Expression;
  readonly data?: Expression | Verdict;
  readonly timeout?: number;
  readonly expires?: number;
  readonly comment?: string;
  readonly statements?: readonly Statement[];
}

// ----------------------------------------------------------------------------------------------------- statements

export type Verdict =
  | { readonly kind: 'accept' }
  | { readonly kind: 'drop' }
  | { readonly kind: 'continue' }
  | { readonly kind: 'return' }
  | { readonly kind: 'jump'; readonly target: string }
  | { readonly kind: 'goto'; readonly target: string };

export type MatchOperator = '==' | '!=' | '<' | '>' | '<=' | '>=' | 'in' | '!';

export type Statement =
  | MatchStatement
  | Verdict
  | VmapStatement
  | CounterStatement
  | QuotaStatement
  | LimitStatement
  | ObjectReferenceStatement
  | CtCountStatement
  | LastStatement
  | MangleStatement
  | ResetStatement
  | { readonly kind: 'notrack' }
  | NatStatement
  | TproxyStatement
  | DupStatement
  | FwdStatement
  | RejectStatement
  | LogStatement
  | SetUpdateStatement
  | MapUpdateStatement
  | FlowStatement
  | QueueStatement
  | SynproxyStatement
  | MeterStatement
  | XtStatement
  | TextStatement
  | UnsupportedStatement;

export interface MatchStatement {
  readonly kind: 'match';
  readonly op: MatchOperator;
  readonly left: Expression;
  readonly right: Expression;
}
export interface VmapStatement {
  readonly kind: 'vmap';
  readonly key: Expression;
  readonly data: SetReference | AnonymousSet | UnsupportedExpression;
}
/** `packets` and `bytes` are absent in a set's declaration, where the statement has no state. */
export interface CounterStatement {
  readonly kind: 'counter';
  readonly packets?: Integer;
  readonly bytes?: Integer;
}
/** As printed: a value with its unit. */
export interface QuotaStatement {
  readonly kind: 'quota';
  readonly val: Integer;
  readonly valUnit: string;
  readonly over: boolean;
  readonly used?: Integer;
  readonly usedUnit?: string;
}
export interface LimitStatement {
  readonly kind: 'limit';
  readonly rate: Integer;
  readonly per: string;
  readonly over: boolean;
  readonly burst?: Integer;
  /** Present for byte limits: bytes, kbytes, mbytes. */
  readonly rateUnit?: string;
  readonly burstUnit?: string;
}
/** Kinds of named objects that a statement can refer to. */
export type ObjectKind =
  | 'counter'
  | 'quota'
  | 'limit'
  | 'ct helper'
  | 'ct timeout'
  | 'ct expectation'
  | 'secmark'
  | 'synproxy'
  | 'tunnel';

/** `counter name "c"`, `limit name "l"`, `ct helper set "h"`, `synproxy name "p"`, …; `name` is a literal or a map look-up. */
export interface ObjectReferenceStatement {
  readonly kind: 'object';
  readonly object: ObjectKind;
  readonly name: Expression;
}
export interface CtCountStatement {
  readonly kind: 'ctCount';
  readonly val: number;
  readonly over: boolean;
}
/** `used` in milliseconds since last use; absent: never. */
export interface LastStatement {
  readonly kind: 'last';
  readonly used?: Integer;
}
/** `meta mark set …`, `ip ttl set …`, `ct mark set …`. */
export interface MangleStatement {
  readonly kind: 'mangle';
  readonly key: Expression;
  readonly value: Expression;
}
/** `reset tcp option X`. */
export interface ResetStatement {
  readonly kind: 'reset';
  readonly option: Expression;
}
export interface NatStatement {
  readonly kind: 'snat' | 'dnat' | 'masquerade' | 'redirect';
  readonly family?: 'ip' | 'ip6';
  readonly addr?: Expression;
  readonly port?: Expression;
  readonly flags: readonly string[];
  readonly typeFlags: readonly string[];
}
export interface TproxyStatement {
  readonly kind: 'tproxy';
  readonly family?: string;
  readonly addr?: Expression;
  readonly port?: Expression;
}
export interface DupStatement {
  readonly kind: 'dup';
  readonly addr?: Expression;
  readonly dev?: Expression;
}
export interface FwdStatement {
  readonly kind: 'fwd';
  readonly dev: Expression;
  readonly family?: string;
  readonly addr?: Expression;
}
export interface RejectStatement {
  readonly kind: 'reject';
  /** `icmp`, `icmpv6`, `icmpx`, `tcp reset`; absent where nft prints a bare reject. */
  readonly type?: string;
  readonly expr?: Expression;
}
export interface LogStatement {
  readonly kind: 'log';
  readonly prefix?: string;
  readonly group?: number;
  readonly snaplen?: number;
  readonly queueThreshold?: number;
  readonly level?: string;
  readonly flags: readonly string[];
}
/** `add|update|delete @set { KEY [timeout …] STATEMENTS }`. */
export interface SetUpdateStatement {
  readonly kind: 'setUpdate';
  readonly op: string;
  readonly set: string;
  /** The key, an `elem` where it carries options. */
  readonly elem: Expression;
  readonly statements: readonly Statement[];
}
/** `add|update|delete @map { KEY : DATA }`. */
export interface MapUpdateStatement {
  readonly kind: 'mapUpdate';
  readonly op: string;
  readonly map: string;
  readonly elem: Expression;
  readonly data: Expression;
  readonly statements: readonly Statement[];
}
export interface FlowStatement {
  readonly kind: 'flow';
  readonly op: string;
  readonly flowtable: string;
}
export interface QueueStatement {
  readonly kind: 'queue';
  readonly num?: Expression;
  readonly flags: readonly string[];
}
export interface SynproxyStatement {
  readonly kind: 'synproxy';
  readonly mss?: number;
  readonly wscale?: number;
  readonly flags: readonly string[];
}
/** Printed by nft 1.0.6 only; later versions print a set update. */
export interface MeterStatement {
  readonly kind: 'meter';
  readonly name: string;
  readonly key: Expression;
  readonly statements: readonly Statement[];
  readonly size?: number;
}
/** A rule part made by iptables-nft; nft prints the name only. */
export interface XtStatement {
  readonly kind: 'xt';
  readonly type: string | undefined;
  readonly name: string | undefined;
}
/** nft text in place of JSON, where nft has no JSON form (map updates in 1.0.6, anonymous chains). */
export interface TextStatement {
  readonly kind: 'text';
  readonly text: string;
}
export interface UnsupportedStatement {
  readonly kind: 'unsupported';
  readonly name: string;
  readonly raw: Json;
}

// -------------------------------------------------------------------------------------------------------- objects

/** The key or data type of a set: datatype names (one, or one per part of a concatenation), or the expression of `typeof`. */
export type SetType =
  | { readonly kind: 'types'; readonly names: readonly string[] }
  | { readonly kind: 'typeof'; readonly expr: Expression };

/** What a map maps to. `interval` is true where the text says so; no JSON does. */
export type MapData =
  | { readonly kind: 'verdict' }
  | { readonly kind: 'types'; readonly names: readonly string[]; readonly interval?: boolean }
  | { readonly kind: 'typeof'; readonly expr: Expression; readonly interval?: boolean }
  | { readonly kind: 'object'; readonly object: ObjectKind };

export interface NftSet {
  readonly kind: 'set' | 'map';
  readonly name: string;
  readonly handle: number;
  readonly type: SetType;
  /** Present on maps. */
  readonly data?: MapData;
  /** constant, interval, timeout, dynamic, … `dynamic` is missing in the JSON of nft 1.0.6. */
  readonly flags: readonly string[];
  readonly policy?: string;
  readonly size?: number;
  /** Number of elements in use as printed by nft 1.1.7. */
  readonly count?: number;
  /** Seconds. */
  readonly timeout?: number;
  readonly gcInterval?: number;
  readonly autoMerge: boolean;
  readonly comment?: string;
  /** Stateful statements of the declaration. */
  readonly statements: readonly Statement[];
  /** In listing order; undefined where the source omits them (`nft -t`). */
  readonly elements: readonly SetElement[];
}

export interface BaseChain {
  readonly type: ChainType | string;
  readonly hook: Hook | string;
  readonly prio: number;
  readonly policy: 'accept' | 'drop';
  /** Devices of netdev and inet ingress/egress chains; absent from the JSON of nft 1.0.6 (see {@link Ruleset.omissions}). */
  readonly devices: readonly string[];
}

export interface Chain {
  readonly name: string;
  readonly handle: number;
  /** Absent for regular chains. */
  readonly base?: BaseChain;
  readonly comment?: string;
  readonly rules: readonly Rule[];
}

export interface Rule {
  readonly handle: number;
  readonly comment?: string;
  readonly statements: readonly Statement[];
  /** True when the JSON has no `expr` at all: nft could not express the rule. That is not an empty rule. */
  readonly unlisted: boolean;
}

interface NamedObjectBase {
  readonly name: string;
  readonly handle: number;
  readonly comment?: string;
}
export type NamedObject = NamedObjectBase &
  (
    | { readonly kind: 'counter'; readonly packets: Integer; readonly bytes: Integer }
    | { readonly kind: 'quota'; readonly bytes: Integer; readonly used: Integer; readonly over: boolean }
    | {
        readonly kind: 'limit';
        readonly rate: Integer;
        readonly per: string;
        readonly over: boolean;
        readonly burst?: Integer;
        readonly rateUnit?: string;
        readonly burstUnit?: string;
      }
    | { readonly kind: 'ct helper'; readonly type: string; readonly protocol: string; readonly l3proto?: string }
    | {
        readonly kind: 'ct timeout';
        readonly protocol: string;
        readonly l3proto?: string;
        readonly policy: readonly (readonly [string, number])[];
      }
    | {
        readonly kind: 'ct expectation';
        readonly protocol: string;
        readonly dport: number;
        /** Milliseconds. */
        readonly timeout: number;
        readonly size: number;
        readonly l3proto?: string;
      }
    | { readonly kind: 'secmark'; readonly context: string }
    | { readonly kind: 'synproxy'; readonly mss?: number; readonly wscale?: number; readonly flags: readonly string[] }
    | { readonly kind: 'tunnel'; readonly members: { readonly [key: string]: Json } }
    | { readonly kind: 'unsupported'; readonly object: string; readonly raw: Json }
  );

export interface Flowtable {
  readonly name: string;
  readonly handle: number;
  readonly hook?: string;
  readonly prio?: number;
  readonly devices: readonly string[];
  readonly flags: readonly string[];
  /** The text has a line `counter` that the JSON does not show. */
  readonly counter?: boolean;
}

/** Members keep the order of the listing, which is the order of creation. */
export interface Table {
  readonly family: Family;
  readonly name: string;
  readonly handle: number;
  readonly comment?: string;
  readonly flags: readonly string[];
  readonly objects: readonly NamedObject[];
  readonly sets: readonly NftSet[];
  readonly flowtables: readonly Flowtable[];
  readonly chains: readonly Chain[];
}

/** A fact the JSON of this nft version leaves out and the text of the same listing may hold. */
export interface Omission {
  /** `table.comment`, `chain.devices`, `set.flags`, `rule.statement`, … */
  readonly what: string;
  /** `ip kube-proxy services #52`-like reference of where. */
  readonly where: string;
}

export interface Ruleset {
  /** Version of the nft that printed the listing, `1.0.6`; undefined when metainfo was absent. */
  readonly nftVersion: string | undefined;
  readonly releaseName: string | undefined;
  readonly tables: readonly Table[];
  /** Members of the listing that the model does not know, with their raw JSON. */
  readonly unsupported: readonly { readonly name: string; readonly raw: Json }[];
  /** Facts this listing leaves out. Empty when the text supplied them all. */
  readonly omissions: readonly Omission[];
  /** Known from the text that was loaded: nft left no match of a protocol out of its listing. */
  readonly protocolsListed?: true;
}

/** Where a rule stands. `index` is its position in the chain, from 0. */
export interface RuleRef {
  readonly family: Family;
  readonly table: string;
  readonly chain: string;
  readonly handle: number;
  readonly index: number;
}

/** Ends an exhaustive switch: a value that reaches it is a bug, found by the compiler first. */
export const unreachable = (x: never): never => {
  throw new Error(`unhandled ${JSON.stringify(x)}`);
};
