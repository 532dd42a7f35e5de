'use client';

import { Combobox as Base } from '@base-ui/react/combobox';
import { Tabs } from '@base-ui/react/tabs';
import { traceLegs } from '@/lib/explain/trace-legs';
import { branchVerdict, finalPacket, hostPort } from '@/lib/explain/verdict-sentence';
import { fraction } from '@/lib/explain/words';
import { lastPacket } from '@/lib/graph/way-ahead';
import type { Branch } from '@/lib/sim/trace';
import { VerdictBadge } from '../ui/badge';
import { cx } from '../ui/cx';
import { ChevronDown } from '../ui/icons';
import { itemLook, popupLook } from '../ui/select';
import type { TraceModel } from './trace-model';

/** Up to this many branches stand side by side; more are a list that can be filtered. */
const TABS_MOST = 6;

interface BranchTabsProps {
  readonly model: TraceModel;
  readonly onBranch: (index: number) => void;
}

/** The ways chance may send the packet; the chosen one holds everywhere. */
export function BranchTabs({ model, onBranch }: BranchTabsProps) {
  const branches = model.trace.branches.map((branch, index) => labelOf(branch, index, model));
  return branches.length > TABS_MOST ? (
    <BranchList branches={branches} chosen={model.branchIndex} onBranch={onBranch} />
  ) : (
    <BranchRow branches={branches} chosen={model.branchIndex} onBranch={onBranch} />
  );
}

interface BranchLabel {
  readonly index: number;
  /** Where it ends, or its verdict. */
  readonly address: string;
  /** The pod, with only the part of its name that differs. */
  readonly pod: string;
  readonly node: string;
  readonly chance: string;
  readonly probability: number;
  readonly verdict: ReturnType<typeof branchVerdict>;
}

function labelOf(branch: Branch, index: number, { names, trace }: TraceModel): BranchLabel {
  const verdict = branchVerdict(branch);
  const [leg] = traceLegs(branch);
  const last = leg === undefined ? undefined : lastPacket(branch, leg, trace.packet);
  // A lost branch is named by where it was on its way to, when that is not what every branch was sent to.
  const sent = hostPort(trace.packet.daddr, trace.packet.dport);
  const end = finalPacket(branch)?.packet ?? (last && hostPort(last.daddr, last.dport) !== sent ? last : undefined);
  const who = end ? names.address(end.daddr ?? '') : undefined;
  const choice = branch.choices.at(-1);
  return {
    index,
    address: end ? hostPort(end.daddr, end.dport) : choice ? `${choice.what} = ${choice.value}` : `branch ${index + 1}`,
    pod:
      who?.kind === 'pod'
        ? `…${who.name.split('-').at(-1) ?? who.name}`
        : (who?.name ?? (end ? '' : (trace.packet.daddr ?? ''))),
    node: who?.node ?? '',
    chance: fraction(branch.probability),
    probability: branch.probability,
    verdict,
  };
}

interface RowProps {
  readonly branches: readonly BranchLabel[];
  readonly chosen: number;
  readonly onBranch: (index: number) => void;
}

function BranchRow({ branches, chosen, onBranch }: RowProps) {
  return (
    <Tabs.Root value={chosen} onValueChange={(value: number) => onBranch(value)}>
      <Tabs.List
        aria-label="Branches"
        activateOnFocus
        className="grid auto-cols-fr grid-flow-col gap-2 md:gap-0 md:rounded-card md:border md:border-line-strong md:bg-surface max-md:[&:has(>:nth-child(4))]:grid-flow-row max-md:[&:has(>:nth-child(4))]:grid-cols-3"
      >
        {branches.map((branch) => (
          <Tabs.Tab
            key={branch.index}
            value={branch.index}
            aria-controls="trace-steps"
            className={(state) =>
              cx(
                'relative flex min-w-0 flex-col gap-0.5 px-3 py-1.5 text-left max-md:rounded-card max-md:border md:border-line md:border-l md:first:rounded-l-[7px] md:first:border-l-0 md:last:rounded-r-[7px]',
                state.active
                  ? 'bg-marker-row shadow-[inset_0_-3px_0_var(--marker-edge)] max-md:border-marker-edge'
                  : 'bg-surface hover:bg-sunken max-md:border-line',
              )
            }
          >
            <span className="flex items-baseline justify-between gap-3">
              <span className="hidden whitespace-nowrap font-[560] font-mono text-[12px] text-ink md:inline">
                {branch.address}
              </span>
              <span className="overflow-hidden text-ellipsis font-[560] font-mono text-[12.5px] text-ink md:hidden">
                {branch.pod === '' ? branch.address : branch.pod}
              </span>
              <span className="font-[640] text-[12px] text-ink">{branch.chance}</span>
            </span>
            <span className="flex items-baseline justify-between gap-3 text-[12px] text-ink-2 leading-[17px]">
              <span className="hidden md:inline">{branch.pod}</span>
              {branch.verdict === 'delivered' ? <span>{branch.node}</span> : <VerdictBadge verdict={branch.verdict} />}
            </span>
            <span aria-hidden="true" className="mt-1 hidden h-[3px] rounded bg-line-strong md:block">
              <span className="block h-full rounded bg-ink" style={{ width: `${branch.probability * 100}%` }} />
            </span>
          </Tabs.Tab>
        ))}
      </Tabs.List>
    </Tabs.Root>
  );
}

function BranchList({ branches, chosen, onBranch }: RowProps) {
  const value = branches[chosen] ?? null;
  return (
    <Base.Root<BranchLabel>
      items={branches}
      value={value}
      itemToStringLabel={(branch) => `${branch.index + 1}. ${branch.address}`}
      isItemEqualToValue={(a, b) => a.index === b.index}
      filter={(branch, query) =>
        `${branch.address} ${branch.pod} ${branch.node} ${branch.verdict}`.includes(query.toLowerCase())
      }
      onValueChange={(next) => {
        if (next !== null) onBranch(next.index);
      }}
    >
      <div className="flex w-full flex-col gap-1 md:w-[340px]">
        <span className="text-ink-2 text-label">{branches.length} branches, by chance</span>
        <div className="flex h-9 items-center gap-2 rounded-control border border-line-strong bg-surface px-2.5 focus-within:outline-2 focus-within:outline-focus focus-within:outline-offset-2 md:h-7">
          <Base.Input
            aria-label="Branch"
            className="min-w-0 flex-1 bg-transparent font-mono text-[12px] outline-none"
          />
          <span className="font-[640] text-[12px]">{value?.chance}</span>
          <Base.Trigger aria-label="Open branches" className="text-ink-2" tabIndex={-1}>
            <ChevronDown />
          </Base.Trigger>
        </div>
      </div>
      <Base.Portal>
        <Base.Positioner sideOffset={6} align="end" className="z-40">
          <Base.Popup className={popupLook}>
            <Base.Empty className="px-3 py-1 text-ink-2 empty:hidden">No branch ends there.</Base.Empty>
            <Base.List>
              {(branch: BranchLabel) => (
                <Base.Item key={branch.index} value={branch} className={itemLook}>
                  <span className="w-6 text-right text-ink-2 text-label">{branch.index + 1}</span>
                  <span className="whitespace-nowrap font-mono text-[12px]">{branch.address}</span>
                  <span className="text-ink-2">{branch.pod}</span>
                  <span className="text-ink-2">{branch.node}</span>
                  {branch.verdict === 'delivered' ? null : <VerdictBadge verdict={branch.verdict} />}
                  <span className="ml-auto pl-4 font-[640] text-[12px]">{branch.chance}</span>
                </Base.Item>
              )}
            </Base.List>
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}
