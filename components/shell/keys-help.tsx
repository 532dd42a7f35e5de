'use client';

import { Dialog } from '@base-ui/react/dialog';
import { useState } from 'react';
import { STRINGS } from '../strings';
import { Button } from '../ui/button';
import { Kbd } from '../ui/kbd';
import { keyList } from './key-list';
import { useKeys, useKeysEnabled, useRegisteredKeys } from './keys';

/** `?`: every shortcut that works here and now, and the switch that turns single keys off. */
export function KeysHelp() {
  const [open, setOpen] = useState(false);
  const [enabled, setEnabled] = useKeysEnabled();
  const groups = useRegisteredKeys();
  useKeys('Everywhere', [{ keys: '?', say: 'These keys', run: () => setOpen(true) }]);
  return (
    <Dialog.Root open={open} onOpenChange={setOpen}>
      <Dialog.Trigger
        aria-label={STRINGS.keys}
        aria-keyshortcuts="?"
        className="inline-flex size-7 items-center justify-center rounded-control hover:bg-sunken"
      >
        <Kbd>?</Kbd>
      </Dialog.Trigger>
      <Dialog.Portal>
        <Dialog.Backdrop className="fixed inset-0 z-40 bg-black/30" />
        <Dialog.Popup className="fixed top-1/2 left-1/2 z-50 max-h-[85dvh] w-[min(30rem,calc(100vw-2rem))] -translate-x-1/2 -translate-y-1/2 overflow-y-auto rounded-card border border-line-strong bg-surface p-4 shadow-[0_12px_40px_rgb(0_0_0/0.25)]">
          <div className="flex items-center">
            <Dialog.Title className="text-heading">Keys</Dialog.Title>
            <Dialog.Close render={<Button look="quiet" className="ml-auto" />}>Close</Dialog.Close>
          </div>
          <Dialog.Description className="text-ink-2 text-prose">
            They rest while you type in a field.
          </Dialog.Description>
          {keyList(groups).map(({ title, lines }) => (
            <section key={title} className="mt-3">
              <h3 className="pb-1 text-ink-2 text-label">{title}</h3>
              <dl className="grid grid-cols-[7rem_1fr] gap-y-1">
                {lines.map(({ keys, say }) => (
                  <div key={keys} className="contents">
                    <dt className="flex gap-1">
                      <span className="sr-only">{keys}</span>
                      {keys.split(' ').map((k) => (
                        <Kbd key={k}>{k}</Kbd>
                      ))}
                    </dt>
                    <dd>{say}</dd>
                  </div>
                ))}
              </dl>
            </section>
          ))}
          <label className="mt-4 flex items-center gap-2 border-line border-t pt-3">
            <input type="checkbox" checked={enabled} onChange={(e) => setEnabled(e.target.checked)} />
            Single-key shortcuts
          </label>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
