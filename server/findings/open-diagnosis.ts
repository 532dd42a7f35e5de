/** A whole source, read and decoded once for a diagnosis. A node that cannot be read is among them, with the reason. */
import 'server-only';
import { createHash } from 'node:crypto';
import { decodeDiagnosis, type RawDiagnosis } from '@/lib/api/diagnosis';
import type { DiagnosisInput } from '@/lib/findings/context';
import { failed, ok, type Result } from '@/lib/net/result';
import { sourceProblems } from '../sources/problems';
import type { Source } from '../sources/source';

export async function openDiagnosis(source: Source, signal: AbortSignal): Promise<Result<DiagnosisInput>> {
  const read = await readDiagnosis(source, signal);
  return read.ok ? ok(decodeDiagnosis(read.value.raw)) : read;
}

export interface ReadDiagnosis {
  readonly raw: RawDiagnosis;
  /** Equal where everything that was read is. */
  readonly version: string;
}

/** Nothing is decoded. @param progress nodes read, of all */
export async function readDiagnosis(
  source: Source,
  signal: AbortSignal,
  progress: (done: number, of: number) => void = () => {},
): Promise<Result<ReadDiagnosis>> {
  const names = await source.nodes(signal);
  if (!names.ok) return names;
  const cluster = await source.cluster(signal);
  if (!cluster.ok) return cluster;
  const nodes: RawDiagnosis['nodes'][number][] = [];
  const hash = createHash('sha256');
  for (const { name } of names.value) {
    progress(nodes.length, names.value.length);
    if (signal.aborted) return failed(sourceProblems.cancelled());
    const capture = await source.node(name, signal);
    nodes.push({ name, files: capture.ok ? ok(capture.value.files) : capture });
    hash.update(`${name}\0${capture.ok ? capture.value.hash : capture.problem.say}\0`);
  }
  for (const [name, reading] of cluster.value.files)
    hash.update(`${name}\0`).update(reading.kind === 'read' ? reading.content : JSON.stringify(reading));
  progress(nodes.length, nodes.length);
  return ok({ raw: { cluster: cluster.value.files, nodes }, version: hash.digest('hex') });
}
