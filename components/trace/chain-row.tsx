import type { ChainStep } from '@/lib/sim/trace';
import { Badge } from '../ui/badge';
import { ChainName } from '../ui/chain-name';
import { OwnerTag } from '../ui/owner-tag';
import { ownerOf, type TraceModel } from './trace-model';

/** A base chain begins: who owns it, its name, its type and where in the order of the hook it stands. */
export function ChainRow({ step, model }: { readonly step: ChainStep; readonly model: TraceModel }) {
  const owner = ownerOf(model, step);
  const prio = model.prioText(step);
  return (
    <h4 className="flex flex-wrap items-center gap-x-2 gap-y-0.5 py-[3px] font-normal">
      <OwnerTag owner={owner?.key ?? 'ot'} name={owner?.name ?? 'not recognised'} />
      <span className="font-mono text-code text-ink-2 [overflow-wrap:anywhere]">
        <span className="max-md:hidden">
          {step.family} {step.table}{' '}
        </span>
        <ChainName name={step.chain} tone="ink" className="font-[700]" />
      </span>
      <span className="max-md:hidden">
        <Badge mono>{step.type}</Badge>
      </span>
      <span className="font-mono text-code text-ink-2">
        {prio === undefined || prio === String(step.prio) ? null : <span className="max-md:hidden">{prio} · </span>}
        {step.prio}
      </span>
    </h4>
  );
}
