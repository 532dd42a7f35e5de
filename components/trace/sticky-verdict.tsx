'use client';

import { useEffect, useState } from 'react';
import { traceVerdict, verdictSentence } from '@/lib/explain/verdict-sentence';
import { VerdictBadge } from '../ui/badge';
import type { TraceModel } from './trace-model';
import { SENTENCE } from './verdict-header';

/** Where the view scrolls as a whole its header leaves: the word and the sentence stay. Who hears the page has the heading. */
export function StickyVerdict({ model }: { readonly model: TraceModel }) {
  const { trace, names } = model;
  const [gone, setGone] = useState(false);
  useEffect(() => {
    const sentence = document.getElementById(SENTENCE);
    if (sentence === null) return;
    const observer = new IntersectionObserver(([seen]) => setGone(seen?.isIntersecting === false));
    observer.observe(sentence);
    return () => observer.disconnect();
  }, []);
  return (
    <div aria-hidden="true" data-testid="sticky-verdict" className="sticky top-0 z-10 h-0 roomy:hidden">
      {gone ? (
        <div className="flex min-h-11 items-center gap-2 border-line border-b bg-bg px-3 py-1">
          <VerdictBadge verdict={traceVerdict(trace)} />
          <span className="line-clamp-2 min-w-0 font-[620] leading-[18px]">{verdictSentence(trace, names)}</span>
        </div>
      ) : null}
    </div>
  );
}
