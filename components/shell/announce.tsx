'use client';

import type { ReactNode } from 'react';
import { createContext, useCallback, useContext, useState } from 'react';

const AnnounceContext = createContext<(say: string) => void>(() => undefined);

/** One polite live region for the whole page: `Link copied`, `Step 4 of 9, dnat`. */
export function AnnounceProvider({ children }: { readonly children: ReactNode }) {
  const [said, setSaid] = useState({ text: '', n: 0 });
  const announce = useCallback((text: string) => setSaid((last) => ({ text, n: last.n + 1 })), []);
  return (
    <AnnounceContext value={announce}>
      {children}
      <div aria-live="polite" role="log" aria-label="Announcements" className="sr-only">
        {/* A new key makes a new node, so that the same words are said again. */}
        <span key={said.n}>{said.text}</span>
      </div>
    </AnnounceContext>
  );
}

export const useAnnounce = (): ((say: string) => void) => useContext(AnnounceContext);
