import Link from 'next/link';
import type { ReactNode } from 'react';
import { formatMark, type PacketRow, packetAfter, valueAsSent } from '@/lib/explain/trace-packet';
import type { NumberedStep } from '@/lib/explain/trace-steps';
import { unmeasuredOf } from '@/lib/explain/unmeasured';
import { branchSentence, hostPort } from '@/lib/explain/verdict-sentence';
import { formatAddress } from '@/lib/net/address';
import type { Branch, CtView } from '@/lib/sim/trace';
import type { CtTuple } from '@/lib/world/world';
import { Policies } from '../policies/policies';
import { CopyButton } from '../shell/copy';
import { Badge } from '../ui/badge';
import { cx } from '../ui/cx';
import { OwnerTag } from '../ui/owner-tag';
import { PanelSection } from '../ui/panel';
import { objectName } from './answer-names';
import { ruleHref } from './links';
import { LookupLine } from './lookup-line';
import { ownerName } from './owner-name';
import { RuleWords } from './rule-words';
import { seeCommands } from './see-commands';
import { ReasonCard } from './step-cards';
import { ownerOf, ruleOf, type TraceModel } from './trace-model';

/** The id of what NetworkPolicies ask. */
const POLICIES = 'trace-policies';

export interface InspectorProps {
  readonly model: TraceModel;
  /** The packet is shown beside what was sent. */
  readonly compare: boolean;
  readonly onCompare: () => void;
}

/** The packet after the chosen step, its connection, the rule in words, and what was taken for granted; a loss begins with its cause. */
export function Inspector({ model, compare, onCompare }: InspectorProps) {
  const { branch, entry } = model;
  return entry?.ends === 'lost' ? (
    <div>
      <Cause entry={entry} model={model} />
      <Packet model={model} compare={compare} onCompare={onCompare} />
      <Assumed branch={branch} />
      <NotMeasured branch={branch} />
      <AskedByPolicies model={model} />
    </div>
  ) : (
    <div>
      <Packet model={model} compare={compare} onCompare={onCompare} />
      <RuleSection model={model} />
      {branch.outcome.kind === 'undecided' && entry?.ends !== 'undecided' ? (
        <PanelSection title="What would settle it">
          <div className="flex flex-col gap-2">
            {branch.outcome.reasons.map((reason) => (
              <ReasonCard key={reason.code + reason.say} reason={reason} />
            ))}
          </div>
        </PanelSection>
      ) : null}
      <Assumed branch={branch} />
      <NotMeasured branch={branch} />
      <AskedByPolicies model={model} />
    </div>
  );
}

/** Why the packet was lost: the sentence, the element that led there, the rule, and how to see it on the node. */
function Cause({ entry, model }: { readonly entry: NumberedStep; readonly model: TraceModel }) {
  const { branch, leg, names, trace } = model;
  const led = leg.steps
    .flatMap(({ step, chain }) => (step.kind === 'rule' && chain === entry.chain ? step.lookups : []))
    .findLast((lookup) => lookup.name !== undefined && lookup.hit?.data !== undefined);
  return (
    <>
      <Heading title="The cause" note={<Badge tone="lost">ends here</Badge>} />
      <PanelSection>
        {led === undefined ? (
          <p className="text-prose">
            {leg.skb === 0 ? branchSentence(branch, trace, names) : 'This packet is lost too.'}
          </p>
        ) : (
          <>
            <p className="text-prose">
              An element of <code className="text-code text-name">@{led.name}</code> led here:
            </p>
            <LookupLine lookup={led} />
          </>
        )}
      </PanelSection>
      <RuleSection model={model} />
      <PanelSection title="See it yourself">
        {seeCommands(entry, model).map((command) => (
          <div
            key={command}
            className="mb-1.5 flex items-center gap-2 rounded-control border border-line bg-sunken px-2.5 py-1"
          >
            <code className="min-w-0 flex-1 text-code [overflow-wrap:anywhere]">{command}</code>
            <CopyButton what="command" text={() => command} />
          </div>
        ))}
      </PanelSection>
      <div className="border-line border-t" />
    </>
  );
}

function Packet({ model, compare, onCompare }: InspectorProps) {
  const { answer, branch, leg, number, sent, entry } = model;
  const state = packetAfter(branch, leg, number, sent, answer.packet.iif);
  return (
    <>
      <Heading
        title={number === 0 ? 'Packet as it came' : `Packet after step ${number}`}
        note={
          <span className="flex items-center gap-2">
            {entry?.ends === 'undecided' ? <Badge tone="unknown">not known</Badge> : null}
            {number === 0 ? null : (
              <button
                type="button"
                aria-pressed={compare}
                onClick={onCompare}
                className={cx(
                  'min-h-6 whitespace-nowrap rounded-control px-2 text-label',
                  compare ? 'bg-ink text-surface' : 'bg-sunken text-ink-2 hover:text-ink',
                )}
              >
                compare with sent
              </button>
            )}
          </span>
        }
      />
      <PanelSection>
        {compare && number > 0 ? (
          <Compared sent={packetAfter(branch, leg, 0, sent, answer.packet.iif).rows} now={state.rows} />
        ) : (
          <dl className="grid grid-cols-[88px_1fr] font-mono text-code">
            {state.rows.map((row) => (
              <FieldRow key={`${row.field} ${number}`} row={row} />
            ))}
          </dl>
        )}
      </PanelSection>
      {state.ct === undefined ? null : <Connection ct={state.ct} />}
    </>
  );
}

function Heading({ title, note }: { readonly title: string; readonly note: ReactNode }) {
  return (
    <div className="flex items-center justify-between gap-2 px-4 pt-2.5 pb-1">
      <h2 className="font-[640]">{title}</h2>
      {note}
    </div>
  );
}

function Assumed({ branch }: { readonly branch: Branch }) {
  if (branch.assumptions.length === 0) return null;
  return (
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
  );
}

function AskedByPolicies({ model }: { readonly model: TraceModel }) {
  const { policies } = model.answer;
  return policies === null ? null : (
    <PanelSection title={<span id={POLICIES}>NetworkPolicies</span>}>
      <Policies view={policies} />
    </PanelSection>
  );
}

function NotMeasured({ branch }: { readonly branch: Branch }) {
  const notes = unmeasuredOf(branch.steps);
  if (notes.length === 0) return null;
  return (
    <PanelSection title="Not measured against a kernel">
      <ul className="flex flex-col gap-1 text-ink-2 text-prose">
        {notes.map(({ code, say }) => (
          <li key={code}>{say}</li>
        ))}
      </ul>
    </PanelSection>
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

/** The packet as it was sent against the packet now, field by field. */
function Compared({ sent, now }: { readonly sent: readonly PacketRow[]; readonly now: readonly PacketRow[] }) {
  const before = new Map(sent.map((row) => [row.field, row]));
  return (
    <table className="w-full table-fixed text-left font-mono text-code">
      <caption className="sr-only">The packet as sent and now</caption>
      <thead>
        <tr className="font-sans text-ink-2 text-label">
          <th scope="col" className="w-[88px] font-[550]">
            Field
          </th>
          <th scope="col" className="font-[550]">
            as sent
          </th>
          <th scope="col" className="font-[550]">
            now
          </th>
        </tr>
      </thead>
      <tbody>
        {now.map((row) => {
          const old = before.get(row.field);
          const was = valueAsSent(row) ?? old?.value ?? '';
          const differs = was !== row.value && was !== '';
          return (
            <tr key={row.field} className="align-top [&>*]:pr-2 [&>*]:[overflow-wrap:anywhere]">
              <th scope="row" className="font-normal text-ink-2">
                {row.field}
              </th>
              <td>{was === '' ? <Missing row={old ?? row} /> : differs ? <s className="text-ink-3">{was}</s> : was}</td>
              <td>
                {row.value === '' ? (
                  <Missing row={row} />
                ) : (
                  <span className={differs ? 'rounded-mark bg-write-ground px-1 font-[640] text-write' : undefined}>
                    {row.value}
                  </span>
                )}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

/** What stands in the place of a value that there is not. */
const Missing = ({ row }: { readonly row: PacketRow }) => (
  <span className="text-ink-2">{row.value === '' ? (row.note ?? 'none') : 'none'}</span>
);

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
