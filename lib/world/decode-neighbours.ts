/** `ip -j neigh show` (iproute2, ip/ipneigh.c) → neighbours of both families. */
import { parseAddress } from '../net/address';
import { type At, at, decoding } from '../net/json-cursor';
import type { Result } from '../net/result';
import { strings } from './decode-links';
import type { Neighbour } from './world';

/** Entries in the order of the listing, without proxy entries (addresses that this node answers for). */
export function decodeNeighbours(json: unknown): Result<readonly Neighbour[]> {
  return decoding(() =>
    at(json)
      .items()
      .filter((item) => !item.has('proxy'))
      .map(decodeNeighbour),
  );
}

function decodeNeighbour(item: At): Neighbour {
  const dst = item.key('dst');
  const ip = parseAddress(dst.string()) ?? dst.fail(`expected an address, got ${JSON.stringify(dst.value)}`);
  return {
    family: ip.family,
    dst: ip.value,
    dev: item.key('dev').string(),
    mac: item.optional('lladdr')?.string(),
    state: strings(item.optional('state')),
  };
}
