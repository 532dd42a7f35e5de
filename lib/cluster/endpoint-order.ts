/**
 * The order of endpoints. kube-proxy sorts those of a Service port by the bytes of `IP:port`, `[IPv6]:port` (pkg/proxy/endpointslicecache.go),
 * so 10.0.0.10:80 comes before 10.0.0.9:80. A redacted capture has other addresses, whose texts are in another order; with each node it
 * says which order the originals had.
 */
import { at, decoding } from '../net/json-cursor';
import type { Result } from '../net/result';

/** Addresses by their place. */
export type EndpointOrder = ReadonlyMap<string, number>;

/** What decides between two addresses, whatever their ports. */
const beginning = (ip: string): string => (ip.includes(':') ? `[${ip}]` : `${ip}:`);

/** Addresses that the order does not have come after those that it has. */
export function compareEndpoints(a: string, b: string, order?: EndpointOrder): number {
  const [first, second] = [order?.get(a) ?? Number.POSITIVE_INFINITY, order?.get(b) ?? Number.POSITIVE_INFINITY];
  if (first !== second) return first < second ? -1 : 1;
  const [left, right] = [beginning(a), beginning(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** `endpoint-order.json` (docs/captures.md): addresses, the first first. */
export const decodeEndpointOrder = (json: unknown): Result<EndpointOrder> =>
  decoding(
    () =>
      new Map(
        at(json)
          .items()
          .map((one, index) => [one.string(), index] as const),
      ),
  );
