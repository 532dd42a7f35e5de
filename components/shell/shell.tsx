import type { ReactNode } from 'react';
import { LiveNotice } from '../live/live-notice';
import { STRINGS } from '../strings';
import { FootPlace } from './foot';
import { PhoneBar } from './phone-bar';
import { TopBar } from './top-bar';

/** The frame of every page: the bar, the view, its foot. The view scrolls, or in a window with room for it, its panels do. */
export function Shell({ children }: { readonly children: ReactNode }) {
  return (
    <div className="flex h-dvh flex-col overflow-hidden">
      <a href="#view" className="skip-link">
        {STRINGS.skip}
      </a>
      <TopBar />
      <LiveNotice />
      <main id="view" tabIndex={-1} className="flex min-h-0 flex-1 flex-col outline-none">
        <div className="relative flex min-h-0 flex-1 flex-col overflow-y-auto roomy:overflow-clip">{children}</div>
        <FootPlace />
      </main>
      <PhoneBar />
    </div>
  );
}

/** The bar under the top bar: question, node, search on the left; actions on the right. */
export function ViewBar({ children }: { readonly children: ReactNode }) {
  return (
    <div className="flex min-h-[44px] shrink-0 flex-wrap items-center gap-2 border-line border-b bg-surface px-3 py-2 md:px-4">
      {children}
    </div>
  );
}
