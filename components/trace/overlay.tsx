'use client';

import { Dialog } from '@base-ui/react/dialog';
import type { ReactElement, ReactNode } from 'react';
import { Button } from '../ui/button';

interface OverlayProps {
  readonly title: string;
  readonly description: ReactNode;
  /** The button that opens it. */
  readonly trigger: ReactElement;
  readonly label: ReactNode;
  /** Where the state is somebody else's; else the overlay keeps it. */
  readonly open?: boolean;
  readonly onOpen?: (open: boolean) => void;
  readonly children: ReactNode;
}

/** A wide dialog over the view: what is compared needs both columns. */
export function Overlay({ title, description, trigger, label, open, onOpen, children }: OverlayProps) {
  return (
    <Dialog.Root
      {...(open !== undefined && { open })}
      {...(onOpen !== undefined && { onOpenChange: (next: boolean) => onOpen(next) })}
    >
      <Dialog.Trigger render={trigger}>{label}</Dialog.Trigger>
      <Dialog.Portal>
        <Dialog.Backdrop className="fixed inset-0 z-40 bg-black/30" />
        <Dialog.Popup className="fixed top-1/2 left-1/2 z-50 flex max-h-[90dvh] w-[min(72rem,calc(100vw-2rem))] -translate-x-1/2 -translate-y-1/2 flex-col overflow-hidden rounded-card border border-line-strong bg-surface shadow-[0_12px_40px_rgb(0_0_0/0.25)]">
          <div className="border-line border-b px-4 py-3">
            <div className="flex items-center">
              <Dialog.Title className="text-heading">{title}</Dialog.Title>
              <Dialog.Close render={<Button look="quiet" className="ml-auto" />}>Close</Dialog.Close>
            </div>
            <Dialog.Description render={<div />} className="text-ink-2 text-prose">
              {description}
            </Dialog.Description>
          </div>
          <section
            aria-label={title}
            // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls takes the focus
            tabIndex={0}
            className="min-h-0 overflow-y-auto px-4 pb-4"
          >
            {children}
          </section>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
