'use client';

import { useMemo } from 'react';
import { CopyButton } from '../shell/copy';
import { answerText } from './answer-text';
import type { TraceModel } from './trace-model';

/** The chosen branch as text, as `nftscope trace --branch` prints it. */
export function TextTwin({ model }: { readonly model: TraceModel }) {
  const { answer, trace, names, branchIndex } = model;
  const text = useMemo(() => answerText(answer, trace, names, branchIndex), [answer, trace, names, branchIndex]);
  return (
    <div className="relative">
      <div className="absolute top-2 right-3">
        <CopyButton what="trace as text" text={() => text}>
          Copy text
        </CopyButton>
      </div>
      <pre className="overflow-x-auto whitespace-pre-wrap px-3 pt-12 pb-6 text-code md:px-4 md:pt-3 [overflow-wrap:anywhere]">
        {text}
      </pre>
    </div>
  );
}
