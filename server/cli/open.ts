/** `--source` and `--node` → an opened node. */
import 'server-only';
import { type OpenNode, openNode } from '@/lib/api/open-node';
import { nearNames } from '@/lib/net/near';
import { clusterNamed, openCluster, settingsOf } from '../kube/open-cluster';
import { hostSource } from '../sources/host-source';
import { openPath } from '../sources/open-source';
import { DEFAULT_LIMITS, type Source } from '../sources/source';
import { CliError } from './cli-error';

/** Bundles given by path are one's own: they may be larger than an upload. */
const LIMITS = { ...DEFAULT_LIMITS, packedBytes: 1e9, unpackedBytes: 4e9 };

export async function openSource(source: string | undefined, command: string): Promise<Source> {
  if (source === undefined) throw CliError.usage('Which source? Give --source.', command);
  if (source === 'host') return hostSource();
  const named = clusterNamed(source);
  if (named !== undefined) {
    const cluster = await openCluster({ ...settingsOf(process.env), ...named });
    if (!cluster.ok) throw CliError.of(cluster.problem);
    return cluster.value;
  }
  const opened = await openPath(source, LIMITS);
  if (!opened.ok) throw CliError.of(opened.problem);
  return opened.value;
}

export async function openCliNode(
  options: { readonly source?: string | undefined; readonly node?: string | undefined },
  command: string,
): Promise<OpenNode> {
  const source = await openSource(options.source, command);
  const { signal } = new AbortController();
  const nodes = await source.nodes(signal);
  if (!nodes.ok) throw CliError.of(nodes.problem);
  const node = chooseNode(
    options.node,
    nodes.value.map(({ name }) => name),
  );
  const capture = await source.node(node, signal);
  if (!capture.ok) throw CliError.of(capture.problem);
  const cluster = await source.cluster(signal);
  if (!cluster.ok) throw CliError.of(cluster.problem);
  const { files, capturedAt, hash } = capture.value;
  return openNode({ node, files, cluster: cluster.value.files, capturedAt, version: hash });
}

/** The node that is meant: the one named, or the only one. */
export function chooseNode(wanted: string | undefined, names: readonly string[]): string {
  const node = wanted ?? (names.length === 1 ? names[0] : undefined);
  if (node === undefined) {
    throw CliError.because(
      'CLI-005',
      names.length === 0 ? 'The source has no node.' : `Which node? The source has ${names.join(', ')}.`,
      names.length === 0 ? 'docs/captures.md describes the bundle.' : 'Give --node.',
    );
  }
  if (!names.includes(node)) {
    const near = nearNames(node, names);
    throw CliError.because(
      'CLI-005',
      `There is no node ${JSON.stringify(node)}.${near.length === 0 ? '' : ` Like it: ${near.join(', ')}.`}`,
      `The source has ${names.join(', ')}.`,
    );
  }
  return node;
}
