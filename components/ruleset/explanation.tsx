'use client';

import Link from 'next/link';
import { Fragment, type ReactNode, useMemo, useState } from 'react';
import type {
  ChainOverview,
  ChainView,
  NodeOverview,
  OwnerView,
  RuleDetail,
  TableOverview,
  UseView,
  WrittenFor,
} from '@/lib/api/types';
import { type ExplainedPart, explainRule } from '@/lib/explain/explain-rule';
import { servicePortText } from '@/lib/explain/kube-proxy-name';
import { ruleName } from '@/lib/explain/rule-name';
import { renderContext } from '@/lib/render/context';
import type { Token } from '@/lib/render/tokens';
import type { NodeRef, VersionRef } from '../hooks/node-path';
import { CopyButton } from '../shell/copy';
import { viewHref } from '../shell/views';
import { Words } from '../trace/words';
import { Badge } from '../ui/badge';
import { buttonLook } from '../ui/button';
import { ChainName } from '../ui/chain-name';
import { OwnerTag } from '../ui/owner-tag';
import { PanelSection } from '../ui/panel';
import { Code } from '../ui/rule-line';
import { ObjectChip } from './line-view';
import { LookupBox } from './lookup-box';
import { reviveRule } from './revive-rule';
import type { RulesetLinks } from './ruleset-links';
import { signed, tableId } from './tree-model';

interface RuleExplanationProps {
  readonly place: VersionRef;
  readonly overview: NodeOverview;
  readonly table: TableOverview;
  readonly detail: RuleDetail;
  /** Handle of the next rule of the chain; null at its end. */
  readonly next: number | null;
  readonly links: RulesetLinks;
}

/** A rule in plain words: what it does, part by part, where it leads, where it is reached from, who wrote it. */
export function RuleExplanation({ place, overview, table, detail, next, links }: RuleExplanationProps) {
  const id = tableId(table);
  const { at } = detail;
  const chain = table.chains.find((c) => c.name === at.chain);
  const explained = useMemo(
    () =>
      explainRule(reviveRule(detail.model), {
        render: renderContext({ family: at.family, sets: [] }, overview.listedBy ?? undefined),
        sizes: new Map(detail.usedSets.map((s) => [s.name, s.count])),
        next,
        base: chain?.base !== null && chain?.base !== undefined,
      }),
    [detail, at.family, overview.listedBy, next, chain],
  );
  return (
    <>
      <PanelSection className="bg-surface">
        <h2 className="flex flex-wrap items-baseline gap-x-2 text-[14px]">
          <span className="font-[650]">Rule {at.handle}</span>
          <Link href={links.chain(id, at.chain)} className="font-mono text-[12px] text-ink-2 hover:underline">
            {id} <ChainName name={at.chain} tone="inherit" className="[overflow-wrap:anywhere]" />
          </Link>
        </h2>
        <p className="mt-1 text-body">
          <Words words={explained.sentence} />
        </p>
      </PanelSection>
      {explained.parts.length === 0 ? null : (
        <PanelSection title="Part by part">
          <ol className="flex flex-col gap-3">
            {explained.parts.map((part, i) => (
              <Part key={`${part.statement} ${part.piece ?? ''}`} number={i + 1} part={part} tokens={detail.tokens} />
            ))}
          </ol>
        </PanelSection>
      )}
      {detail.usedSets.length + detail.jumpTargets.length === 0 ? null : (
        <PanelSection title="Leads to">
          <div className="flex flex-col gap-2">
            {detail.usedSets.map((set) => (
              <div key={set.name} className="flex flex-col gap-1.5">
                <p className="[overflow-wrap:anywhere]">
                  <Link href={links.set(id, set.name)} className="link font-mono text-[12px] text-name">
                    {set.kind} {set.name}
                  </Link>{' '}
                  <span className="whitespace-nowrap text-ink-2">
                    {set.count.toLocaleString('en')} {set.count === 1 ? 'element' : 'elements'}
                  </span>
                </p>
                <SetLookup
                  place={place}
                  table={id}
                  name={set.name}
                  type={table.sets.find((s) => s.name === set.name)?.type ?? ''}
                  links={links}
                />
              </div>
            ))}
            {detail.jumpTargets.map((target) => (
              <p key={target} className="[overflow-wrap:anywhere]">
                <span aria-hidden="true" className="text-ink-3">
                  →{' '}
                </span>
                <Link href={links.chain(id, target)} className="link">
                  <ChainName name={target} className="text-[12px]" />
                </Link>
              </p>
            ))}
          </div>
        </PanelSection>
      )}
      <ReachedFrom uses={detail.chainUsedBy} chain={chain} table={id} links={links} />
      <WrittenBy owner={detail.owner} overview={overview} place={place} writtenFor={detail.writtenFor}>
        {detail.object === null ? null : <ObjectChip object={detail.object} place={place} />}
      </WrittenBy>
      <PanelSection>
        <div className="flex flex-wrap gap-2">
          <Link href={viewHref('/trace', { source: place.source, node: place.node })} className={buttonLook()}>
            Trace a packet
          </Link>
          <CopyButton what="reference" text={() => ruleName(at)}>
            Copy reference
          </CopyButton>
        </div>
      </PanelSection>
    </>
  );
}

/** The text of a part in nft's colours, then its words. */
function Part({
  number,
  part,
  tokens,
}: {
  readonly number: number;
  readonly part: ExplainedPart;
  readonly tokens: readonly Token[];
}) {
  const own = useMemo(() => tokensOf(tokens, part), [tokens, part]);
  return (
    <li className="flex gap-2.5">
      <span
        aria-hidden="true"
        className="mt-0.5 inline-flex size-[17px] shrink-0 items-center justify-center rounded-full bg-ink font-[650] text-[10.5px] text-surface"
      >
        {number}
      </span>
      <div className="min-w-0 flex-1">
        <code className="block text-code [overflow-wrap:anywhere]">
          <Code tokens={own} />
        </code>
        <p className="text-prose text-ink">
          {part.known ? null : (
            <>
              <Badge tone="unknown">? not known</Badge>{' '}
            </>
          )}
          {part.role === 'condition' ? 'only if ' : ''}
          <Words words={part.words} />
        </p>
        {part.more === undefined ? null : <p className="text-prose text-ink-2">{part.more}</p>}
      </div>
    </li>
  );
}

/** The tokens of one statement; of a verdict map those before `vmap`, or from it on. */
export function tokensOf(tokens: readonly Token[], part: ExplainedPart): readonly Token[] {
  const own = tokens.filter((t) => t.statement === part.statement);
  // The space that joins two statements belongs to the second one.
  const start = own.findIndex((t) => t.text.trim() !== '');
  const trimmed = start === -1 ? [] : own.slice(start);
  if (part.piece === undefined) return trimmed;
  const split = trimmed.findIndex((t) => t.text.trim() === 'vmap');
  if (split === -1) return part.piece === 'key' ? trimmed : [];
  return part.piece === 'key' ? trimmed.slice(0, split) : trimmed.slice(split);
}

function SetLookup({
  place,
  table,
  name,
  type,
  links,
}: {
  readonly place: VersionRef;
  readonly table: string;
  readonly name: string;
  readonly type: string;
  readonly links: RulesetLinks;
}) {
  const [key, setKey] = useState('');
  return <LookupBox place={place} table={table} name={name} type={type} value={key} onChange={setKey} links={links} />;
}

const SHOWN_USES = 6;

function ReachedFrom({
  uses,
  chain,
  table,
  links,
  total = uses.length,
}: {
  readonly uses: readonly UseView[];
  readonly chain: ChainOverview | undefined;
  readonly table: string;
  readonly links: RulesetLinks;
  readonly total?: number;
}) {
  const base = chain?.base ?? null;
  const [all, setAll] = useState(false);
  const count = Math.max(total, chain?.usedBy ?? 0);
  const shown = all ? uses : uses.slice(0, SHOWN_USES);
  return (
    <PanelSection title="Reached from">
      {base === null ? null : (
        <p>
          the {base.hook} hook, priority <code className="text-code">{base.prioText}</code> ({signed(base.prio)})
        </p>
      )}
      {base === null && uses.length === 0 ? (
        <p className="text-ink-2">Nothing leads here: no packet sees this chain.</p>
      ) : null}
      <ul className="flex flex-col gap-1">
        {shown.map((use) => (
          <li key={use.kind === 'rule' ? `${use.at.chain} ${use.at.handle}` : `${use.map} ${use.index}`}>
            <Use use={use} table={table} links={links} />
          </li>
        ))}
      </ul>
      {count > shown.length && !all ? (
        <button type="button" className="link mt-1 text-ink-2" onClick={() => setAll(true)}>
          {count - shown.length} more
        </button>
      ) : null}
      {all && count > uses.length ? (
        <p className="mt-1 text-ink-2">and {count - uses.length} more; search chain: to list them</p>
      ) : null}
    </PanelSection>
  );
}

function Use({ use, table, links }: { readonly use: UseView; readonly table: string; readonly links: RulesetLinks }) {
  return (
    <Link href={links.use(table, use)} className="font-mono text-[12px] [overflow-wrap:anywhere] link">
      {use.kind === 'rule' ? (
        <>
          <span className="link">
            <ChainName name={use.at.chain} tone="ink" />
          </span>{' '}
          <span className="text-ink-3">#{use.at.handle}</span> <span className="font-[620] text-name">{use.verb}</span>
        </>
      ) : (
        <>
          <span className="link">{use.map}</span> <span className="text-read">{use.key}</span>{' '}
          <span className="font-[620] text-name">{use.verb}</span>
        </>
      )}
    </Link>
  );
}

function WrittenBy({
  owner,
  overview,
  place,
  writtenFor,
  children,
}: {
  readonly owner: OwnerView;
  readonly overview: NodeOverview;
  /** With `writtenFor`: for its links. */
  readonly place?: NodeRef;
  readonly writtenFor?: WrittenFor | undefined;
  readonly children?: ReactNode;
}) {
  const version = owner.key === 'kp' ? overview.versions.kubeProxy : null;
  return (
    <PanelSection title="Written by">
      <p className="flex flex-wrap items-center gap-2">
        <OwnerTag owner={owner.key} />
        {owner.name}
        {version === null ? '' : ` ${version}`}
        {children}
      </p>
      <p className="mt-1 text-ink-2 text-prose">{owner.key === 'ot' ? owner.how : `recognised ${owner.how}`}</p>
      {writtenFor === undefined || place === undefined ? null : <ForServices {...writtenFor} place={place} />}
    </PanelSection>
  );
}

/** Endpoints that are named at once. */
const MOST_ENDPOINTS = 8;

/** The Services and endpoints that it was written for, each Service with its view. */
function ForServices({ services, endpoints, place }: WrittenFor & { readonly place: NodeRef }) {
  if (services.length === 0) return null;
  const shown = endpoints.slice(0, MOST_ENDPOINTS);
  const more = endpoints.length - shown.length;
  return (
    <p className="mt-1 text-prose [overflow-wrap:anywhere]">
      for{' '}
      {services.map((service, index) => {
        const { source, node } = place;
        const href = viewHref('/service', {
          source,
          node,
          service: `${service.namespace}/${service.name}`,
          port: `${service.port}/${service.protocol}`,
        });
        return (
          <Fragment key={servicePortText(service)}>
            {index === 0 ? '' : ', '}
            <Link href={href} className="link">
              Service {servicePortText(service)}
            </Link>
          </Fragment>
        );
      })}
      {shown.length === 0 ? '' : `, to ${shown.join(', ')}`}
      {more > 0 ? ` and ${more} more` : ''}
    </p>
  );
}

/** What is chosen is a chain: what it is, where it hangs, who comes here. */
export function ChainExplanation({
  place,
  overview,
  table,
  chain,
  view,
  links,
}: {
  readonly place: NodeRef;
  readonly overview: NodeOverview;
  readonly table: TableOverview;
  readonly chain: ChainOverview;
  /** Undefined while the chain's page is not there. */
  readonly view: ChainView | undefined;
  readonly links: RulesetLinks;
}) {
  const id = tableId(table);
  const { base } = chain;
  return (
    <>
      <PanelSection className="bg-surface">
        <h2 className="text-[14px] [overflow-wrap:anywhere]">
          <span className="font-[650]">Chain</span> <ChainName name={chain.name} tone="ink" className="text-[13px]" />
        </h2>
        <p className="mt-1">
          {base === null ? (
            <>
              A regular chain of {ruleCount(chain.rules)}: packets come here by jump or goto only.
              {chain.rules === 0 ? ' Empty, so they fall through to the next rule of the caller.' : ''}
            </>
          ) : (
            <>
              A base chain of type {base.type} with {ruleCount(chain.rules)}: every packet at {base.hook} comes here.
              {base.type === 'nat' ? ' nat chains see the first packet of a connection only.' : ''} A packet that no
              rule decides is {base.policy === 'accept' ? 'let through' : 'dropped'} (policy {base.policy}).
            </>
          )}
        </p>
        {chain.comment === null ? null : <p className="mt-1 text-ink-2 italic">“{chain.comment}”</p>}
      </PanelSection>
      {view === undefined ? null : (
        <ReachedFrom uses={view.usedBy} total={view.usedByCount} chain={chain} table={id} links={links} />
      )}
      <WrittenBy owner={view?.owner ?? table.owner} overview={overview} place={place} writtenFor={view?.writtenFor}>
        {chain.object === null ? null : <ObjectChip object={chain.object} />}
      </WrittenBy>
    </>
  );
}

const ruleCount = (n: number): string => (n === 1 ? '1 rule' : `${n} rules`);

/** Nothing is chosen in the table yet. */
export function TableExplanation({
  overview,
  table,
}: {
  readonly overview: NodeOverview;
  readonly table: TableOverview;
}) {
  const { counts } = table;
  const facts = (
    [
      [counts.baseChains, 'base chain'],
      [counts.chains - counts.baseChains, 'other chain'],
      [counts.rules, 'rule'],
      [counts.sets, 'set'],
      [counts.maps, 'map'],
      [counts.elements, 'element'],
      [counts.flowtables, 'flowtable'],
      [counts.objects, 'object'],
    ] as const
  ).filter(([n]) => n > 0);
  const omissions = overview.omissions.filter((o) => o.where.startsWith(tableId(table)));
  return (
    <>
      <PanelSection className="bg-surface">
        <h2 className="text-[14px]">
          <span className="font-[650]">Table</span> <span className="font-mono text-[13px]">{tableId(table)}</span>
        </h2>
        {table.comment === null ? null : <p className="mt-1 text-ink-2 italic">“{table.comment}”</p>}
        <p className="mt-1">Choose a rule to have it in plain words.</p>
      </PanelSection>
      <PanelSection title="Holds">
        <dl className="grid grid-cols-[max-content_1fr] gap-x-3">
          {facts.map(([n, what]) => (
            <div key={what} className="contents">
              <dt className="text-right">{n.toLocaleString('en')}</dt>
              <dd className="text-ink-2">{n === 1 ? what : `${what}s`}</dd>
            </div>
          ))}
        </dl>
      </PanelSection>
      <WrittenBy owner={table.owner} overview={overview} />
      {omissions.length === 0 ? null : (
        <PanelSection title="Left out by this version of nft">
          <ul>
            {omissions.slice(0, 20).map((o) => (
              <li key={`${o.what} ${o.where}`} className="text-prose text-ink-2">
                {o.what} of {o.where}
              </li>
            ))}
          </ul>
          {omissions.length > 20 ? <p className="text-ink-2">and {omissions.length - 20} more</p> : null}
        </PanelSection>
      )}
    </>
  );
}
