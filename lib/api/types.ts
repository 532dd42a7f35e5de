/**
 * What the HTTP API answers: types only, shared by the server that encodes and the views that show. docs/api.md describes the
 * routes. Everything here survives JSON: integers beyond 2^53 are strings, addresses are text, times RFC 3339.
 */

import type { ServicePortRef } from '../explain/kube-proxy-name';
import type { OwnerKey } from '../explain/owners';
import type { Agreement } from '../monitor/agreement';
import type { PacketSpec } from '../net/packet-spec';
import type { ChainType, Family, Hook, RuleRef, Verdict } from '../nft/model';
import type { Token } from '../render/tokens';
import type { Trace } from '../sim/trace';
import type { PoliciesView } from './policies-view';
import type { Wire } from './wire';

// ----------------------------------------------------------------------------------------------------- problems

/** RFC 9457 problem details; the body of every answer that is not 2xx, as `application/problem+json`. */
export interface ProblemDetails {
  readonly type: 'about:blank';
  readonly status: number;
  /** What is wrong, in one sentence. */
  readonly title: string;
  /** What to do about it. */
  readonly detail: string;
  /** Stable: `SRC-003`, `NFT-JSON-002`, `PKT-002`, `HTTP-403`, … */
  readonly code: string;
  /** Where in a document. */
  readonly path?: string;
  /** Near matches, where a name was not found. */
  readonly near?: readonly string[];
}

/** A problem as part of an answer: something could not be read, the rest could. */
export interface ProblemView {
  readonly code: string;
  readonly say: string;
  readonly do: string;
  readonly path?: string;
}

// ------------------------------------------------------------------------------------------------ sources, nodes

export type SourceKind = 'bundle' | 'ruleset' | 'host' | 'cluster';

export interface SourceView {
  /** Stable while the server runs and, for configured sources, across restarts. Part of every link. */
  readonly id: string;
  readonly kind: SourceKind;
  /** For people: `shop-3node`, `nft.json`, `this host`, the context of a cluster. */
  readonly name: string;
  /** Where it comes from: `configured`, `demo`, `uploaded`, `host`, `cluster`. */
  readonly origin: 'configured' | 'demo' | 'uploaded' | 'host' | 'cluster';
  /**
   * What `--source` is given in commands, where the server was started: a path below that folder, else the name of the file; `host`,
   * `cluster:CONTEXT`.
   */
  readonly argument: string;
  readonly capturedAt: string | null;
  /** False for captures, which never change; true where a reading can be repeated (this host, a cluster). */
  readonly live: boolean;
  /** In the order of their names. */
  readonly nodes: readonly NodeSummary[];
}

/** GET /api/sources */
export interface SourcesView {
  readonly sources: readonly SourceView[];
  /** Configured sources that cannot be opened. */
  readonly broken: readonly { readonly name: string; readonly problem: ProblemView }[];
  readonly limits: { readonly uploadBytes: number; readonly unpackedBytes: number; readonly entries: number };
}

/**
 * `ready`: there is a listing (whether it can be decoded, opening the node tells). `unreadable`: reading it failed, or it was
 * opened and cannot be decoded; `problem` says why. `incomplete`: the capture has the node, but no listing of its ruleset.
 * `absent`: the cluster has the node, the capture has not.
 */
export type NodeState = 'ready' | 'unreadable' | 'incomplete' | 'absent';

export interface NodeSummary {
  readonly name: string;
  readonly state: NodeState;
  readonly problem: ProblemView | null;
  readonly capturedAt: string | null;
  readonly zone: string | null;
  /** How a node of a live cluster is read, for people: `agent`, `exec in kube-system/kube-proxy-x7k2p`. */
  readonly reader?: string;
  /** Why it cannot be read at this moment: what is shown of it is that of `capturedAt`. */
  readonly notAnew?: string;
}

/** GET /api/sources/[id]/nodes */
export interface NodesView {
  readonly source: SourceView;
  /** The cluster's files: what was read, what is missing, and what that costs. */
  readonly readings: readonly Reading[];
}

/** One file of a capture, or one command on this host. */
export interface Reading {
  /** `nft.json`, `route4.json`, `cluster/services.json`, … */
  readonly file: string;
  /** `read`, `absent` (was not read), `failed` (was tried; see problem), `undecodable` (is there and makes no sense). */
  readonly state: 'read' | 'absent' | 'failed' | 'undecodable';
  /** What is unknown without it. Empty when it was read. */
  readonly without: string;
  readonly problem: ProblemView | null;
  /** The command that failed, with its exit status and error output. */
  readonly failure: { readonly command: string; readonly exitStatus: number | null; readonly stderr: string } | null;
}

// ------------------------------------------------------------------------------------------------------ overview

export type { OwnerKey };

export interface OwnerView {
  readonly key: OwnerKey;
  /** `kube-proxy`, `kindnet`, `firewalld`, `docker`, `ufw`, `calico`, `iptables-nft`, …; `not recognised`. */
  readonly name: string;
  /** How it was recognised, a sentence: "by its table name and the chains services and cluster-ips-check". */
  readonly how: string;
}

/** What kube-proxy wrote a chain, a rule or a set for; both are empty for what is for all Services, and for other writers. */
export interface WrittenFor {
  readonly services: readonly ServicePortRef[];
  /** `10.244.1.4:8080`; of a rule all that it leads to itself. */
  readonly endpoints: readonly string[];
}

/** A Kubernetes object that a chain, element or address stands for. */
export interface ObjectView {
  readonly kind: 'service' | 'pod' | 'node' | 'endpointslice' | 'namespace';
  readonly namespace: string | null;
  readonly name: string;
  /** For Services: the port's name or number. */
  readonly port: string | null;
}

export interface Counts {
  readonly tables: number;
  readonly chains: number;
  readonly baseChains: number;
  readonly rules: number;
  readonly sets: number;
  readonly maps: number;
  readonly elements: number;
  readonly flowtables: number;
  readonly objects: number;
}

/** GET …/nodes/[node]/overview: everything small about a node; rules and elements come from other routes. */
export interface NodeOverview {
  readonly source: SourceView;
  readonly node: string;
  /** Hash of what was read. Answers for the same version never change. */
  readonly version: string;
  readonly capturedAt: string | null;
  readonly versions: { readonly nft: string | null; readonly kernel: string | null; readonly kubeProxy: string | null };
  /** The nft that printed the listing, by its own words. */
  readonly listedBy: string | null;
  readonly readings: readonly Reading[];
  /** Facts the listing leaves out, and tables of legacy iptables that nft does not show. */
  readonly omissions: readonly { readonly what: string; readonly where: string }[];
  readonly legacyTables: readonly string[];
  readonly counts: Counts;
  /** In listing order. */
  readonly tables: readonly TableOverview[];
  /** Base chains of all tables in the order the kernel runs them: by hook, then priority; ties: later in the listing first for nat. */
  readonly baseChains: readonly BaseChainOverview[];
  /** Interfaces, for the packet form; empty with `linksKnown` false where addr.json is missing. */
  readonly links: readonly LinkOverview[];
  readonly linksKnown: boolean;
}

export interface TableOverview {
  readonly family: Family;
  readonly name: string;
  readonly handle: number;
  readonly comment: string | null;
  readonly flags: readonly string[];
  readonly owner: OwnerView;
  readonly counts: Omit<Counts, 'tables'>;
  /** In listing order. */
  readonly chains: readonly ChainOverview[];
  readonly sets: readonly SetOverview[];
  readonly flowtables: readonly { readonly name: string; readonly handle: number }[];
  readonly objects: readonly { readonly kind: string; readonly name: string; readonly handle: number }[];
}

export interface BaseChainView {
  readonly type: ChainType | string;
  readonly hook: Hook | string;
  readonly prio: number;
  /** `dstnat - 10`, as nft writes it. */
  readonly prioText: string;
  readonly policy: 'accept' | 'drop';
  readonly devices: readonly string[];
}

export interface ChainOverview {
  readonly name: string;
  readonly handle: number;
  readonly rules: number;
  readonly base: BaseChainView | null;
  readonly comment: string | null;
  /** How many rules and elements lead here. */
  readonly usedBy: number;
  readonly object: ObjectView | null;
}

export interface SetOverview {
  readonly kind: 'set' | 'map';
  readonly name: string;
  readonly handle: number;
  /** `ipv4_addr . inet_proto . inet_service : verdict` */
  readonly type: string;
  readonly flags: readonly string[];
  readonly count: number;
  readonly comment: string | null;
  readonly usedBy: number;
  readonly object: ObjectView | null;
}

export interface BaseChainOverview extends BaseChainView {
  readonly family: Family;
  readonly table: string;
  readonly chain: string;
  readonly handle: number;
  readonly owner: OwnerView;
  readonly rules: number;
  /** What ends packets in it or in chains reached from it: rules and the policy. */
  readonly ends: readonly ('drop' | 'reject')[];
  /** True when no rule is there: only the policy counts. */
  readonly empty: boolean;
  /** The first rules as text, for a summary beside the map. */
  readonly preview: readonly RuleView[];
}

export interface LinkOverview {
  readonly name: string;
  readonly index: number;
  readonly kind: string | null;
  readonly up: boolean;
  readonly master: string | null;
  /** `10.240.0.11/24` */
  readonly addresses: readonly string[];
  /** The pod behind a veth, by the routes and the pods' addresses. */
  readonly object: ObjectView | null;
}

// ------------------------------------------------------------------------------------------------------- ruleset

/** Where something is used: a rule (jump, goto, set reference) or an element of a map that leads to a chain. */
export type UseView =
  | { readonly kind: 'rule'; readonly at: RuleRef; readonly verb: string }
  | {
      readonly kind: 'element';
      readonly map: string;
      readonly index: number;
      readonly key: string;
      readonly verb: string;
    };

export interface RuleView {
  readonly at: RuleRef;
  /** The rule's text without indent and handle; joined, the tokens are the text nft prints. */
  readonly tokens: readonly Token[];
  /** Named sets and maps it reads or writes, without the at sign, with their size. */
  readonly usedSets: readonly { readonly name: string; readonly count: number; readonly kind: 'set' | 'map' }[];
  /** Chains it can go to by itself or through its anonymous maps; not those behind named maps. */
  readonly jumpTargets: readonly string[];
  readonly object: ObjectView | null;
}

export interface ChainView {
  readonly name: string;
  readonly handle: number;
  /** The line `chain NAME {`, without indent. */
  readonly header: readonly Token[];
  /** Lines between the header and the first rule: comment; type, hook, priority, policy. */
  readonly declaration: readonly (readonly Token[])[];
  readonly base: BaseChainView | null;
  /** How many rules the chain has; `rules` may be a part, from index `firstRule`. */
  readonly ruleCount: number;
  readonly firstRule: number;
  readonly rules: readonly RuleView[];
  /** The first 200 places that lead here; `usedByCount` is the whole number. */
  readonly usedBy: readonly UseView[];
  readonly usedByCount: number;
  readonly object: ObjectView | null;
  /** Who wrote it: in a table that several write to not the table's. */
  readonly owner: OwnerView;
  readonly writtenFor: WrittenFor;
}

export interface SetView {
  readonly kind: 'set' | 'map';
  readonly name: string;
  readonly handle: number;
  /** The line `set NAME {`. */
  readonly header: readonly Token[];
  /** type, flags, timeout, …; with the elements where there are at most 64 of them, else without (`elementsCut`). */
  readonly declaration: readonly (readonly Token[])[];
  readonly elementsCut: boolean;
  readonly count: number;
  readonly usedBy: readonly UseView[];
  readonly usedByCount: number;
  readonly object: ObjectView | null;
  readonly writtenFor: WrittenFor;
}

/** Flowtables and named objects: their lines as nft prints them. */
export interface StatefulView {
  readonly kind: string;
  readonly name: string;
  readonly handle: number;
  readonly lines: readonly (readonly Token[])[];
  readonly usedBy: readonly UseView[];
}

/**
 * GET …/ruleset?table=ip%20kube-proxy[&chain=NAME][&offset=0][&limit=2000]
 *
 * One table. `offset` and `limit` count rules over the chains in listing order: a chain whose rules lie outside the window is
 * left out, one cut by it has a part of its rules. Sets, objects and flowtables come with offset 0 only. With `chain` only that
 * chain.
 */
export interface RulesetPage {
  readonly version: string;
  readonly table: {
    readonly family: Family;
    readonly name: string;
    readonly handle: number;
    readonly header: readonly Token[];
  };
  /** Lines of the table itself: comment, flags. */
  readonly declaration: readonly (readonly Token[])[];
  readonly owner: OwnerView;
  readonly sets: readonly SetView[];
  readonly flowtables: readonly StatefulView[];
  readonly objects: readonly StatefulView[];
  readonly chains: readonly ChainView[];
  readonly offset: number;
  readonly limit: number;
  readonly totalRules: number;
  /** Offset of the next part; null at the end. */
  readonly next: number | null;
}

/** GET …/rule?table=&chain=&handle= : one rule in full. */
export interface RuleDetail extends RuleView {
  readonly version: string;
  /** Who wrote it: in a table that several write to not the table's. */
  readonly owner: OwnerView;
  readonly writtenFor: WrittenFor;
  /** The rule in the model of lib/nft, for explanations; integers beyond 2^53 are strings. */
  readonly model: Wire<import('../nft/model').Rule>;
  readonly chainUsedBy: readonly UseView[];
}

/** GET …/text?table= : the listing as `nft list ruleset` prints it, for copying. text/plain, no JSON. */

// ------------------------------------------------------------------------------------------------------ elements

export interface ColumnView {
  /** `key0`, `key1`, …, `data0`, …, `verdict`, `target`, `comment`, `timeout`, `expires`, `packets`, `bytes`: use as `sort`. */
  readonly id: string;
  /** nft's type name: `ipv4_addr`, `inet_service`, `verdict`, … */
  readonly type: string;
  readonly label: string;
  readonly numeric: boolean;
}

export interface ElementView {
  /** Place in the listing. */
  readonly index: number;
  /** One text per column of {@link SetPage.columns}; null where the element has none. */
  readonly cells: readonly (string | null)[];
  /** The element as nft prints it. */
  readonly text: string;
  readonly verdict: Verdict | null;
  readonly object: ObjectView | null;
}

/** GET …/set?table=&name=&offset=&limit=&filter=&sort=&descending= : a page of the elements of a set or map. */
export interface SetPage {
  readonly version: string;
  readonly family: Family;
  readonly table: string;
  readonly set: SetView;
  readonly typeText: string;
  readonly owner: OwnerView;
  readonly columns: readonly ColumnView[];
  readonly rows: readonly ElementView[];
  readonly offset: number;
  /** Elements that pass the filter. */
  readonly matched: number;
  readonly total: number;
}

/** GET …/lookup?table=&name=&key=10.99.151.112%20.%20tcp%20.%2080 : as the kernel would look the key up. */
export interface LookupView {
  readonly version: string;
  /** The key as understood, in nft's words. */
  readonly key: string;
  readonly size: number;
  /** Null on a miss. */
  readonly hit: ElementView | null;
}

/** GET …/search?q=ip:10.96.0.10%20verdict:drop&limit=500 */
export interface SearchView {
  readonly version: string;
  /** The query as understood: words without a key search names, text and comments. */
  readonly terms: readonly { readonly key: string | null; readonly value: string }[];
  readonly problems: readonly ProblemView[];
  readonly matches: readonly SearchMatch[];
  /** How many places match in all. */
  readonly total: number;
}
export interface SearchMatch {
  readonly kind: 'chain' | 'rule' | 'set' | 'element';
  readonly family: Family;
  readonly table: string;
  /** Chain or set. */
  readonly name: string;
  readonly handle: number;
  /** For elements: place in the listing. */
  readonly index: number | null;
  readonly text: string;
  /** What in it matched: the prefix, interval or word. */
  readonly found: readonly string[];
}

// --------------------------------------------------------------------------------------------------------- names

export interface PodName {
  readonly namespace: string;
  readonly name: string;
  readonly node: string | null;
  readonly addresses: readonly string[];
  readonly hostNetwork: boolean;
  readonly ready: boolean;
  /** The workload it belongs to: `api` of `api-6d4f8b7c9-2hxkz`. */
  readonly owner: string | null;
}
export interface ServiceName {
  readonly namespace: string;
  readonly name: string;
  readonly type: string;
  /** Empty for headless Services and ExternalName. */
  readonly clusterIPs: readonly string[];
  readonly externalIPs: readonly string[];
  readonly loadBalancerIPs: readonly string[];
  readonly ports: readonly ServicePortName[];
}
export interface ServicePortName {
  readonly name: string | null;
  readonly protocol: string;
  readonly port: number;
  readonly targetPort: string | null;
  readonly nodePort: number | null;
  /** `10.244.1.4:8080`, `[fd00::4]:8080`; null where the slices were not read. */
  readonly endpoints:
    | readonly {
        readonly address: string;
        readonly ready: boolean;
        readonly pod: string | null;
        readonly node: string | null;
      }[]
    | null;
}
export interface NodeName {
  readonly name: string;
  readonly addresses: readonly string[];
  readonly zone: string | null;
  readonly podCIDRs: readonly string[];
}

/** GET …/nodes/[node]/names: what the packet form offers. */
export interface NamesView {
  readonly pods: readonly PodName[];
  readonly services: readonly ServiceName[];
  readonly nodes: readonly NodeName[];
  readonly readings: readonly Reading[];
}

// --------------------------------------------------------------------------------------------------------- trace

/** A place given by name and found. */
export interface PlaceView {
  /** As given: `shop/api-6d4`, `svc:shop/api:http`, `external`, `10.0.0.1:80/tcp`. */
  readonly ref: string;
  /** For people: `shop/api-6d4`, `Service shop/api:http`, `external client`. */
  readonly label: string;
  readonly address: string;
  readonly object: ObjectView | null;
}

/**
 * GET …/nodes/[node]/trace?packet=JSON, or ?from=REF&to=REF[&sport=…][&protocol=…][&flags=…]; POST with the same as a JSON
 * object. With `packet` its members override what the names gave.
 */
export interface TraceAnswer {
  readonly version: string;
  readonly source: SourceView;
  readonly node: string;
  readonly capturedAt: string | null;
  /** The packet as traced. */
  readonly packet: PacketSpec;
  readonly from: PlaceView | null;
  readonly to: PlaceView | null;
  /** See {@link reviveTrace} in wire.ts for the trace of lib/sim. `conntrack` has the entries that the packet made or changed. */
  readonly trace: WireTrace;
  /** Every rule that a step names, by `ruleKey(ref)`: its line. */
  readonly rules: { readonly [key: string]: RuleView };
  /** Every table that a step names, by `FAMILY NAME`. */
  readonly owners: { readonly [table: string]: OwnerView };
  /** Names of addresses in the trace: `10.244.1.4` → pod. */
  readonly names: { readonly [address: string]: ObjectView };
  /** What the NetworkPolicies ask for the connection; null where the question was not put by names. */
  readonly policies: PoliciesView | null;
}

export type WireTrace = Wire<Trace>;

/** The key of a rule in {@link TraceAnswer.rules}. */
export const ruleKey = (at: {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly handle: number;
}): string => `${at.family} ${at.table} ${at.chain} ${at.handle}`;

// --------------------------------------------------------------------------------------------------------- replay

/** GET /api/replay: whether this server replays packets in a kernel; else why not. */
export interface ReplayView {
  readonly offered: boolean;
  readonly problem: ProblemView | null;
}

/** POST …/nodes/[node]/verify with the members of POST …/trace: the packet through this server's kernel, beside the trace. */
export interface VerifyAnswer {
  readonly version: string;
  readonly node: string;
  readonly packet: PacketSpec;
  readonly agreement: Agreement;
}

// -------------------------------------------------------------------------------------------------------- health

/** GET /api/health */
export interface HealthView {
  readonly status: 'ok';
  readonly version: string;
}
