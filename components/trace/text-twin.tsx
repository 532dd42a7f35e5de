'use client';

import { useMemo } from 'react';
import { CopyButton } from '../shell/copy';
import { answerText } from './answer-text';
import type { TraceModel } from './trace-model';

/** The same facts as text, as `nftscope trace` prints them. */
export function TextTwin({ model }: { readonly model: TraceModel }) {
  const { answer, trace, names } = model;
  const text = useMemo(() => answerText(answer, trace, names), [answer, trace, names]);
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
