/** What every node of a source has against what it should have, for the Service view: once for all Services. */
import 'server-only';
import { driftFacts } from '@/lib/api/node-drift-facts';
import { decodeListing } from '@/lib/api/open-node';
import type { ReadDrift } from '@/lib/api/service-page';
import { ok } from '@/lib/net/result';
import { buildParts, buildWorld } from '@/lib/world/build-world';
import type { NodeCapture, Source } from '../sources/source';
import type { Described } from './look-at';
import { INLINE_BYTES, openSession } from './session';
import { Sweep, textsBeside } from './sweep';

export const driftSweep = (source: Source): Sweep<ReadDrift> =>
  new Sweep(source, {
    what: 'drift',
    read: (name, capture, described, signal) =>
      capture.ok
        ? driftOf(name, capture.value, described, signal)
        : { capturedAt: undefined, drift: capture, problem: capture.problem },
    again: (known, { capturedAt }) => ({ ...known, capturedAt: capturedAt ?? known.capturedAt }),
  });

async function driftOf(
  name: string,
  { files, hash, capturedAt }: NodeCapture,
  { cluster, clusterFiles }: Described,
  signal: AbortSignal,
): Promise<ReadDrift> {
  const listing = files.get('nft.json');
  if (listing?.kind === 'read' && listing.content.length > INLINE_BYTES) {
    const session = await openSession({ node: name, files, cluster: clusterFiles, capturedAt, version: hash }, signal);
    const drift = await session.ask('drift', {}, signal);
    session.close();
    return { capturedAt: session.capturedAt ?? capturedAt, drift, problem: session.problem };
  }
  const ruleset = decodeListing(files);
  const { parts, versions, capturedAt: noted } = buildParts(textsBeside(files));
  const at = noted ?? capturedAt;
  if (!ruleset.ok) return { capturedAt: at, drift: ruleset, problem: ruleset.problem };
  const world = buildWorld(parts, { known: true, value: ruleset.value });
  const captured = { name, ruleset: ruleset.value, world, version: versions.kubeProxy };
  return { capturedAt: at, drift: driftFacts(ok(captured), cluster.cluster), problem: undefined };
}
