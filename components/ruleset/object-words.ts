import type { ObjectView } from '@/lib/api/types';

const KIND = { service: 'svc', pod: 'pod', node: 'node', endpointslice: 'slice', namespace: 'ns' } as const;

export const objectKind = (object: ObjectView): string => KIND[object.kind];

/** `shop/api:http`, `shop/web-1`, `node-2`. */
export function objectName({ namespace, name, port }: ObjectView): string {
  const path = namespace === null ? name : `${namespace}/${name}`;
  return port === null ? path : `${path}:${port}`;
}
