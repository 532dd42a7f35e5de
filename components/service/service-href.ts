import { viewHref } from '../shell/views';

/** The view of a Service; other objects have none. */
export const serviceHref = (
  object: { readonly kind: string; readonly namespace: string | null; readonly name: string },
  place: { readonly source: string; readonly node: string },
): string | undefined =>
  object.kind === 'service' && object.namespace !== null
    ? viewHref('/service', { source: place.source, node: place.node, service: `${object.namespace}/${object.name}` })
    : undefined;
