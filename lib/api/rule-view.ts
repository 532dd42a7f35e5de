/** Rules, chains, sets and objects as lines of tokens with their links. */
import type { AddressBook } from '../cluster/address-book';
import { endpointText } from '../explain/kube-proxy-name';
import type { ObjectOwner } from '../explain/object-owner';
import type { Chain, NftSet, Rule } from '../nft/model';
import { ruleReferences } from '../nft/references';
import { quote } from '../render/literal';
import { formatPriority } from '../render/priority';
import { deviceList, flowtableLines, objectLines } from '../render/render-object';
import { renderRuleTokens } from '../render/render-rule';
import { renderSetHeader, setLines } from '../render/render-set';
import type { Token, TokenKind } from '../render/tokens';
import type { TableIndex } from './ruleset-index';
import type { BaseChainView, ChainView, RuleView, SetView, StatefulView, WrittenFor } from './types';

const token = (kind: TokenKind, text: string): Token => ({ kind, text, statement: -1 });
/** A line that the renderer gives as text only. */
const textLine = (text: string): readonly Token[] => [token(text.startsWith('comment ') ? 'comment' : 'keyword', text)];
/** Elements go over several lines, indented for a listing; their first two tabs are those of the block. */
const textLines = (text: string): readonly (readonly Token[])[] =>
  text.split('\n').map((line) => textLine(line.replace(/^\t\t/, '')));
const heading = (kind: string, name: string): readonly Token[] => [
  token('keyword', `${kind} `),
  token('name', name),
  token('punctuation', ' {'),
];

/** At most this many elements are part of a set's declaration. */
const INLINE_ELEMENTS = 64;

export function ruleView(index: TableIndex, chain: Chain, at: number, rule: Rule, book: AddressBook): RuleView {
  const references = ruleReferences(rule);
  const targets = unique(references.filter(({ kind }) => kind === 'chain').map(({ name }) => name));
  const [target, ...others] = targets;
  return {
    at: index.ruleRef(chain, at),
    tokens: renderRuleTokens(rule, index.ctx),
    usedSets: unique(references.filter(({ kind }) => kind === 'set').map(({ name }) => name)).map((name) => {
      const set = index.sets.get(name);
      return { name, count: set?.elements.length ?? 0, kind: set?.kind ?? 'set' };
    }),
    jumpTargets: targets,
    object: target !== undefined && others.length === 0 ? (book.chain(target) ?? null) : null,
  };
}

export const writtenFor = ({ services, endpoints }: ObjectOwner): WrittenFor => ({
  services,
  endpoints: endpoints.map(endpointText),
});

const unique = (names: readonly string[]): readonly string[] => [...new Set(names)];

export function baseChainView(index: TableIndex, chain: Chain): BaseChainView | null {
  const { base } = chain;
  if (base === undefined) return null;
  const { type, hook, prio, policy, devices } = base;
  const prioText = formatPriority(prio, index.table.family, hook, index.ctx.dialect);
  return { type, hook, prio, prioText, policy, devices };
}

/** @param from the window of rules, in indexes of the chain */
export function chainView(index: TableIndex, chain: Chain, book: AddressBook, from: number, to: number): ChainView {
  const uses = index.uses('chain', chain.name);
  const base = baseChainView(index, chain);
  const owner = index.owners.chain(chain.name);
  return {
    name: chain.name,
    handle: chain.handle,
    header: heading('chain', chain.name),
    declaration: [
      ...(chain.comment === undefined ? [] : [textLine(`comment ${quote(chain.comment)}`)]),
      ...(base === null ? [] : [baseLine(index, base)]),
    ],
    base,
    ruleCount: chain.rules.length,
    firstRule: from,
    rules: chain.rules.slice(from, to).map((rule, at) => ruleView(index, chain, from + at, rule, book)),
    usedBy: uses.first,
    usedByCount: uses.count,
    object: book.chain(chain.name) ?? null,
    owner: owner.component,
    writtenFor: writtenFor(owner),
  };
}

/** `type nat hook prerouting priority dstnat; policy accept;` */
function baseLine(index: TableIndex, base: BaseChainView): readonly Token[] {
  const [first, ...more] = base.devices;
  const devices =
    first === undefined
      ? []
      : more.length === 0
        ? [token('keyword', ' device '), token('value', quote(first))]
        : [
            token('keyword', ' devices = { '),
            token('value', deviceList(base.devices, index.ctx)),
            token('punctuation', ' }'),
          ];
  return [
    token('keyword', 'type '),
    token('name', base.type),
    token('keyword', ' hook '),
    token('name', base.hook),
    ...devices,
    token('keyword', ' priority '),
    token('value', base.prioText),
    token('punctuation', ';'),
    token('keyword', ' policy '),
    token('verdict', base.policy),
    token('punctuation', ';'),
  ];
}

export function setView(index: TableIndex, set: NftSet, book: AddressBook): SetView {
  const uses = index.uses('set', set.name);
  const cut = set.elements.length > INLINE_ELEMENTS;
  return {
    kind: set.kind,
    name: set.name,
    handle: set.handle,
    header: heading(set.kind, set.name),
    declaration: (cut ? renderSetHeader(set, index.ctx) : setLines(set, index.ctx)).flatMap(textLines),
    elementsCut: cut,
    count: set.elements.length,
    usedBy: uses.first,
    usedByCount: uses.count,
    object: book.chain(set.name) ?? null,
    writtenFor: writtenFor(index.owners.set(set.name)),
  };
}

export function statefulViews(index: TableIndex): {
  readonly flowtables: readonly StatefulView[];
  readonly objects: readonly StatefulView[];
} {
  const { table, ctx } = index;
  return {
    flowtables: table.flowtables.map((flowtable) => ({
      kind: 'flowtable',
      name: flowtable.name,
      handle: flowtable.handle,
      lines: [heading('flowtable', flowtable.name), ...flowtableLines(flowtable, ctx).map(textLine)],
      usedBy: index.uses('flowtable', flowtable.name).first,
    })),
    objects: table.objects.map((object) => {
      const kind = object.kind === 'unsupported' ? object.object : object.kind;
      return {
        kind,
        name: object.name,
        handle: object.handle,
        lines: [heading(kind, object.name), ...objectLines(object, ctx).map(textLine)],
        usedBy: index.uses('object', object.name).first,
      };
    }),
  };
}
