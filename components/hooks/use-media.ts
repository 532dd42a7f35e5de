'use client';

import { useCallback, useSyncExternalStore } from 'react';

/** Whether a media query holds; `atFirst` where there is no window yet. */
function useMedia(query: string, atFirst: boolean): boolean {
  const subscribe = useCallback(
    (listener: () => void) => {
      const list = window.matchMedia(query);
      list.addEventListener('change', listener);
      return () => list.removeEventListener('change', listener);
    },
    [query],
  );
  return useSyncExternalStore(
    subscribe,
    () => window.matchMedia(query).matches,
    () => atFirst,
  );
}

/** One column: below 720 px. */
export const useIsNarrow = (): boolean => useMedia('(max-width: 719.98px)', false);
/** Room for a panel beside the centre: from 1024 px. */
export const useIsWide = (): boolean => useMedia('(min-width: 1024px)', true);
/** Whether panels scroll by themselves and the view does not, now: `roomy:` of app/globals.css. */
export const isRoomy = (): boolean => window.matchMedia('(min-width: 720px) and (min-height: 560px)').matches;
