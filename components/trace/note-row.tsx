import type { NoteStep } from '@/lib/explain/trace-steps';
import { NextNode } from './next-node';
import { Diffs } from './step-cards';
import type { TraceModel } from './trace-model';

/** What happens between the rules: conntrack, a translation by an entry, the packet going out or in. */
export function NoteRow({ step, model }: { readonly step: NoteStep; readonly model: TraceModel }) {
  switch (step.kind) {
    case 'conntrack':
      return (
        <p className="py-[3px] text-ink-2">
          conntrack: {step.say}, state <code className="text-code text-read">{step.ct.state}</code>
          {step.ct.direction === 'reply' ? ', reply direction' : ''}
        </p>
      );
    case 'nat':
      return (
        <div className="flex flex-wrap gap-x-3 py-[3px] text-ink-2">
          <span>{step.by === 'entry' ? "translated by the connection's entry:" : 'translated:'}</span>
          <Diffs diffs={step.diffs} />
        </div>
      );
    case 'kernel':
      return <p className="py-[3px] text-ink-2">{step.say}</p>;
    case 'transmit':
      return (
        <p className="flex flex-wrap gap-x-2 py-[3px] text-ink-2">
          <span>
            leaves by <code className="text-code text-ink">{step.dev}</code>
            {step.dstMac === undefined ? null : (
              <>
                {' '}
                to <code className="text-code">{step.dstMac}</code>
              </>
            )}
          </span>
          <NextNode model={model} packet={step.packet} />
        </p>
      );
    case 'deliver':
      return <p className="py-[3px] text-ink-2">{step.say}</p>;
  }
}
