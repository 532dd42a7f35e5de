import type { ReactNode } from 'react';
import type { ObjectView } from '@/lib/api/types';
import { packetTitle } from '@/lib/explain/generated-packet';
import { serviceOfChain } from '@/lib/explain/trace-names';
import type { NumberedStep } from '@/lib/explain/trace-steps';
import { fraction } from '@/lib/explain/words';
import type { FieldDiff, Reason } from '@/lib/sim/trace';
import { serviceHref } from '../service/service-href';
import { Chip } from '../ui/chip';
import { cx } from '../ui/cx';
import { Kbd } from '../ui/kbd';
import { OBJECT_KIND, objectName } from './answer-names';
import { ownerOf, ruleOf, type TraceModel } from './trace-model';

/** What the chosen step chose, wrote, sent back, and the objects it stands for. */
export function StepCards({ entry, model }: { readonly entry: NumberedStep; readonly model: TraceModel }) {
  const { step, writes } = entry;
  const choices = step.kind === 'rule' ? step.choices : [];
  const objects = objectsOf(entry, model);
  const answer =
    entry.ends === 'lost' ? model.legs.find((leg) => leg.generated?.because === model.leg.skb)?.generated : undefined;
  const reasons = step.kind === 'undecided' ? step.reasons : [];
  if (choices.length + writes.length + reasons.length + objects.length === 0 && answer === undefined) return null;
  const tone = entry.ends === 'lost' ? 'border-lost/40' : 'border-marker-edge/50';
  return (
    <div className="flex flex-wrap gap-2 pt-1.5 pb-1">
      {choices.map((choice) => (
        <Card key={choice.what} title="Choice" tone={tone}>
          <p className="font-mono text-code">
            {choice.what} = <strong className="font-[700]">{choice.value}</strong>
          </p>
          <p className="flex items-center gap-1 text-[12px] text-ink-2">
            {fraction(choice.probability)} each
            {model.trace.branches.length > 1 ? (
              <>
                , <Kbd>[</Kbd> <Kbd>]</Kbd> other branches
              </>
            ) : null}
          </p>
        </Card>
      ))}
      {writes.length === 0 ? null : (
        <Card title="Writes" tone={tone} grow>
          <Diffs diffs={writes} />
        </Card>
      )}
      {answer === undefined ? null : (
        <Card title="Sends back" tone={tone} grow>
          <p className="font-mono text-code">
            <span className="text-read">{answer.packet.saddr}</span>
            <span aria-hidden="true"> → </span>
            <span className="sr-only"> to </span>
            <span className="text-read">{answer.packet.daddr}</span>{' '}
            <span className="rounded-mark bg-write-ground px-1 font-[640] text-write">
              {packetTitle(answer.packet, answer.what)}
            </span>
          </p>
          <p className="text-[12px] text-ink-2">
            the packet itself is dropped{entry.chain?.ct?.state === 'new' ? '; no connection entry stays' : ''}
          </p>
        </Card>
      )}
      {reasons.map((reason) => (
        <ReasonCard key={reason.code + reason.say} reason={reason} />
      ))}
      {objects.length === 0 ? null : (
        <Card title="Because of" tone={tone} grow>
          <span className="flex flex-wrap gap-1.5">
            {objects.map((object) => (
              <Chip
                key={`${object.kind} ${objectName(object)}`}
                kind={OBJECT_KIND[object.kind]}
                name={objectName(object)}
                href={serviceHref(object, { source: model.answer.source.id, node: model.answer.node })}
              />
            ))}
          </span>
        </Card>
      )}
    </div>
  );
}

/** Before struck, after plum. */
export function Diffs({ diffs }: { readonly diffs: readonly FieldDiff[] }) {
  return (
    <dl className="grid grid-cols-[auto_1fr] gap-x-4 font-mono text-code">
      {diffs.map((diff) => (
        <div key={diff.field} className="col-span-2 grid grid-cols-subgrid">
          <dt className="text-ink-2">{diff.field}</dt>
          <dd className="[overflow-wrap:anywhere]">
            <s className="text-ink-2">{diff.before}</s>
            <span className="sr-only"> becomes </span>
            <span aria-hidden="true"> → </span>
            <span className="rounded-mark bg-write-ground px-1 font-[640] text-write">{diff.after}</span>
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** Why it cannot be known, and what would settle it. */
export function ReasonCard({ reason }: { readonly reason: Reason }) {
  return (
    <div className="w-full rounded-card border-2 border-line-strong border-dashed bg-surface px-3 py-2">
      <p>{reason.say}</p>
      <p className="mt-0.5 text-ink-2">
        <strong className="font-[640] text-ink">To settle it: </strong>
        {reason.settle}
      </p>
    </div>
  );
}

function Card({
  title,
  tone,
  grow = false,
  children,
}: {
  readonly title: string;
  readonly tone: string;
  readonly grow?: boolean;
  readonly children: ReactNode;
}) {
  return (
    <div
      className={cx(
        'min-w-[200px] max-w-full rounded-card border bg-surface px-3 py-2',
        tone,
        grow && 'flex-1 max-md:w-full',
      )}
    >
      <h4 className="pb-0.5 text-label text-ink-2">{title}</h4>
      {children}
    </div>
  );
}

/**
 * The Service that a step of kube-proxy's stands for, named by its chain or by the map element that led here, and what else the
 * rules of this chain evaluation lead to. Each once.
 */
function objectsOf({ step, number }: NumberedStep, model: TraceModel): readonly ObjectView[] {
  if (step.kind !== 'rule') return [];
  const { answer, leg, names, trace } = model;
  const before = leg.steps.slice(0, number);
  const objects = before.flatMap((entry) => {
    const other = entry.step;
    if (other.kind !== 'rule' || other.traversal !== step.traversal) return [];
    return ruleOf(answer, other.at)?.object ?? [];
  });
  const byMap = before.some(
    ({ step: other }) =>
      other.kind === 'rule' &&
      other.traversal === step.traversal &&
      other.lookups.some((lookup) => lookup.name !== undefined && lookup.hit?.data !== undefined),
  );
  if (ownerOf(model, step.at)?.key === 'kp') {
    const { daddr = '', dport, protocol } = trace.packet;
    const port = typeof dport === 'number' ? dport : undefined;
    const asked = byMap ? names.service(daddr, protocol === undefined ? undefined : String(protocol), port) : undefined;
    const name = asked?.service ?? serviceOfChain(step.at.chain);
    const [namespace, service] = name?.split('/') ?? [];
    if (namespace !== undefined && service !== undefined) {
      objects.push({ kind: 'service', namespace, name: service, port: asked?.port ?? null });
    }
  }
  return [...new Map(objects.map((object) => [`${object.kind} ${object.namespace}/${object.name}`, object])).values()];
}
