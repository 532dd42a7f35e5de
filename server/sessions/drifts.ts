/** What every node of a source has against what it should have, for the Service view: once for all Services. */
import 'server-only';
import type { ReadDrift } from '@/lib/api/service-page';
import type { NodeCapture, Source } from '../sources/source';
import type { Desk } from './desk';
import type { Described } from './look-at';
import { Sweep } from './sweep';

export const driftSweep = (source: Source, desk: Desk): Sweep<ReadDrift> =>
  new Sweep(source, {
    what: 'drift',
    read: (name, capture, described) =>
      capture.ok
        ? driftOf(name, capture.value, described, desk)
        : { capturedAt: undefined, drift: capture, problem: capture.problem },
    again: (known, { capturedAt }) => ({ ...known, capturedAt: capturedAt ?? known.capturedAt }),
  });

async function driftOf(name: string, capture: NodeCapture, described: Described, desk: Desk): Promise<ReadDrift> {
  const reply = await desk.drift(name, capture.files, described);
  if (!reply.ok) return { capturedAt: capture.capturedAt, drift: reply, problem: reply.problem };
  return { ...reply.value, capturedAt: reply.value.capturedAt ?? capture.capturedAt };
}
