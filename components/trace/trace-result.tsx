'use client';

import { useMemo, useState } from 'react';
import type { NodeOverview, TraceAnswer } from '@/lib/api/types';
import type { TraceNames } from '@/lib/explain/trace-names';
import { announceStep } from '@/lib/explain/trace-outcome';
import { type Move, moveStep } from '@/lib/explain/trace-steps';
import type { Trace } from '@/lib/sim/trace';
import type { PathQuery } from '../hooks/use-path';
import { useAnnounce } from '../shell/announce';
import { Foot } from '../shell/foot';
import { useKeys } from '../shell/keys';
import { cx } from '../ui/cx';
import { Note } from '../ui/states';
import { DebuggerBar, DebuggerTouch, MOVES } from './debugger-bar';
import { Inspector } from './inspector';
import { ListBar } from './list-bar';
import { PacketSheet } from './packet-sheet';
import { StepList } from './step-list';
import { StickyVerdict } from './sticky-verdict';
import { TextTwin } from './text-twin';
import { buildModel, type TraceModel } from './trace-model';
import type { TraceState, TraceStateChange } from './use-trace-state';
import { VerdictHeader } from './verdict-header';
import { WayFigure } from './way';
import { WayDots } from './way-dots';

interface TraceResultProps {
  readonly answer: TraceAnswer;
  readonly trace: Trace;
  readonly names: TraceNames;
  readonly overview: NodeOverview | undefined;
  /** What was asked, where it was asked by names. */
  readonly connection: PathQuery | undefined;
  readonly state: TraceState;
  readonly set: (change: TraceStateChange) => void;
  /** The answer is to an earlier question; the next one is on its way. */
  readonly stale: boolean;
}

/** A trace with everything chosen in it: verdict, way, steps, packet, moves. */
export function TraceResult(props: TraceResultProps) {
  const { answer, trace, names, overview, state } = props;
  const { branch, leg, step } = state;
  const model = useMemo(
    () => buildModel(answer, trace, names, overview, { branch, leg, step }),
    [answer, trace, names, overview, branch, leg, step],
  );
  return model === undefined ? <Note>The trace holds no branch.</Note> : <Shown {...props} model={model} />;
}

function Shown({ model, connection, state, set, stale }: TraceResultProps & { readonly model: TraceModel }) {
  const announce = useAnnounce();
  const [folds, setFolds] = useState<ReadonlySet<string>>(new Set());
  const { trace, leg, number, summary, branchIndex } = model;

  const onStep = (next: number) => {
    set({ step: next });
    announce(announceStep(leg, next, summary));
  };
  const onMove = (move: Move) => onStep(moveStep(leg, number, move));
  const onBranch = (index: number) => set({ branch: index + 1, leg: null });
  const turn = (by: number) => onBranch((branchIndex + by + trace.branches.length) % trace.branches.length);
  const onWhy = () => {
    setFolds(new Set());
    set({ why: state.why ? null : true });
  };
  const onText = () => set({ text: state.text ? null : true });

  useKeys('Trace', [
    ...MOVES.map(({ move, keys, say }) => ({ keys, say, run: () => onMove(move) })),
    { keys: '[', say: 'Branch before', run: () => turn(-1) },
    { keys: ']', say: 'Next branch', run: () => turn(1) },
    { keys: 'w', say: 'Why not: open or fold the rules passed over', run: onWhy },
    { keys: 't', say: 'Text or figure', run: onText },
  ]);

  // With all open a toggle folds one, else it opens one.
  const openFolds = useMemo(() => {
    const all = leg.groups.flatMap((group) => group.rows.flatMap((row) => (row.kind === 'passed' ? row.fold.id : [])));
    return new Set(all.filter((id) => folds.has(id) !== state.why));
  }, [leg, folds, state.why]);
  const onFold = (id: string) => setFolds((last) => toggled(last, id));
  const inspected = { model, compare: state.compare, onCompare: () => set({ compare: state.compare ? null : true }) };
  const onAssumptions = () => document.getElementById('trace-assumptions')?.scrollIntoView({ block: 'nearest' });

  return (
    <div className={cx('flex flex-1 flex-col roomy:min-h-0', stale && 'opacity-60')} aria-busy={stale}>
      <StickyVerdict model={model} />
      <div className="shrink-0 border-line border-b bg-bg">
        <VerdictHeader
          model={model}
          connection={connection}
          onBranch={onBranch}
          onAssumptions={onAssumptions}
          deliver={state.deliver}
          onDeliver={(open) => set({ deliver: open ? true : null })}
        />
        <div className="hidden md:block">
          <WayFigure model={model} onStep={onStep} />
        </div>
        <div className="md:hidden">
          <WayDots model={model} />
        </div>
      </div>
      <div className="flex flex-1 roomy:min-h-0">
        <div className="flex min-w-0 flex-1 flex-col bg-surface roomy:min-h-0">
          <h2 className="sr-only">Steps</h2>
          <ListBar
            model={model}
            onLeg={(skb) => set({ leg: skb === 0 ? null : skb, step: null })}
            whyOpen={state.why}
            onWhy={onWhy}
            text={state.text}
            onText={onText}
          />
          <section id="trace-steps" aria-label="Steps" className="flex-1 roomy:min-h-0 roomy:overflow-y-auto">
            {state.text ? (
              <TextTwin model={model} />
            ) : (
              <StepList model={model} openFolds={openFolds} onFold={onFold} onStep={onStep} />
            )}
          </section>
        </div>
        <aside
          aria-label="Packet"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls takes the focus
          tabIndex={0}
          className="hidden w-[320px] shrink-0 overflow-y-auto border-line border-l bg-bg lg:block xl:w-[376px]"
        >
          <Inspector {...inspected} />
        </aside>
      </div>
      <Foot>
        <div className="relative">
          <PacketSheet {...inspected}>
            <DebuggerTouch model={model} onMove={onMove} />
          </PacketSheet>
          <DebuggerBar model={model} onMove={onMove} onStep={onStep} />
        </div>
      </Foot>
    </div>
  );
}

function toggled(set: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const next = new Set(set);
  if (!next.delete(id)) next.add(id);
  return next;
}
