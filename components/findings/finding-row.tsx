'use client';

import Link from 'next/link';
import { useState } from 'react';
import type { FindingView } from '@/lib/api/findings-types';
import { fromSource } from '@/lib/explain/command-source';
import { CopyButton } from '../shell/copy';
import { viewHref } from '../shell/views';
import { Badge } from '../ui/badge';
import { Chip } from '../ui/chip';
import { cx } from '../ui/cx';
import { ChevronDown, ChevronRight } from '../ui/icons';
import { EvidenceItem } from './evidence';
import { countFollowing, type FindingBranch } from './findings-model';
import { SeverityMark } from './severity-mark';

interface ListProps {
  readonly source: string;
  /** Where a trace begins that the finding names no node for. */
  readonly node: string;
  /** What names the source on the command line. */
  readonly argument: string;
  readonly branches: readonly FindingBranch[];
  /** Findings by id, for what follows from what. */
  readonly all: ReadonlyMap<string, FindingView>;
  /** Ids on the way to the finding that is open. */
  readonly openPath: readonly string[];
  /** The finding that is open. */
  readonly open: string | undefined;
  readonly onOpen: (id: string | null) => void;
  readonly hrefOf: (id: string) => string;
  readonly level?: 2 | 3 | 4 | 5;
}

/** Findings, and folded under each what follows from it. */
export function FindingList({ branches, level = 2, ...rest }: ListProps) {
  return (
    <ul
      className={cx('divide-y divide-line', level === 2 ? 'border-line border-y bg-surface' : 'border-line border-l-2')}
    >
      {branches.map((branch) => (
        <li key={branch.finding.id} id={level === 2 ? undefined : `under-${branch.finding.id}`}>
          <FindingRow branch={branch} level={level} {...rest} />
        </li>
      ))}
    </ul>
  );
}

type RowProps = Omit<ListProps, 'branches' | 'level'> & {
  readonly branch: FindingBranch;
  readonly level: 2 | 3 | 4 | 5;
};

function FindingRow({ branch, level, ...rest }: RowProps) {
  const { finding, follows } = branch;
  const { all, open, openPath, onOpen } = rest;
  const isOpen = open === finding.id;
  const [unfolded, setUnfolded] = useState(false);
  const isUnfolded = unfolded || (openPath.includes(finding.id) && !isOpen);
  const Heading = `h${level}` as const;
  const more = countFollowing(branch);
  const from = finding.causes.flatMap((id) => all.get(id) ?? []);
  return (
    <>
      <div
        className={cx(
          'relative flex gap-3 px-4 py-3 hover:bg-sunken md:px-5',
          isOpen && 'bg-marker-row hover:bg-marker-row',
        )}
      >
        <span className="pt-0.5">
          <SeverityMark severity={finding.severity} />
        </span>
        <div className="min-w-0 flex-1">
          <Heading className="text-[14.5px] leading-5 md:text-[13.5px]">
            <button
              type="button"
              data-finding={finding.id}
              aria-expanded={isOpen}
              onClick={() => onOpen(isOpen ? null : finding.id)}
              className="text-left font-[620] [overflow-wrap:anywhere] after:absolute after:inset-0"
            >
              {finding.summary}
            </button>
          </Heading>
          <Tags finding={finding} />
          {level === 2 && from.length > 0 ? (
            <p className="mt-1 text-[12px] text-ink-2">
              follows from {[...new Set(from.map(({ code }) => code))].join(', ')}
            </p>
          ) : null}
        </div>
        <span className="pt-0.5 text-ink-3">{isOpen ? <ChevronDown /> : <ChevronRight />}</span>
      </div>
      {isOpen ? <Opened {...rest} finding={finding} /> : null}
      {more === 0 ? null : (
        <div className="pb-2 pl-11 md:pl-12">
          <button
            type="button"
            aria-expanded={isUnfolded}
            className="inline-flex min-h-6 items-center gap-1 text-[12.5px] text-ink-2 hover:text-ink"
            onClick={() => setUnfolded(!isUnfolded)}
          >
            {isUnfolded ? <ChevronDown size={12} /> : <ChevronRight size={12} />}
            {more} {more === 1 ? 'finding follows' : 'findings follow'} from this
          </button>
          {isUnfolded ? <FindingList {...rest} branches={follows} level={Math.min(level + 1, 5) as 3 | 4 | 5} /> : null}
        </div>
      )}
    </>
  );
}

/** Names shown in a row; the opened finding has them all. */
const NAMES = 4;

function Tags({ finding: { code, nodes, services } }: { readonly finding: FindingView }) {
  return (
    <p className="mt-1.5 flex flex-wrap gap-1.5 [&>span]:whitespace-normal [&>span]:[overflow-wrap:anywhere]">
      <Badge mono>{code}</Badge>
      <Some names={nodes} all="nodes" />
      <Some names={services} all="Services" />
    </p>
  );
}

/** Few names are told; of many the first, and how many they are. */
function Some({ names, all }: { readonly names: readonly string[]; readonly all: string }) {
  const few = names.length <= NAMES ? names : names.slice(0, NAMES - 1);
  return (
    <>
      {few.map((name) => (
        <Badge key={name}>{name}</Badge>
      ))}
      {few.length === names.length ? null : (
        <Badge>
          of {names.length.toLocaleString('en')} {all}
        </Badge>
      )}
    </>
  );
}

type OpenedProps = Omit<RowProps, 'branch' | 'level'> & { readonly finding: FindingView };

function Opened({ source, argument, node, finding, all, hrefOf }: OpenedProps) {
  const { evidence, evidenceCount, assumptions, remedy } = finding;
  const reproduce = fromSource(finding.reproduce, argument);
  const [service] = finding.services;
  const from = finding.nodes[0] ?? node;
  // Where a packet is among the evidence, that is the one to trace.
  const isTraced = service === undefined || evidence.some(({ kind }) => kind === 'packet');
  const causes = finding.causes.flatMap((id) => all.get(id) ?? []);
  const follows = [...all.values()].filter((one) => one.causes.includes(finding.id));
  return (
    <section
      aria-label={finding.summary}
      className="grid gap-x-8 gap-y-4 border-line border-t bg-surface px-4 py-3 md:pr-5 md:pl-12 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]"
    >
      <div className="flex min-w-0 flex-col gap-4">
        <Part title={evidenceCount > 1 ? `Evidence ${evidenceCount}` : 'Evidence'}>
          <Evidence source={source} finding={finding} />
          {evidenceCount > evidence.length ? (
            <p className="mt-2 text-ink-2 text-prose">
              These are the first {evidence.length} of {evidenceCount.toLocaleString('en')};{' '}
              <code className="text-code">nftscope diagnose</code> lists all.
            </p>
          ) : null}
          {isTraced ? null : (
            <p className="mt-2 text-prose">
              <Link className="link" href={viewHref('/trace', { source, node: from, from, to: `svc:${service}` })}>
                Trace {service} from {from}
              </Link>
            </p>
          )}
        </Part>
      </div>
      <div className="flex min-w-0 flex-col gap-4">
        {remedy === '' ? null : (
          <Part title="Remedy">
            <p className="text-prose [overflow-wrap:anywhere]">{remedy}</p>
          </Part>
        )}
        {reproduce === '' ? null : (
          <Part title="See it yourself">
            <div className="flex items-start gap-2 rounded-control border border-line bg-sunken px-2 py-1">
              <code className="min-w-0 flex-1 whitespace-pre-wrap text-code [overflow-wrap:anywhere]">{reproduce}</code>
              <CopyButton what="command" text={() => reproduce} />
            </div>
          </Part>
        )}
        {assumptions.length === 0 ? null : (
          <Part title="Taken for granted">
            <ul className="flex flex-col gap-1 text-prose">
              {assumptions.map((one) => (
                <li key={one}>{one}</li>
              ))}
            </ul>
          </Part>
        )}
        <Links title="Follows from" findings={causes} hrefOf={hrefOf} />
        <Links title="Leads to" findings={follows} hrefOf={hrefOf} />
        <Names
          title="Services"
          names={finding.services}
          kind="svc"
          hrefOf={(service) => viewHref('/service', { source, service })}
        />
        <Names
          title="Nodes"
          names={finding.nodes}
          kind="node"
          none="Every node: it is the state of the cluster."
          hrefOf={(node) => viewHref('/ruleset', { source, node })}
        />
      </div>
    </section>
  );
}

function Part({ title, children }: { readonly title: string; readonly children: React.ReactNode }) {
  return (
    <div>
      <p className="pb-1 text-ink-2 text-label">{title}</p>
      {children}
    </div>
  );
}

/** Shown at once. */
const EVIDENCE = 12;

function Evidence({ source, finding: { evidence } }: { readonly source: string; readonly finding: FindingView }) {
  const [all, setAll] = useState(false);
  const shown = all ? evidence : evidence.slice(0, EVIDENCE);
  return (
    <>
      <ul className="flex flex-col gap-2.5">
        {shown.map((one, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the list of a finding never changes its order
          <li key={i}>
            <EvidenceItem source={source} one={one} />
          </li>
        ))}
      </ul>
      {shown.length === evidence.length ? null : (
        <button type="button" className="link mt-2 min-h-6" onClick={() => setAll(true)}>
          Show {evidence.length - shown.length} more
        </button>
      )}
    </>
  );
}

interface LinksProps {
  readonly title: string;
  readonly findings: readonly FindingView[];
  readonly hrefOf: (id: string) => string;
}

function Links({ title, findings, hrefOf }: LinksProps) {
  if (findings.length === 0) return null;
  return (
    <Part title={title}>
      <ul className="flex flex-col gap-1.5">
        {findings.slice(0, MOST).map((one) => (
          <li key={one.id} className="flex gap-2 text-prose">
            <SeverityMark severity={one.severity} size={13} />
            <Link className="link min-w-0 [overflow-wrap:anywhere]" href={hrefOf(one.id)} scroll={false}>
              {one.summary}
            </Link>
          </li>
        ))}
      </ul>
      {findings.length <= MOST ? null : (
        <p className="mt-1 text-ink-2 text-prose">and {findings.length - MOST} more in the list</p>
      )}
    </Part>
  );
}

const MOST = 20;

interface NamesProps {
  readonly title: string;
  readonly names: readonly string[];
  readonly kind: string;
  readonly hrefOf: (name: string) => string;
  /** What it means that there are none; nothing is shown without it. */
  readonly none?: string;
}

function Names({ title, names, kind, hrefOf, none }: NamesProps) {
  const [all, setAll] = useState(false);
  if (names.length === 0)
    return none === undefined ? null : (
      <Part title={title}>
        <p className="text-prose">{none}</p>
      </Part>
    );
  const shown = all ? names : names.slice(0, MOST);
  return (
    <Part title={names.length > 1 ? `${title} ${names.length.toLocaleString('en')}` : title}>
      <ul className={cx('flex flex-wrap gap-1.5', all && 'max-h-80 overflow-y-auto')}>
        {shown.map((name) => (
          <li key={name} className="max-w-full">
            <Chip
              kind={kind}
              name={name}
              href={hrefOf(name)}
              className="h-auto! min-h-5 whitespace-normal! [&>span]:[overflow-wrap:anywhere]"
            />
          </li>
        ))}
      </ul>
      {shown.length === names.length ? null : (
        <button type="button" className="link mt-1.5 min-h-6" onClick={() => setAll(true)}>
          Show all {names.length.toLocaleString('en')}
        </button>
      )}
    </Part>
  );
}
