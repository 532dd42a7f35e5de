/** Nodes of a source as lib/expected asks for them: one, and the others of its cluster where they are needed. */
import 'server-only';
import { decodeListing } from '@/lib/api/open-node';
import { buildCluster } from '@/lib/cluster/build-cluster';
import type { Cluster } from '@/lib/cluster/cluster';
import type { CapturedNode } from '@/lib/expected/expected-of-node';
import { ok, type Result } from '@/lib/net/result';
import { buildParts, buildWorld } from '@/lib/world/build-world';
import { ENDPOINT_ORDER_FILE, type FileReading } from '@/lib/world/capture-files';
import type { Source } from '../sources/source';
import { CliError } from './cli-error';

/** The cluster's objects, read once for all nodes. */
export async function readCluster(source: Source): Promise<Cluster> {
  const files = await source.cluster(new AbortController().signal);
  if (!files.ok) throw CliError.of(files.problem);
  return buildCluster(textsOf(files.value.files)).cluster;
}

/** The node, or why nothing is known of its rules. */
export async function readNode(source: Source, name: string): Promise<Result<CapturedNode>> {
  const capture = await source.node(name, new AbortController().signal);
  if (!capture.ok) throw CliError.of(capture.problem, name);
  const { files } = capture.value;
  const ruleset = decodeListing(files);
  if (!ruleset.ok) return ruleset;
  const { parts, versions } = buildParts(textsOf(files, NEEDED));
  const world = buildWorld(parts, { known: true, value: ruleset.value });
  return ok({ name, ruleset: ruleset.value, world, version: versions.kubeProxy });
}

/** What expectations need beside the ruleset. */
const NEEDED: ReadonlySet<string> = new Set([
  'addr.json',
  'link.json',
  'sysctl.txt',
  'versions.json',
  ENDPOINT_ORDER_FILE,
]);

function textsOf(
  files: ReadonlyMap<string, FileReading<Uint8Array>>,
  names?: ReadonlySet<string>,
): ReadonlyMap<string, FileReading> {
  const decoder = new TextDecoder();
  const texts = new Map<string, FileReading>();
  for (const [name, reading] of files) {
    if (names !== undefined && !names.has(name)) continue;
    texts.set(name, reading.kind === 'read' ? { kind: 'read', content: decoder.decode(reading.content) } : reading);
  }
  return texts;
}

export async function nodeNames(source: Source): Promise<readonly string[]> {
  const nodes = await source.nodes(new AbortController().signal);
  if (!nodes.ok) throw CliError.of(nodes.problem);
  return nodes.value.map(({ name }) => name);
}

/** The nodes whose tables can stand in for what this one lacks; none are read where it lacks nothing. */
export async function othersFor(node: CapturedNode, source: Source): Promise<readonly CapturedNode[]> {
  const tables = node.ruleset.tables.filter(({ name, chains }) => name === 'kube-proxy' && chains.length > 0);
  if (tables.length >= 2) return [];
  const found: CapturedNode[] = [];
  for (const name of await nodeNames(source)) {
    if (name === node.name) continue;
    const other = await readNode(source, name);
    if (other.ok) found.push(other.value);
  }
  return found;
}
