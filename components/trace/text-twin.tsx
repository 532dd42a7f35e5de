'use client';

import type { TraceModel } from './trace-model';

export function TextTwin({ model }: { readonly model: TraceModel }) {
  return <pre className="whitespace-pre-wrap px-4 py-3 text-code">{model.answer.node}</pre>;
}
