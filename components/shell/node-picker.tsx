'use client';

import type { NodeRef } from '../hooks/node-path';
import { useReadAgain } from '../hooks/use-sources';
import { STRINGS } from '../strings';
import { Button } from '../ui/button';
import { Select } from '../ui/select';
import { useAnnounce } from './announce';
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
    <>
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
      {place.source.live ? <ReadAgain source={place.source.id} node={place.node.name} /> : null}
    </>
  );
}

/** A capture never changes; this host can be read once more. */
function ReadAgain({ source, node }: NodeRef) {
  const again = useReadAgain({ source, node });
  const announce = useAnnounce();
  return (
    <Button
      disabled={again.isPending}
      onClick={() =>
        again.mutate(undefined, {
          onSuccess: () => announce(STRINGS.readAgain(node)),
          onError: (error) => announce(error.message),
        })
      }
    >
      {again.isPending ? 'Reading…' : 'Read again'}
    </Button>
  );
}
