'use client';

import Link from 'next/link';
import { type ReactNode, useMemo } from 'react';
import type { NodeOverview, ObjectView, RuleView, SearchView, TableOverview } from '@/lib/api/types';
import type { Token } from '@/lib/render/tokens';
import type { NodeRef } from '../hooks/node-path';
import { serviceHref } from '../service/service-href';
import { STRINGS } from '../strings';
import { Chip } from '../ui/chip';
import { cx } from '../ui/cx';
import { Code } from '../ui/rule-line';
import type { Arrived, Line } from './lines-model';
import { objectKind, objectName } from './object-words';
import { type RulesetLinks, usesWords } from './ruleset-links';
import { hitTokens, holdsWords, type SearchHits } from './search-hits';

interface LineViewProps {
  readonly line: Line;
  /** `ip kube-proxy` */
  readonly table: string;
  readonly overview: NodeOverview;
  readonly tableOverview: TableOverview;
  readonly arrived: Arrived;
  readonly links: RulesetLinks;
  readonly hits: SearchHits;
  readonly search: SearchView | undefined;
  readonly selected: boolean;
  /** The line that holds the place of the keyboard. */
  readonly active: boolean;
  readonly onChoose: (chain: string, rule: number | null) => void;
}

export function LineView(props: LineViewProps) {
  const { line, table, links, active, selected } = props;
  const tabIndex = active ? 0 : -1;
  switch (line.kind) {
    case 'blank':
      return <div className="h-[21px]" />;
    case 'end':
      return <PlainLine indent={line.indent}>{'}'}</PlainLine>;
    case 'text':
      return (
        <PlainLine indent={line.indent}>
          <Code tokens={line.tokens} hrefOf={links.ref(table)} linkTabIndex={tabIndex} />
        </PlainLine>
      );
    case 'table':
      return (
        <PlainLine
          indent={0}
          handle={props.tableOverview.handle}
          aside={ownerWords(props.overview, props.tableOverview)}
        >
          <span className="text-ink-3">table {props.tableOverview.family}</span>{' '}
          <span className="font-[560]">{props.tableOverview.name}</span> {'{'}
        </PlainLine>
      );
    case 'set': {
      const { set } = line;
      const found = props.hits.set(table, set.name);
      return (
        <HeadLine
          {...props}
          handle={set.handle}
          label={`${set.kind} ${set.name}`}
          href={links.set(table, set.name)}
          tokens={set.header}
          object={set.object}
          aside={
            found > 0 ? (
              <Found>{found === 1 ? '1 place found' : `${found} places found`}</Found>
            ) : (
              usesWords(set.usedBy, set.usedByCount)
            )
          }
        />
      );
    }
    case 'elements':
      return (
        <PlainLine indent={2}>
          <span className="text-ink-3">elements = {'{ '}</span>
          <Link href={links.set(table, line.set.name)} tabIndex={tabIndex} className="link text-name">
            {line.set.count.toLocaleString('en')} elements
          </Link>
          <span className="text-ink-3"> {'}'}</span>
        </PlainLine>
      );
    case 'stateful':
      return (
        <HeadLine
          {...props}
          handle={line.object.handle}
          label={`${line.object.kind} ${line.object.name}`}
          href={undefined}
          tokens={line.object.lines[0] ?? []}
          object={null}
          aside={usesWords(line.object.usedBy, line.object.usedBy.length)}
        />
      );
    case 'chain': {
      const view = props.arrived.chain(line.chain.name);
      const found = props.hits.chain(table, line.chain.name);
      return (
        <HeadLine
          {...props}
          handle={line.chain.handle}
          label={`chain ${line.chain.name}`}
          href={links.chain(table, line.chain.name)}
          tokens={view?.header ?? chainHeader(line.chain.name)}
          found={found}
          object={view?.object ?? line.chain.object}
          aside={view === undefined ? '' : usesWords(view.usedBy, view.usedByCount)}
        />
      );
    }
    case 'declaration': {
      const tokens = props.arrived.chain(line.chain.name)?.declaration[line.index];
      return <PlainLine indent={2}>{tokens === undefined ? <Awaited /> : <Code tokens={tokens} />}</PlainLine>;
    }
    case 'rule':
      return <RuleRow {...props} rule={props.arrived.rule(line.chain.name, line.index)} selected={selected} />;
  }
}

/** A line that has been asked for. It keeps the height of one, and never moves. */
const Awaited = () => <span className="text-ink-3">…</span>;

const chainHeader = (name: string): readonly Token[] => [
  { kind: 'keyword', text: 'chain ', statement: -1 },
  { kind: 'name', text: name, statement: -1 },
  { kind: 'punctuation', text: ' {', statement: -1 },
];

function ownerWords(overview: NodeOverview, table: TableOverview): string {
  const version = table.owner.key === 'kp' ? overview.versions.kubeProxy : null;
  return version === null ? table.owner.name : `${table.owner.name} ${version}`;
}

const INDENT = ['pl-0', 'pl-[2ch]', 'pl-[4ch]', 'pl-[6ch]', 'pl-[8ch]'] as const;

const ASIDE = ['', 'max-xl:pl-[15px]', 'max-xl:pl-[30px]', 'max-xl:pl-[30px]', 'max-xl:pl-[30px]'] as const;

/** The frame of every line: handle at the left, text, at the right what it touches. */
function Frame({
  handle,
  indent,
  aside,
  selected = false,
  children,
}: {
  readonly handle?: ReactNode;
  readonly indent: number;
  readonly aside?: ReactNode;
  readonly selected?: boolean;
  readonly children: ReactNode;
}) {
  return (
    <div
      className={cx(
        'flex gap-2 pr-3 pl-1 text-ruleset md:gap-3 md:pr-4 md:pl-2',
        selected && 'bg-marker-row shadow-[inset_3px_0_0_var(--marker-edge)]',
      )}
    >
      <span className="w-8 shrink-0 select-none text-right font-mono text-[11px] text-ink-3 md:w-9">{handle}</span>
      {/* Where there is no room at the right, what a line touches stands below it. */}
      <span className="flex min-w-0 flex-1 flex-col xl:flex-row xl:gap-3">
        <code className={cx('block min-w-0 flex-1 font-mono', INDENT[indent])}>
          <span className="hang block">{children}</span>
        </code>
        {aside === undefined || aside === '' ? null : (
          <span className={cx('shrink-0 text-[11.5px] text-ink-2 xl:max-w-[40%] xl:pl-2 xl:text-right', ASIDE[indent])}>
            {aside}
          </span>
        )}
      </span>
    </div>
  );
}

const PlainLine = ({
  indent,
  handle,
  aside,
  children,
}: {
  readonly indent: number;
  readonly handle?: number;
  readonly aside?: ReactNode;
  readonly children: ReactNode;
}) => (
  <Frame indent={indent} handle={handle} aside={aside}>
    {children}
  </Frame>
);

const Found = ({ children }: { readonly children: ReactNode }) => (
  <mark className="rounded-mark bg-marker-hit px-1 text-ink">{children}</mark>
);

interface HeadLineProps extends LineViewProps {
  readonly handle: number;
  readonly label: string;
  readonly href: string | undefined;
  readonly tokens: readonly Token[];
  readonly found?: readonly string[] | undefined;
  readonly object: ObjectView | null;
  readonly aside: ReactNode;
}

/** The first line of a chain, a set or an object: its handle is the button that chooses it. */
function HeadLine({
  line,
  handle,
  label,
  href,
  tokens,
  found,
  object,
  aside,
  selected,
  active,
  onChoose,
}: HeadLineProps) {
  const hits = useMemo(() => (found === undefined ? undefined : hitTokens(tokens, found)), [tokens, found]);
  const tabIndex = active ? 0 : -1;
  const isChain = line.kind === 'chain';
  return (
    <Frame
      indent={1}
      selected={selected}
      handle={
        isChain ? (
          <HandleButton
            handle={handle}
            label={label}
            selected={selected}
            tabIndex={tabIndex}
            onClick={() => onChoose(line.chain.name, null)}
          />
        ) : href === undefined ? (
          handle
        ) : (
          <Link href={href} tabIndex={tabIndex} aria-label={label} className="hover:underline">
            {handle}
          </Link>
        )
      }
      aside={object === null ? aside : <ObjectChip object={object} />}
    >
      <Code tokens={tokens} hits={hits} />
    </Frame>
  );
}

/** @param place of the link to a Service's view; without it the chip is text */
export const ObjectChip = ({ object, place }: { readonly object: ObjectView; readonly place?: NodeRef }) => (
  <Chip
    kind={objectKind(object)}
    name={objectName(object)}
    href={place === undefined ? undefined : serviceHref(object, place)}
  />
);

function HandleButton({
  handle,
  label,
  selected,
  tabIndex,
  onClick,
}: {
  readonly handle: number | undefined;
  readonly label: string;
  readonly selected: boolean;
  readonly tabIndex: number;
  readonly onClick: () => void;
}) {
  return (
    <button
      type="button"
      aria-label={label}
      aria-pressed={selected}
      tabIndex={tabIndex}
      onClick={onClick}
      className={cx('font-mono text-[11px]', selected ? 'font-[700] text-ink' : 'text-ink-3')}
    >
      {handle ?? '…'}
    </button>
  );
}

/** A rule, or its place while it is on its way: the button stays the same one, so that the focus does. */
function RuleRow({
  rule,
  table,
  links,
  hits,
  search,
  selected,
  active,
  onChoose,
}: LineViewProps & { readonly rule: RuleView | undefined }) {
  const found = rule === undefined ? undefined : hits.rule(table, rule.at.handle);
  const marked = useMemo(
    () => (found === undefined || rule === undefined ? undefined : hitTokens(rule.tokens, found)),
    [rule, found],
  );
  const hrefOf = useMemo(() => links.ref(table), [links, table]);
  const holds = found === undefined ? undefined : holdsWords(search, found);
  const choose = (): void => {
    if (rule !== undefined) onChoose(rule.at.chain, rule.at.handle);
  };
  return (
    // A click anywhere on the line chooses the rule; for the keyboard its handle is the button.
    // biome-ignore lint/a11y/useKeyWithClickEvents: the button in the line does the same
    // biome-ignore lint/a11y/noStaticElementInteractions: the button in the line does the same
    <div
      className="cursor-pointer hover:bg-bg"
      onClick={(event) => {
        const selecting = window.getSelection()?.isCollapsed === false;
        const onLink = event.target instanceof Element && event.target.closest('a, button') !== null;
        if (!selecting && !onLink) choose();
      }}
    >
      <Frame
        indent={2}
        selected={selected}
        handle={
          <HandleButton
            handle={rule?.at.handle}
            label={rule === undefined ? STRINGS.awaitedRule : STRINGS.rule(rule.at.handle)}
            selected={selected}
            tabIndex={active ? 0 : -1}
            onClick={choose}
          />
        }
        aside={holds === undefined ? rule === undefined ? '' : touches(rule) : <Found>{holds}</Found>}
      >
        {rule === undefined ? (
          <Awaited />
        ) : (
          <Code tokens={rule.tokens} hrefOf={hrefOf} hits={marked} linkTabIndex={active ? 0 : -1} />
        )}
      </Frame>
    </div>
  );
}

/** What the rule touches: the elements of the map it asks, or the object it leads to. */
function touches(rule: RuleView): ReactNode {
  const [set] = rule.usedSets.toReversed();
  if (set !== undefined) {
    return `${set.count.toLocaleString('en')} ${set.count === 1 ? 'element' : 'elements'}`;
  }
  return rule.object === null ? '' : <ObjectChip object={rule.object} />;
}
