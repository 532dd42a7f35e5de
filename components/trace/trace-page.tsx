'use client';

import { PlaceGate } from '../shell/place-gate';
import { TraceView } from './trace-view';

/** The view with its source and node, once they are known. */
export function TracePage() {
  return (
    <PlaceGate>
      {({ source, node }) => <TraceView key={`${source.id} ${node.name}`} source={source} node={node} />}
    </PlaceGate>
  );
}
