/** Nodes of a source as lib/expected asks for them: one, and the others of its cluster where they are needed. */
import 'server-only';
import { openNode } from '@/lib/api/open-node';
import type { Cluster } from '@/lib/cluster/cluster';
import type { CapturedNode } from '@/lib/expected/expected-of-node';
import { ok, type Result } from '@/lib/net/result';
import type { Source } from '../sources/source';
import { CliError } from './cli-error';

export interface ReadNode {
  readonly cluster: Cluster;
  /** The node, or why nothing is known of its rules. */
  readonly node: Result<CapturedNode>;
}

export async function readNode(source: Source, name: string): Promise<ReadNode> {
  const { signal } = new AbortController();
  const cluster = await source.cluster(signal);
  if (!cluster.ok) throw CliError.of(cluster.problem);
  const capture = await source.node(name, signal);
  if (!capture.ok) throw CliError.of(capture.problem, name);
  const { files, capturedAt, hash } = capture.value;
  const open = openNode({ node: name, files, cluster: cluster.value.files, capturedAt, version: hash });
  const { ruleset, world, built } = open;
  return {
    cluster: open.cluster.cluster,
    node: ruleset.ok ? ok({ name, ruleset: ruleset.value.ruleset, world, version: built.versions.kubeProxy }) : ruleset,
  };
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
    if (other.node.ok) found.push(other.node.value);
  }
  return found;
}
