'use client';

import { count } from '@/lib/explain/words';
import type { Agreement } from '@/lib/monitor/agreement';
import { stamp } from '@/lib/monitor/agreement';
import { ApiProblem } from '../hooks/api';
import { useReplay, useReplayOffered } from '../hooks/use-replay';
import { Badge } from '../ui/badge';
import { Button } from '../ui/button';
import { CheckIcon, TriangleIcon } from '../ui/icons';
import { AlignmentTable } from './alignment-table';
import { MonitorPaste } from './monitor-paste';
import { Overlay } from './overlay';
import type { TraceModel } from './trace-model';

/** Does a kernel agree? The stamp of a replay where the server offers one, and what was seen on a live node. */
export function AgreementLine({ model }: { readonly model: TraceModel }) {
  const offered = useReplayOffered();
  const replay = useReplay(model.answer);
  const agreement = replay.data?.agreement;
  return (
    <section aria-label="Agreement with a kernel" className="-ml-2 flex flex-wrap items-center gap-x-2 gap-y-1 md:ml-0">
      {offered && !replay.isFetching ? (
        <Button look="quiet" onClick={() => void replay.refetch()}>
          {agreement === undefined ? 'Replay in a kernel' : 'Replay again'}
        </Button>
      ) : null}
      <span role="status" className="contents">
        {replay.isFetching ? (
          <span className="inline-flex items-center gap-2 px-2 text-ink-2">
            Replaying in a kernel
            <button type="button" className="link" onClick={replay.cancel}>
              Cancel
            </button>
          </span>
        ) : agreement !== undefined ? (
          <Stamp agreement={agreement} />
        ) : replay.error instanceof ApiProblem ? (
          <span className="text-prose">
            {replay.error.title} {replay.error.detail}
          </span>
        ) : null}
      </span>
      <MonitorPaste model={model} />
    </section>
  );
}

function Stamp({ agreement }: { readonly agreement: Agreement }) {
  if (agreement.kind === 'not-replayable') {
    return (
      <>
        <Badge tone="unknown">
          <span aria-hidden="true">?</span>
          not replayable
        </Badge>
        <span className="min-w-0 text-prose">{agreement.obstacles.map(({ say }) => say).join(' ')}</span>
      </>
    );
  }
  const { runs, branches, branchesSeen, release, nft, alignment } = agreement;
  const taken = branches === 1 ? '' : `; it took ${branchesSeen.length} of ${branches} branches`;
  return (
    <>
      <Badge tone={agreement.kind === 'agrees' ? 'delivered' : 'depends'}>
        {agreement.kind === 'agrees' ? <CheckIcon /> : <TriangleIcon />}
        {stamp(agreement)}
      </Badge>
      <Overlay
        title={capitalised(stamp(agreement))}
        description={`Linux ${release}, nft ${nft}. The packet was sent ${runs === 1 ? 'once' : count(runs, 'time')}${taken}.`}
        trigger={<Button look="quiet" />}
        label="Step by step"
      >
        {agreement.kind === 'diverges' && agreement.endings.length > 0 ? (
          <ul className="pt-3 text-prose">
            {agreement.endings.map(({ what, kernel, ours }) => (
              <li key={what}>
                {ENDINGS[what]}: kernel {kernel}; trace {ours}.
              </li>
            ))}
          </ul>
        ) : null}
        <AlignmentTable alignment={alignment} caption="Events of the kernel and steps of the trace" />
      </Overlay>
    </>
  );
}

const ENDINGS = { sent: 'Sent', delivered: 'Delivered on', error: 'The sender gets' } as const;

const capitalised = (text: string): string => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
