'use client';

import { type ReactNode, useState } from 'react';
import { Inspector } from './inspector';
import type { TraceModel } from './trace-model';

/** Below 1024 px the packet is a sheet at the foot of the window, folded until it is asked for. */
export function PacketSheet({ model, children }: { readonly model: TraceModel; readonly children: ReactNode }) {
  const [open, setOpen] = useState(false);
  return (
    <aside
      aria-label="Packet"
      className="relative z-20 border-line-strong border-t bg-surface max-md:rounded-t-[14px] max-md:shadow-[0_-6px_24px_rgb(0_0_0/0.14)] lg:hidden"
    >
      <button
        type="button"
        aria-expanded={open}
        onClick={() => setOpen((last) => !last)}
        className="flex w-full flex-col items-center px-4 pt-1.5 pb-1.5"
      >
        <span aria-hidden="true" className="h-1 w-9 rounded bg-line-strong md:hidden" />
        <span className="flex w-full items-baseline justify-between pt-1.5">
          <span className="font-[640] text-[14px] md:text-[13px]">
            {open ? 'Fold the packet' : model.number === 0 ? 'Packet as it came' : `Packet after step ${model.number}`}
          </span>
          <span className="text-ink-2">
            step {model.number} of {model.leg.steps.length}
          </span>
        </span>
      </button>
      {open ? (
        <section
          aria-label="Packet in full"
          // A region that scrolls takes the focus, so that the keyboard can scroll it.
          // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
          tabIndex={0}
          className="max-h-[50dvh] overflow-y-auto border-line border-t bg-bg"
        >
          <Inspector model={model} />
        </section>
      ) : null}
      <div className="px-3 pt-1 pb-3 md:hidden">{children}</div>
    </aside>
  );
}
