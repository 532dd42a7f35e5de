'use client';

import { type ReactNode, useState } from 'react';
import { Inspector, type InspectorProps } from './inspector';

/** Below 1024 px the packet is a sheet at the foot of the window, folded until it is asked for; from 720 px its button stands in the bar below. */
export function PacketSheet({ children, ...inspected }: InspectorProps & { readonly children: ReactNode }) {
  const { model } = inspected;
  const [open, setOpen] = useState(false);
  return (
    <aside
      aria-label="Packet"
      className="z-20 bg-surface max-md:relative max-md:rounded-t-[14px] max-md:border-line-strong max-md:border-t max-md:shadow-[0_-6px_24px_rgb(0_0_0/0.14)] lg:hidden"
    >
      <button
        type="button"
        aria-expanded={open}
        onClick={() => setOpen((last) => !last)}
        className="flex flex-col items-center max-md:w-full max-md:px-4 max-md:pt-1.5 max-md:pb-1.5 md:absolute md:right-4 md:bottom-3 md:h-7 md:justify-center md:rounded-control md:border md:border-line-strong md:px-2.5 md:hover:bg-sunken"
      >
        <span aria-hidden="true" className="h-1 w-9 rounded bg-line-strong md:hidden" />
        <span className="flex w-full items-baseline justify-between max-md:pt-1.5">
          <span className="whitespace-nowrap font-[640] text-[14px] md:text-[13px]">
            {open ? 'Fold the packet' : model.number === 0 ? 'Packet as it came' : `Packet after step ${model.number}`}
          </span>
          <span className="text-ink-2 md:sr-only">
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
          <Inspector {...inspected} />
        </section>
      ) : null}
      <div className="px-3 pt-1 pb-3 md:hidden">{children}</div>
    </aside>
  );
}
