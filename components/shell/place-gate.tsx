'use client';

import type { ReactNode } from 'react';
import type { NodeSummary, SourceView } from '@/lib/api/types';
import { Loading, Note } from '../ui/states';
import { ErrorState } from './error-state';
import { usePlace } from './use-place';

/** Shows what is known of the place until it is ready; a view renders inside with its source and node. */
export function PlaceGate({
  children,
}: {
  readonly children: (place: { readonly source: SourceView; readonly node: NodeSummary }) => ReactNode;
}) {
  const place = usePlace();
  switch (place.state) {
    case 'loading':
      return <Loading what="Reading the list of sources" />;
    case 'problem':
      return <ErrorState error={place.problem} what="The sources" onRetry={place.retry} />;
    case 'missing':
      return <Note>{place.say} Choose another above.</Note>;
    case 'ready':
      return children(place);
  }
}
