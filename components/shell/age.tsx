'use client';

import { useEffect, useState } from 'react';

/** `12 s ago`, `3 min ago`, `5 h ago`, `9 days ago`. */
export function ageInWords(milliseconds: number): string {
  const s = Math.max(0, Math.round(milliseconds / 1000));
  if (s < 90) return `${s} s ago`;
  if (s < 90 * 60) return `${Math.round(s / 60)} min ago`;
  if (s < 36 * 3600) return `${Math.round(s / 3600)} h ago`;
  return `${Math.round(s / 86_400)} days ago`;
}

/** How old a capture is; counted on. A capture without a time says so. */
export function Age({
  capturedAt,
  short = false,
}: {
  readonly capturedAt: string | null | undefined;
  /** Without the word: under a heading that says it. */
  readonly short?: boolean;
}) {
  const [now, setNow] = useState<number | undefined>(undefined);
  useEffect(() => {
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 10_000);
    return () => clearInterval(timer);
  }, []);
  if (capturedAt === null || capturedAt === undefined) return <>captured at an unknown time</>;
  const at = new Date(capturedAt).getTime();
  // Before the first effect there is no clock that server and browser share.
  return (
    <time dateTime={capturedAt}>
      {short ? '' : 'captured '}
      {now === undefined ? '' : ageInWords(now - at)}
    </time>
  );
}
