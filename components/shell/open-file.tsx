'use client';

import type { ReactNode } from 'react';
import { createContext, useCallback, useContext, useEffect, useMemo, useRef, useState } from 'react';
import { useUpload } from '../hooks/use-sources';
import { STRINGS } from '../strings';
import { Button } from '../ui/button';
import { Loading } from '../ui/states';
import { useAnnounce } from './announce';
import { ErrorState } from './error-state';
import { useGoTo } from './use-place';

const OpenFileContext = createContext<() => void>(() => undefined);

/** Opens the file dialog for a capture bundle or an nft -j listing. */
export const useOpenFile = (): (() => void) => useContext(OpenFileContext);

/** A file dropped anywhere, or chosen, is sent to the server and becomes the source in use. */
export function OpenFileProvider({ children }: { readonly children: ReactNode }) {
  const upload = useUpload();
  const goTo = useGoTo();
  const announce = useAnnounce();
  const input = useRef<HTMLInputElement>(null);
  const [dragging, setDragging] = useState(false);
  const { mutate } = upload;

  const send = useCallback(
    (file: File) =>
      mutate(file, {
        onSuccess: (source) => {
          goTo({ source: source.id });
          announce(STRINGS.opened(source.name));
        },
      }),
    [mutate, goTo, announce],
  );

  useEffect(() => {
    const holdsFile = (event: DragEvent) => event.dataTransfer?.types.includes('Files') === true;
    const over = (event: DragEvent) => {
      if (!holdsFile(event)) return;
      event.preventDefault();
      setDragging(true);
    };
    const leave = (event: DragEvent) => {
      if (event.relatedTarget === null) setDragging(false);
    };
    const drop = (event: DragEvent) => {
      if (!holdsFile(event)) return;
      event.preventDefault();
      setDragging(false);
      const file = event.dataTransfer?.files[0];
      if (file !== undefined) send(file);
    };
    window.addEventListener('dragover', over);
    window.addEventListener('dragleave', leave);
    window.addEventListener('drop', drop);
    return () => {
      window.removeEventListener('dragover', over);
      window.removeEventListener('dragleave', leave);
      window.removeEventListener('drop', drop);
    };
  }, [send]);

  const open = useMemo(() => () => input.current?.click(), []);
  return (
    <OpenFileContext value={open}>
      {children}
      <input
        ref={input}
        type="file"
        aria-label={STRINGS.openFile}
        tabIndex={-1}
        className="hidden"
        accept=".json,.gz,.tgz,.tar.gz"
        onChange={(event) => {
          const file = event.target.files?.[0];
          if (file !== undefined) send(file);
          event.target.value = '';
        }}
      />
      {dragging ? (
        <div className="pointer-events-none fixed inset-2 z-50 flex items-center justify-center rounded-card border-2 border-ink border-dashed bg-surface/90 text-headline">
          Drop a capture (.tar.gz) or an nft -j listing (.json) to open it
        </div>
      ) : null}
      {upload.isPending || upload.isError ? (
        <div className="fixed right-3 bottom-3 z-40 w-[min(28rem,calc(100vw-1.5rem))] rounded-card border border-line-strong bg-surface shadow-[0_8px_28px_rgb(0_0_0/0.18)]">
          {upload.isPending ? (
            <Loading what={`Opening ${upload.variables.name}`} />
          ) : (
            <>
              <ErrorState error={upload.error} what={upload.variables.name} />
              <div className="flex justify-end gap-2 px-4 pb-3">
                <Button onClick={open}>Choose another file</Button>
                <Button look="quiet" onClick={() => upload.reset()}>
                  Close
                </Button>
              </div>
            </>
          )}
        </div>
      ) : null}
    </OpenFileContext>
  );
}
