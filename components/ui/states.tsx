'use client';

import type { ReactNode } from 'react';
import { useEffect, useState } from 'react';
import { cx } from './cx';
import { OctagonIcon } from './icons';

/** Seconds since `since` changed, counted while the caller is mounted. */
function useElapsed(): number {
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    const started = Date.now();
    const timer = setInterval(() => setSeconds(Math.floor((Date.now() - started) / 1000)), 1000);
    return () => clearInterval(timer);
  }, []);
  return seconds;
}

interface LoadingProps {
  /** What is being done, as a sentence: `Reading node-2`. */
  readonly what: string;
  /** The command behind it: `nft list ruleset`. */
  readonly command?: string;
  readonly onCancel?: (() => void) | undefined;
  /** Done and total, where they are known. */
  readonly progress?: { readonly done: number; readonly of: number; readonly say: string };
  readonly className?: string;
}

/** Long work names itself, counts its seconds and can be stopped. */
export function Loading({ what, command, onCancel, progress, className }: LoadingProps) {
  const seconds = useElapsed();
  return (
    <div role="status" className={cx('m-4 rounded-card border border-line bg-bg px-3 py-2.5', className)}>
      <div className="flex items-baseline gap-2">
        <strong className="font-[640]">{what}</strong>
        <span className="text-ink-2" aria-live="off">
          {command === undefined ? '' : `${command}, `}
          {seconds} s
        </span>
        {onCancel === undefined ? null : (
          <button type="button" className="link ml-auto" onClick={onCancel}>
            Cancel
          </button>
        )}
      </div>
      {progress === undefined ? null : (
        <>
          <div className="mt-2 h-[3px] rounded bg-line-strong" aria-hidden="true">
            <div className="h-full rounded bg-ink" style={{ width: `${(100 * progress.done) / progress.of}%` }} />
          </div>
          <p className="mt-1.5 text-ink-2 text-prose">{progress.say}</p>
        </>
      )}
    </div>
  );
}

/** Says what an empty thing does. */
export function Empty({ children, className }: { readonly children: ReactNode; readonly className?: string }) {
  return (
    <div className={cx('m-4 rounded-card border border-line bg-bg px-3 py-2.5 text-ink', className)}>
      <strong className="font-[640]">Empty.</strong> {children}
    </div>
  );
}

/** Something that is there and says why nothing else is: filters that match nothing, a choice still to make. */
export function Note({ children, className }: { readonly children: ReactNode; readonly className?: string }) {
  return (
    <div className={cx('m-4 rounded-card border border-line bg-bg px-3 py-2.5 text-ink-2', className)}>{children}</div>
  );
}

interface ProblemProps {
  readonly title: string;
  /** The stable code of the error, to look it up by: `REF-002`. */
  readonly code?: string | undefined;
  readonly detail?: string | undefined;
  readonly onRetry?: (() => void) | undefined;
  readonly retryWords?: string;
  readonly className?: string;
}

/** A request failed: what, why, and the way on. */
export function ProblemState({ title, code, detail, onRetry, retryWords = 'Try again', className }: ProblemProps) {
  return (
    <div role="alert" className={cx('m-4 rounded-card border border-lost bg-lost-ground px-3 py-2.5', className)}>
      <div className="flex items-center gap-2 text-lost">
        <OctagonIcon />
        <strong className="font-[640]">{title}</strong>
        {code === undefined ? null : <code className="shrink-0 text-code text-ink-2">{code}</code>}
        {onRetry === undefined ? null : (
          <button type="button" className="link ml-auto shrink-0 whitespace-nowrap text-ink" onClick={onRetry}>
            {retryWords}
          </button>
        )}
      </div>
      {detail === undefined ? null : <p className="mt-1 break-words">{detail}</p>}
    </div>
  );
}

interface UnreadableProps {
  /** What could not be read: `node-5`. */
  readonly what: string;
  /** The reason, and that nothing is known: never to be taken for an empty ruleset. */
  readonly why: string;
  readonly stderr?: string | undefined;
  readonly children?: ReactNode;
  readonly className?: string;
}

/** A reading that failed is drawn as not known: dashed, with the reason, never as an empty ruleset. */
export function Unreadable({ what, why, stderr, children, className }: UnreadableProps) {
  return (
    <div
      role="status"
      className={cx('m-4 rounded-card border-2 border-line-strong border-dashed bg-surface px-3 py-2.5', className)}
    >
      <strong className="font-[640]">
        <span aria-hidden="true" className="mr-2">
          ?
        </span>
        {what} could not be read.
      </strong>
      <p className="mt-1">{why}</p>
      {stderr === undefined || stderr === '' ? null : (
        <pre className="mt-1.5 overflow-x-auto whitespace-pre-wrap text-code text-ink-2">{stderr}</pre>
      )}
      {children}
    </div>
  );
}
