import Link from 'next/link';
import type { ReactNode } from 'react';
import { formatMark, type PacketRow, packetAfter } from '@/lib/explain/trace-packet';
import { hostPort } from '@/lib/explain/verdict-sentence';
import { formatAddress } from '@/lib/net/address';
import type { CtView } from '@/lib/sim/trace';
import type { CtTuple } from '@/lib/world/world';
import { CopyButton } from '../shell/copy';
import { Badge } from '../ui/badge';
import { cx } from '../ui/cx';
import { OwnerTag } from '../ui/owner-tag';
import { PanelSection } from '../ui/panel';
import { objectName } from './answer-names';
import { ruleHref } from './links';
import { ownerName } from './owner-name';
import { RuleWords } from './rule-words';
import { seeCommands } from './see-commands';
import { ReasonCard } from './step-cards';
import { ownerOf, ruleOf, type TraceModel } from './trace-model';

/** The packet after the chosen step, its connection, the rule in words, and what was taken for granted. */
export function Inspector({ model }: { readonly model: TraceModel }) {
  const { answer, branch, leg, number, sent, entry } = model;
  const state = packetAfter(branch, leg, number, sent, answer.packet.iif);
  const commands = entry?.ends === 'lost' ? seeCommands(entry, model) : [];
  return (
    <div>
      <div className="flex items-center justify-between gap-2 px-4 pt-2.5 pb-1">
        <h2 className="font-[640]">{number === 0 ? 'Packet as it came' : `Packet after step ${number}`}</h2>
        {entry?.ends === undefined ? null : (
          <Badge tone={entry.ends === 'lost' ? 'lost' : 'unknown'}>
            {entry.ends === 'lost' ? 'ends here' : 'not known'}
          </Badge>
        )}
      </div>
      <PanelSection>
        <dl className="grid grid-cols-[88px_1fr] font-mono text-code">
          {state.rows.map((row) => (
            <FieldRow key={`${row.field} ${number}`} row={row} />
          ))}
        </dl>
      </PanelSection>
      {state.ct === undefined ? null : <Connection ct={state.ct} />}
      <RuleSection model={model} />
      {commands.length === 0 ? null : (
        <PanelSection title="See it yourself">
          {commands.map((command) => (
            <div
              key={command}
              className="mb-1.5 flex items-center gap-2 rounded-control border border-line bg-sunken px-2.5 py-1"
            >
              <code className="min-w-0 flex-1 text-code [overflow-wrap:anywhere]">{command}</code>
              <CopyButton what="command" text={() => command} />
            </div>
          ))}
        </PanelSection>
      )}
      {branch.outcome.kind === 'undecided' && entry?.ends !== 'undecided' ? (
        <PanelSection title="What would settle it">
          <div className="flex flex-col gap-2">
            {branch.outcome.reasons.map((reason) => (
              <ReasonCard key={reason.code + reason.say} reason={reason} />
            ))}
          </div>
        </PanelSection>
      ) : null}
      {branch.assumptions.length === 0 ? null : (
        <PanelSection title="Assumed">
          <ul id="trace-assumptions" className="flex flex-col gap-1.5">
            {branch.assumptions.map((assumption) => (
              <li
                key={assumption.code + assumption.say}
                className="rounded-card border-2 border-line-strong border-dashed bg-surface px-2.5 py-1.5 text-prose"
              >
                {assumption.say}
              </li>
            ))}
          </ul>
        </PanelSection>
      )}
    </div>
  );
}

function FieldRow({ row }: { readonly row: PacketRow }) {
  return (
    <div className="col-span-2 grid grid-cols-subgrid">
      <dt className="text-ink-2">{row.field}</dt>
      <dd className="[overflow-wrap:anywhere]">
        <span
          className={cx(
            row.was !== undefined && 'rounded-mark bg-write-ground px-1 font-[640] text-write',
            row.changed && 'animate-flash',
          )}
        >
          {row.value}
        </span>
        {row.note === undefined ? null : <span className="text-ink-2"> {row.note}</span>}
        {row.was === undefined ? null : <span className="text-ink-2"> was {row.was}</span>}
      </dd>
    </div>
  );
}

/** The kernel's status bits that say something of the packet, in nft's words. */
const STATUS: Readonly<Record<string, string>> = {
  'dst-nat': 'dnat',
  'src-nat': 'snat',
  dnat: 'dnat',
  snat: 'snat',
  'seen-reply': 'seen-reply',
  assured: 'assured',
  expected: 'expected',
  dying: 'dying',
};

function Connection({ ct }: { readonly ct: CtView }) {
  const { entry } = ct;
  const status = (ct.status ?? []).flatMap((word) => STATUS[word] ?? []);
  const translated = status.some((word) => word === 'dnat' || word === 'snat');
  return (
    <PanelSection
      title={
        <span className="flex items-center gap-2">
          conntrack{' '}
          <Badge>
            {[ct.state, ct.direction === 'reply' ? 'reply' : '', ct.state === 'new' ? 'unconfirmed' : '']
              .filter((w) => w !== '')
              .join(', ')}
          </Badge>
        </span>
      }
    >
      {entry === undefined ? (
        <p className="text-ink-2 text-prose">
          {ct.state === 'untracked'
            ? 'not tracked'
            : ct.state === 'invalid'
              ? 'no entry: invalid'
              : 'not translated so far'}
        </p>
      ) : (
        <dl className="grid grid-cols-[88px_1fr] font-mono text-code">
          {status.length === 0 ? null : (
            <Pair
              term="ct status"
              value={
                <span className={translated ? 'rounded-mark bg-write-ground px-1 font-[640] text-write' : undefined}>
                  {status.join(',')}
                </span>
              }
            />
          )}
          <Pair term="original" value={<Tuple tuple={entry.original} />} />
          <Pair term="reply" value={<Tuple tuple={entry.reply} translated={translated} />} />
          {(ct.mark ?? entry.mark) === 0 ? null : <Pair term="ct mark" value={formatMark(ct.mark ?? entry.mark)} />}
          {(ct.zone ?? entry.zone) === 0 ? null : <Pair term="ct zone" value={ct.zone ?? entry.zone} />}
        </dl>
      )}
    </PanelSection>
  );
}

function Pair({ term, value }: { readonly term: string; readonly value: ReactNode }) {
  return (
    <div className="col-span-2 grid grid-cols-subgrid">
      <dt className="text-ink-2">{term}</dt>
      <dd className="[overflow-wrap:anywhere]">{value}</dd>
    </div>
  );
}

function Tuple({ tuple, translated = false }: { readonly tuple: CtTuple; readonly translated?: boolean }) {
  return (
    <>
      <span className={translated ? 'rounded-mark bg-write-ground px-1 font-[640] text-write' : undefined}>
        {hostPort(formatAddress(tuple.src), tuple.sport)}
      </span>
      <span className="block">
        <span aria-hidden="true" className="text-ink-2">
          →{' '}
        </span>
        <span className="sr-only">to </span>
        {hostPort(formatAddress(tuple.dst), tuple.dport)}
      </span>
    </>
  );
}

/** The chosen rule in words, and who wrote it. */
function RuleSection({ model }: { readonly model: TraceModel }) {
  const { entry, answer } = model;
  const step = entry?.step;
  const at = step?.kind === 'rule' ? step.at : step?.kind === 'undecided' ? step.reasons[0]?.at : undefined;
  if (at === undefined) return null;
  const owner = ownerOf(model, at);
  const object = ruleOf(answer, at)?.object;
  return (
    <PanelSection title="In words">
      <RuleWords model={model} at={at} />
      <p className="mt-1.5 flex flex-wrap items-center gap-1.5 text-[12px] text-ink-2">
        written by <OwnerTag owner={owner?.key ?? 'ot'} /> <span className="text-ink">{ownerName(owner)}</span>
        {object === null || object === undefined ? null : <> for {objectName(object)}</>}
        <Link className="link ml-auto font-mono" href={ruleHref(answer, at)}>
          {at.chain.length > 24 ? 'rule' : at.chain} #{at.handle}
        </Link>
      </p>
    </PanelSection>
  );
}
