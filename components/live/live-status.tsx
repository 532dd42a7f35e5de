'use client';

import { useEffect, useState } from 'react';
import { usePlace } from '../shell/use-place';
import { useLive } from './use-live';

/** Whether what is shown of a live source is followed. A capture does not change, and says nothing here. */
export function LiveStatus() {
  const place = usePlace();
  const source = place.state === 'ready' && place.source.live ? place.source : undefined;
  const live = useLive(source?.id);
  if (source === undefined || live === undefined) return null;
  const { connection, lost } = live;
  const [first] = lost;
  return (
    <span role="status" className="flex min-w-0 items-center whitespace-nowrap text-label">
      {connection.kind === 'lost' ? (
        <Lost title="nftscope does not answer: what is shown may be old. It is asked again by itself.">
          connection lost, <Seconds until={connection.again} />
        </Lost>
      ) : first !== undefined ? (
        <Lost title={`${first[0]}: ${first[1].replace(/\.+$/, '')}. What is shown may be old.`}>
          {notHeard(first[0])}
        </Lost>
      ) : connection.kind === 'connected' ? (
        <span className="text-ink-2 max-lg:sr-only">followed live</span>
      ) : (
        <span className="text-ink-3 max-lg:sr-only">connecting</span>
      )}
    </span>
  );
}

const notHeard = (what: string): string => `${what} ${what === 'agents' ? 'are' : 'is'} not heard`;

function Lost({ title, children }: { readonly title: string; readonly children: React.ReactNode }) {
  return (
    <span
      title={title}
      className="inline-flex h-6 items-center gap-1.5 rounded-chip border border-line-strong border-dashed px-1.5 text-undecided"
    >
      <span aria-hidden="true">?</span>
      <span className="max-md:sr-only">{children}</span>
    </span>
  );
}

/** `again in 4 s`; not read out at each second. */
function Seconds({ until }: { readonly until: number }) {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const left = Math.ceil((until - now) / 1000);
  return <span aria-hidden="true">{left > 0 ? `again in ${left} s` : 'trying'}</span>;
}
