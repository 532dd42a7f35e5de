/** What would deliver a packet, with words, commands and the text of rules. */

import { type Expected, NOTHING_EXPECTED } from '../counterfactual/as-expected';
import type { ChainRef, Change, SetRef, Touches } from '../counterfactual/change';
import { type Proxied, proxiedOf } from '../counterfactual/proxied';
import { type Counterfactual, whatWouldDeliver } from '../counterfactual/what-would-deliver';
import { comparable } from '../drift/comparable';
import { expectedOfNode, proxyTable } from '../expected/expected-of-node';
import type { TraceNames } from '../explain/trace-names';
import { hostPort, verdictSentence } from '../explain/verdict-sentence';
import { formatAddress } from '../net/address';
import { protocolName } from '../net/protocols';
import { ok, type Result } from '../net/result';
import type { Expression, RuleRef, SetElement } from '../nft/model';
import { unreachable } from '../nft/model';
import { renderContext, typeOfMapData, typeOfSetType } from '../render/context';
import { writeElement } from '../render/render-expression';
import { renderRule } from '../render/render-rule';
import { TextOut } from '../render/tokens';
import { preparedOf } from '../sim';
import type { CtEntry } from '../world/world';
import { addressNames } from './address-names';
import { capturedNode } from './node-drift-facts';
import type { OpenNode } from './open-node';
import { patchCommand, serviceSentence } from './service-edit-words';
import { quoted } from './shell-word';
import { listeningWorld, type Traced, type TraceQuery, tracePacket } from './trace-answer';
import { nobodyAt } from './untranslated';

type Of<K extends Change['kind']> = Extract<Change, { readonly kind: K }>;

/** A change as it is read: rules, elements and connections as nft and conntrack write them. */
export type ChangeView =
  | Of<'policy-accept' | 'priority' | 'sysctl' | 'service'>
  | (Of<'rule-dropped'> & { readonly text: string })
  | { readonly kind: 'element-removed' | 'element-added'; readonly set: SetRef; readonly text: string }
  | { readonly kind: 'conntrack-gone'; readonly text: string };

export interface DeliveringChange {
  readonly change: ChangeView;
  /** What else it touches: this connection, packets with this key, of this rule, of this Service, of this chain, or the whole node. */
  readonly touches: Touches;
  /** `Without this rule of ip filter FORWARD`. */
  readonly say: string;
  /** Who wrote the table; null where that is not known, and for settings and connections. */
  readonly owner: string | null;
  /** What then becomes of the packet. */
  readonly result: string;
  /** For the user to run, if they want it; null where one command is not enough. */
  readonly command: string | null;
}

export interface WhatWouldDeliver {
  readonly version: 1;
  /** False where the packet arrives as things are, or nobody knows whether it does. */
  readonly needed: boolean;
  readonly found: readonly DeliveringChange[];
  readonly tried: number;
  readonly untried: number;
  readonly undecided: number;
  /** Why no field of a Service was tried; null where they were, or kube-proxy has no table here. */
  readonly servicesUntried: string | null;
}

export function whatWouldDeliverAnswer(node: OpenNode, query: TraceQuery): Result<WhatWouldDeliver> {
  const traced = tracePacket(node, query);
  return traced.ok ? ok(whatWouldDeliverOf(node, traced.value)) : traced;
}

/** For a trace that was made already. */
export function whatWouldDeliverOf(node: OpenNode, { packet, trace }: Traced): WhatWouldDeliver {
  const p = preparedOf(listeningWorld(node));
  const isNobody = nobodyAt(node);
  const proxied = (): Result<Proxied> | undefined => proxiedNode(node);
  const expected = (): Expected => expectedOf(node);
  const { needed, found, servicesUntried, ...counts } = whatWouldDeliver(p, packet, trace, {
    isNobody,
    proxied,
    expected,
  });
  return {
    version: 1,
    needed,
    found: found.map((one) => view(node, one)),
    ...counts,
    servicesUntried: servicesUntried ?? null,
  };
}

/** Undefined without a table of kube-proxy: then no Service is served by it here. */
function proxiedNode(node: OpenNode): Result<Proxied> | undefined {
  const captured = capturedNode(node);
  if (!captured.ok) return undefined;
  const { ruleset } = captured.value;
  const hasTable = proxyTable(ruleset, 'ip') !== undefined || proxyTable(ruleset, 'ip6') !== undefined;
  return hasTable ? proxiedOf(captured.value, node.cluster.cluster) : undefined;
}

/** Also where the table is not as expected: what is missing, or extra, is what may be wrong. */
function expectedOf(node: OpenNode): Expected {
  const captured = capturedNode(node);
  if (!captured.ok || !comparable(captured.value).ok) return NOTHING_EXPECTED;
  const families = expectedOfNode(captured.value, node.cluster.cluster);
  if (!families.ok) return NOTHING_EXPECTED;
  return { tables: families.value.map(({ expected }) => expected), nftVersion: captured.value.ruleset.nftVersion };
}

function view(node: OpenNode, { change, touches, trace }: Counterfactual): DeliveringChange {
  const shown = changeView(node, change);
  return {
    change: shown,
    touches,
    say: sentence(shown),
    owner: ownerOf(node, change),
    result: verdictSentence(trace, change.kind === 'service' ? namesThen(node) : addressNames(node)),
    command: commandOf(change, shown),
  };
}

/** With another Service other endpoints are its own: those of now say nothing of them. */
function namesThen(node: OpenNode): TraceNames {
  const names = addressNames(node);
  return {
    ...names,
    service(address, protocol, port) {
      const found = names.service(address, protocol, port);
      return found === undefined ? undefined : { service: found.service, port: found.port };
    },
  };
}

function changeView(node: OpenNode, change: Change): ChangeView {
  switch (change.kind) {
    case 'rule-dropped':
      return { kind: change.kind, at: change.at, text: ruleText(node, change.at) };
    case 'element-removed':
      return { kind: change.kind, set: change.set, text: elementText(node, change.set, { key: change.element.key }) };
    case 'element-added':
      return { kind: change.kind, set: change.set, text: elementText(node, change.set, change) };
    case 'policy-accept':
    case 'priority':
    case 'sysctl':
    case 'service':
      return change;
    case 'conntrack-gone':
      return { kind: change.kind, text: connectionText(change.entry) };
    default:
      return unreachable(change);
  }
}

const tableOf = (node: OpenNode, { family, table }: { readonly family: RuleRef['family']; readonly table: string }) =>
  node.ruleset.ok ? node.ruleset.value.at(family, table) : undefined;

function ruleText(node: OpenNode, at: RuleRef): string {
  const index = tableOf(node, at);
  const rule = index?.chains.get(at.chain)?.rules[at.index];
  return index === undefined || rule === undefined ? '' : renderRule(rule, index.ctx);
}

function elementText(
  node: OpenNode,
  at: SetRef,
  { key, data }: { readonly key: Expression; readonly data?: SetElement['data'] },
): string {
  const table = tableOf(node, at)?.table;
  const set = table?.sets.find(({ name }) => name === at.set);
  if (table === undefined || set === undefined) return '';
  // An element's comment and state are not part of its key.
  const bare = typeof key === 'object' && key.kind === 'elem' ? key.val : key;
  const out = new TextOut();
  const ctx = renderContext(table, undefined);
  writeElement(
    out,
    { key: bare, ...(data !== undefined && { data }) },
    ctx,
    typeOfSetType(set.type),
    typeOfMapData(set),
  );
  return out.text;
}

function connectionText({ original }: CtEntry): string {
  const port = (value: number | 'random' | undefined): number | undefined =>
    typeof value === 'number' ? value : undefined;
  const [from, to] = [formatAddress(original.src), formatAddress(original.dst)];
  return `${protocolName(original.protocol)} ${hostPort(from, port(original.sport))} → ${hostPort(to, port(original.dport))}`;
}

const chainName = ({ family, table, chain }: ChainRef): string => `${family} ${table} ${chain}`;
const setName = ({ family, table, set }: SetRef): string => `${family} ${table} ${set}`;

function sentence(change: ChangeView): string {
  switch (change.kind) {
    case 'rule-dropped':
      return `Without a rule of ${chainName(change.at)}`;
    case 'element-removed':
      return `Without an element of ${setName(change.set)}`;
    case 'element-added':
      return `With one more element in ${setName(change.set)}`;
    case 'policy-accept':
      return `With policy accept in ${chainName(change.chain)}`;
    case 'priority': {
      const where = change.to > change.from ? 'behind' : 'before';
      return `With ${chainName(change.chain)} at priority ${change.to} instead of ${change.from}, ${where} ${chainName(change.past)}`;
    }
    case 'sysctl':
      return `With ${change.key} = ${change.to} instead of ${change.from}`;
    case 'conntrack-gone':
      return 'Without an entry of the connection table';
    case 'service':
      return serviceSentence(change);
    default:
      return unreachable(change);
  }
}

/** Null where nobody is known to write the table. */
function ownerName(node: OpenNode, at: Parameters<typeof tableOf>[1]): string | null {
  const name = tableOf(node, at)?.owner.name;
  return name === undefined || name === 'not recognised' ? null : name;
}

function ownerOf(node: OpenNode, change: Change): string | null {
  switch (change.kind) {
    case 'rule-dropped':
      return ownerName(node, change.at);
    case 'element-removed':
    case 'element-added':
      return ownerName(node, change.set);
    case 'policy-accept':
    case 'priority':
      return ownerName(node, change.chain);
    case 'sysctl':
    case 'conntrack-gone':
    case 'service':
      return null;
    default:
      return unreachable(change);
  }
}

function commandOf(change: Change, shown: ChangeView): string | null {
  const nft = (...words: readonly string[]): string => ['nft', ...words.map(quoted)].join(' ');
  switch (change.kind) {
    case 'rule-dropped': {
      const { family, table, chain, handle } = change.at;
      return nft('delete', 'rule', family, table, chain, 'handle', String(handle));
    }
    case 'element-removed':
    case 'element-added': {
      const { family, table, set } = change.set;
      const text = 'text' in shown ? shown.text : '';
      return nft(change.kind === 'element-added' ? 'add' : 'delete', 'element', family, table, set, `{ ${text} }`);
    }
    case 'policy-accept': {
      const { family, table, chain } = change.chain;
      return nft('chain', family, table, chain, '{ policy accept; }');
    }
    case 'priority':
      // A base chain keeps its priority: it has to be made anew.
      return null;
    case 'sysctl':
      return `sysctl -w ${quoted(`${change.key}=${change.to}`)}`;
    case 'conntrack-gone': {
      const { family, original } = change.entry;
      const port = (option: string, value: number | 'random' | undefined): readonly string[] =>
        typeof value === 'number' ? [option, String(value)] : [];
      return [
        'conntrack',
        '-D',
        '-f',
        family === 'ip' ? 'ipv4' : 'ipv6',
        '-p',
        String(protocolName(original.protocol)),
        '-s',
        formatAddress(original.src),
        '-d',
        formatAddress(original.dst),
        ...port('--sport', original.sport),
        ...port('--dport', original.dport),
      ].join(' ');
    }
    case 'service':
      return patchCommand(change);
    default:
      return unreachable(change);
  }
}
