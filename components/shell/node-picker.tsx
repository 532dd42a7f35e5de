'use client';

import { STRINGS } from '../strings';
import { Select } from '../ui/select';
import { useGoTo, usePlace } from './use-place';

const NODE_STATE = {
  unreadable: 'could not be read',
  incomplete: 'no ruleset in the capture',
  absent: 'not in the capture',
} as const;

/** The node of the source in use, at the left of each view's own bar. */
export function NodePicker() {
  const place = usePlace();
  const goTo = useGoTo();
  if (place.state !== 'ready') return null;
  return (
    <Select
      label={STRINGS.node}
      value={place.node.name}
      onChange={(node) => goTo({ node })}
      options={place.source.nodes.map((n) => ({
        value: n.name,
        label: n.name,
        ...(n.state === 'ready' ? {} : { note: NODE_STATE[n.state] }),
      }))}
    />
  );
}
