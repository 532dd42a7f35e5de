/** A whole source, decoded once for a diagnosis. A node that cannot be read is among them, with the reason. */
import 'server-only';
import { decodeListing } from '@/lib/api/open-node';
import { buildCluster } from '@/lib/cluster/build-cluster';
import type { DiagnosisInput, NodeInput } from '@/lib/findings/context';
import { ok, type Result } from '@/lib/net/result';
import { buildParts, buildWorld } from '@/lib/world/build-world';
import type { FileReading } from '@/lib/world/capture-files';
import type { Source } from '../sources/source';

export async function openDiagnosis(source: Source, signal: AbortSignal): Promise<Result<DiagnosisInput>> {
  const names = await source.nodes(signal);
  if (!names.ok) return names;
  const objects = await source.cluster(signal);
  if (!objects.ok) return objects;
  const { cluster } = buildCluster(textsOf(objects.value.files));
  const nodes: NodeInput[] = [];
  for (const { name } of names.value) nodes.push(await openNode(source, name, signal));
  return ok({ cluster, nodes });
}

async function openNode(source: Source, name: string, signal: AbortSignal): Promise<NodeInput> {
  const capture = await source.node(name, signal);
  const files = capture.ok ? capture.value.files : new Map<string, FileReading<Uint8Array>>();
  const ruleset = capture.ok ? decodeListing(files) : capture;
  const { parts, versions, problems } = buildParts(textsOf(files, LISTINGS));
  const known = ruleset.ok
    ? ({ known: true, value: ruleset.value } as const)
    : ({ known: false, why: ruleset.problem.say } as const);
  return { name, ruleset, world: buildWorld(parts, known), versions, files, problems };
}

/** Large, and decoded from their bytes. */
const LISTINGS: ReadonlySet<string> = new Set(['nft.json', 'nft.txt']);

function textsOf(
  files: ReadonlyMap<string, FileReading<Uint8Array>>,
  without: ReadonlySet<string> = new Set(),
): ReadonlyMap<string, FileReading> {
  const decoder = new TextDecoder();
  const texts = new Map<string, FileReading>();
  for (const [name, reading] of files) {
    if (without.has(name)) continue;
    texts.set(name, reading.kind === 'read' ? { kind: 'read', content: decoder.decode(reading.content) } : reading);
  }
  return texts;
}
