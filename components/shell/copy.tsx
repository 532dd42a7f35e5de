'use client';

import type { ReactNode } from 'react';
import { useEffect, useState } from 'react';
import { STRINGS } from '../strings';
import { Button } from '../ui/button';
import { CheckIcon, CopyIcon, LinkIcon } from '../ui/icons';
import { useAnnounce } from './announce';
import { useKeys } from './keys';

/** Says `copied` for a moment, on the button that did it. */
function useCopied(): readonly [boolean, (what: string, text: () => string | Promise<string>) => void] {
  const [copied, setCopied] = useState(false);
  const announce = useAnnounce();
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = (what: string, text: () => string | Promise<string>) => {
    Promise.resolve()
      .then(text)
      .then(writeClipboard)
      .then(
        () => {
          setCopied(true);
          announce(STRINGS.copied(what));
        },
        () => announce(STRINGS.copyFailed(what)),
      );
  };
  return [copied, copy];
}

/** The clipboard API exists on https and loopback only; elsewhere a selection and the old command do it. */
async function writeClipboard(text: string): Promise<void> {
  if (navigator.clipboard !== undefined) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  if (!done) throw new Error('copy refused');
}

/** The view as a link, with everything chosen in it. `y` does the same. */
export function CopyLink() {
  const [copied, copy] = useCopied();
  const run = () => copy('Link', () => window.location.href);
  useKeys('This view', [{ keys: 'y', say: 'Copy the link to this view', run }]);
  return (
    <Button shortcut="y" icon={copied ? <CheckIcon /> : <LinkIcon />} onClick={run}>
      {copied ? 'Copied' : 'Copy link'}
    </Button>
  );
}

/** Copies `text()`; with words as its label, or as one of the few buttons that are an icon only. */
export function CopyButton({
  what,
  text,
  children,
}: {
  /** What is copied, for the announcement and as the name of the icon-only form. */
  readonly what: string;
  readonly text: () => string | Promise<string>;
  readonly children?: ReactNode;
}) {
  const [copied, copy] = useCopied();
  const run = () => copy(what, text);
  if (children === undefined) {
    return (
      <button
        type="button"
        aria-label={`Copy ${what}`}
        title={`Copy ${what}`}
        onClick={run}
        className="inline-flex size-6 items-center justify-center rounded-control text-ink-2 hover:bg-sunken hover:text-ink"
      >
        {copied ? <CheckIcon /> : <CopyIcon />}
      </button>
    );
  }
  return (
    <Button icon={copied ? <CheckIcon /> : <CopyIcon />} onClick={run}>
      {copied ? 'Copied' : children}
    </Button>
  );
}
