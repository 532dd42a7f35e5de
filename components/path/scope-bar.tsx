'use client';

import Link from 'next/link';
import { viewHref } from '../shell/views';
import { SegmentedControl } from '../ui/segmented-control';
import type { Scope } from './use-scope';

interface ScopeBarProps {
  readonly scope: Scope;
  readonly onScope: (scope: Scope) => void;
  readonly node: string;
  /** Set while the trace of one stop of a path is shown: the way back to the path. */
  readonly back: Parameters<typeof viewHref>[1] | undefined;
}

/** How far the packet is followed. */
export function ScopeBar({ scope, onScope, node, back }: ScopeBarProps) {
  return (
    <div className="flex shrink-0 flex-wrap items-center gap-3 border-line border-b bg-bg px-3 py-1.5 md:px-4">
      <SegmentedControl
        label="How far"
        value={scope}
        onChange={onScope}
        segments={[
          { value: 'node', label: 'On this node' },
          { value: 'path', label: 'Whole path' },
          { value: 'every', label: 'From every node' },
        ]}
      />
      {back === undefined ? null : (
        <span className="text-ink-2">
          As it passes {node} on its whole path.{' '}
          <Link className="link text-ink" href={viewHref('/trace', back)}>
            Back to the whole path
          </Link>
        </span>
      )}
    </div>
  );
}
