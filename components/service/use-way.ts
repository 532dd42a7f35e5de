'use client';

import { useEffect, useMemo, useState } from 'react';
import type { TraceAnswer } from '@/lib/api/types';
import { reviveTrace } from '@/lib/api/wire';
import { type TraceVerdict, traceVerdict } from '@/lib/explain/verdict-sentence';
import type { ComparedGraph } from '@/lib/graph/compare-service-graphs';
import { serviceWay } from '@/lib/graph/service-way';
import { useTrace } from '../hooks/use-trace';

/** How long the packet stays at one part. */
const STAGE_MS = 420;

export interface WayOnGraph {
  readonly touched: ReadonlySet<string>;
  readonly at: ReadonlySet<string>;
  readonly verdict: TraceVerdict | undefined;
  /** The parts touched, in the order of the packet. */
  readonly stages: readonly (readonly string[])[];
  readonly stage: number;
  readonly error: Error | null;
  readonly play: () => void;
}

const NOTHING: ReadonlySet<string> = new Set();

/** The way of one packet on the graph: part after part, or all at once where motion is not wanted. */
export function useWay(
  source: string,
  node: string,
  question: { readonly from: string; readonly to: string } | undefined,
  graph: ComparedGraph | undefined,
  table: string,
): WayOnGraph {
  const trace = useTrace(source, node, question);
  const answer: TraceAnswer | undefined = question === undefined || trace.isPlaceholderData ? undefined : trace.data;
  const revived = useMemo(() => (answer === undefined ? undefined : reviveTrace(answer.trace)), [answer]);
  const stages = useMemo(() => {
    if (revived === undefined || graph === undefined) return [];
    return serviceWay(revived.branches, table, new Set(graph.parts.map(({ id }) => id)));
  }, [revived, graph, table]);
  const last = stages.length - 1;
  const [run, setRun] = useState(0);
  const [stage, setStage] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `run` begins it anew
  useEffect(() => {
    if (last < 0 || window.matchMedia('(prefers-reduced-motion: reduce)').matches) {
      setStage(Math.max(last, 0));
      return;
    }
    setStage(0);
    const timer = setInterval(() => setStage((now) => Math.min(now + 1, last)), STAGE_MS);
    const end = setTimeout(() => clearInterval(timer), STAGE_MS * (last + 1));
    return () => {
      clearInterval(timer);
      clearTimeout(end);
    };
  }, [last, stages, run]);
  return {
    touched: useMemo(
      () => (stages.length === 0 ? NOTHING : new Set(stages.slice(0, stage + 1).flat())),
      [stages, stage],
    ),
    at: useMemo(() => new Set(stages[stage] ?? []), [stages, stage]),
    verdict: revived === undefined ? undefined : traceVerdict(revived),
    stages,
    stage,
    error: question === undefined ? null : trace.error,
    play: () => setRun((n) => n + 1),
  };
}
