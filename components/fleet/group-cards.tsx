'use client';

import Link from 'next/link';
import type { FleetView } from '@/lib/api/fleet-view';
import type { Difference } from '@/lib/fleet/differences';
import type { OwnerShare } from '@/lib/fleet/fleet-node';
import type { FleetGroup } from '@/lib/fleet/groups';
import { viewHref } from '../shell/views';
import { Badge } from '../ui/badge';
import { cx } from '../ui/cx';
import { OwnerTag } from '../ui/owner-tag';
import { namesInWords } from './fleet-words';
import { GroupMark } from './group-mark';
import { lettersOf } from './owner-shares';

/** Differences of one group that are shown at once. */
const SHOWN = 6;

/** The groups of equal rulesets, and what makes the smaller ones odd. */
export function GroupCards({ view }: { readonly view: FleetView }) {
  const owners = new Map(
    view.rows.flatMap(({ owners }) => owners.flatMap((share) => share.tables.map((table) => [table, share] as const))),
  );
  return (
    <div className="grid grid-cols-[repeat(auto-fill,minmax(min(100%,300px),1fr))] gap-3">
      {view.groups.map((group) => (
        <GroupCard
          key={group.label}
          group={group}
          alone={view.groups.length === 1}
          source={view.source}
          owners={owners}
        />
      ))}
    </div>
  );
}

interface CardProps {
  readonly group: FleetGroup;
  /** There is no other group. */
  readonly alone: boolean;
  readonly source: string;
  readonly owners: ReadonlyMap<string, OwnerShare>;
}

function GroupCard({ group, alone, source, owners }: CardProps) {
  const { label, nodes, differences } = group;
  const [first] = nodes;
  return (
    <section
      aria-label={`Group ${label}`}
      className={cx('min-w-0 rounded-card border bg-surface px-3 py-2.5', label === 'A' ? 'border-line' : 'border-ink')}
    >
      <div className="flex items-center gap-2">
        <GroupMark label={label} />
        <h3 className="min-w-0 break-words font-[640]">{namesInWords(nodes)}</h3>
        <span className="ml-auto">
          <Badge>
            {nodes.length} {nodes.length === 1 ? 'node' : 'nodes'}
          </Badge>
        </span>
      </div>
      {label === 'A' ? (
        <p className="mt-1.5 text-ink-2 text-prose">
          {alone ? 'None of these: their rulesets are equal.' : 'What the others are compared with.'}
        </p>
      ) : (
        <ul className="mt-1.5 flex flex-col gap-1.5">
          {differences.slice(0, SHOWN).map((difference) => (
            <DifferenceItem
              key={`${difference.kind} ${difference.table} ${difference.name}`}
              difference={difference}
              owner={owners.get(difference.table)}
              href={first === undefined ? undefined : placeOf(difference, source, first)}
            />
          ))}
          {differences.length <= SHOWN ? null : (
            <li className="text-ink-2 text-prose">and {differences.length - SHOWN} more differences</li>
          )}
        </ul>
      )}
    </section>
  );
}

/** Where the difference can be seen; nothing on this node where it lacks the thing. */
function placeOf({ sign, kind, table, name }: Difference, source: string, node: string): string | undefined {
  if (table === '' || sign === 'less') return undefined;
  const at = kind === 'chain' ? { chain: name } : kind === 'set' || kind === 'map' ? { set: name } : {};
  return viewHref('/ruleset', { source, node, table, ...at });
}

interface ItemProps {
  readonly difference: Difference;
  readonly owner: OwnerShare | undefined;
  readonly href: string | undefined;
}

function DifferenceItem({ difference, owner, href }: ItemProps) {
  const { sign, say, lines, count, table, kind } = difference;
  const text = kind === 'table' || table === '' ? say : `${table}: ${say}`;
  return (
    <li className="min-w-0 text-prose">
      <span className="flex items-baseline gap-1.5">
        <span aria-hidden="true" className="w-2.5 shrink-0 font-mono text-ink-2">
          {sign === 'more' ? '+' : sign === 'less' ? '−' : '≠'}
        </span>
        {owner === undefined ? null : <OwnerTag owner={owner.key} letters={lettersOf(owner.name)} name={owner.name} />}
        {href === undefined ? (
          <span className="min-w-0 break-words">{text}</span>
        ) : (
          <Link href={href} className="link min-w-0 break-words text-ink">
            {text}
          </Link>
        )}
      </span>
      {lines.length === 0 ? null : (
        <details className="ml-4">
          <summary className="cursor-pointer text-ink-2">{count === 1 ? 'the line' : `${count} lines`}</summary>
          <ul className="mt-1 flex flex-col gap-0.5">
            {lines.map((line) => (
              <li key={`${line.sign} ${line.text}`} className="break-words font-mono text-[11.5px] leading-4">
                <span className="text-ink-2">{line.sign === 'more' ? '+ ' : '− '}</span>
                <span className="sr-only">{line.sign === 'more' ? 'only here: ' : 'missing here: '}</span>
                {line.text}
              </li>
            ))}
            {lines.length < count ? <li className="text-ink-2">and {count - lines.length} more</li> : null}
          </ul>
        </details>
      )}
    </li>
  );
}
