'use client';

import { parseAsBoolean, parseAsInteger, useQueryStates } from 'nuqs';
import { useCallback } from 'react';
import { QUESTION_PARAMS, type Question } from '../packet-form/question';

/** Where one stands in a trace. What is left out is chosen by the trace: branch 1, the packet itself, its first change. */
const VIEW_PARAMS = {
  /** From 1. */
  branch: parseAsInteger,
  /** 0 is the packet, others were made by the kernel. */
  leg: parseAsInteger,
  step: parseAsInteger,
  /** All rules passed over are open. */
  why: parseAsBoolean,
  /** The text twin instead of the figure. */
  text: parseAsBoolean,
  /** What would deliver the packet is open. */
  deliver: parseAsBoolean,
  /** The packet is shown beside what was sent. */
  compare: parseAsBoolean,
} as const;

export interface TraceState {
  readonly question: Question;
  readonly branch: number | null;
  readonly leg: number | null;
  readonly step: number | null;
  readonly why: boolean;
  readonly text: boolean;
  readonly deliver: boolean;
  readonly compare: boolean;
}

export interface TraceStateChange {
  readonly branch?: number | null;
  readonly leg?: number | null;
  readonly step?: number | null;
  readonly why?: boolean | null;
  readonly text?: boolean | null;
  readonly deliver?: boolean | null;
  readonly compare?: boolean | null;
}

/** The state of the view, all of it in the URL. A new question is a new entry of the history; moving in a trace is not. */
export function useTraceState(): {
  readonly state: TraceState;
  readonly set: (change: TraceStateChange) => void;
  readonly ask: (question: Question, how?: 'push' | 'replace') => void;
} {
  const [url, setUrl] = useQueryStates({ ...QUESTION_PARAMS, ...VIEW_PARAMS }, { history: 'replace' });
  const set = useCallback((change: TraceStateChange) => void setUrl(change), [setUrl]);
  const ask = useCallback(
    (question: Question, history: 'push' | 'replace' = 'push') =>
      void setUrl({ ...question, branch: null, leg: null, step: null, deliver: null }, { history }),
    [setUrl],
  );
  const { branch, leg, step, why, text, deliver, compare, ...question } = url;
  return {
    state: {
      question,
      branch,
      leg,
      step,
      why: why ?? false,
      text: text ?? false,
      deliver: deliver ?? false,
      compare: compare ?? false,
    },
    set,
    ask,
  };
}
