'use client';

import { CopyLink } from '../shell/copy';
import { NodePicker } from '../shell/node-picker';
import { PlaceGate } from '../shell/place-gate';
import { ViewBar } from '../shell/shell';

export function RulesetView() {
  return (
    <>
      <h1 className="sr-only">Ruleset</h1>
      <ViewBar>
        <NodePicker />
        <span className="ml-auto" />
        <CopyLink />
      </ViewBar>
      <PlaceGate>{(place) => <p>{place.node.name}</p>}</PlaceGate>
    </>
  );
}
