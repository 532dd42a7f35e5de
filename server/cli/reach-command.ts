/** `nftscope reach`: many questions of reachability over a whole capture. */
import 'server-only';
import { openNode } from '@/lib/api/open-node';
import { hasPolicies, policiesOfPath } from '@/lib/api/policies-view';
import type { Cluster } from '@/lib/cluster/cluster';
import { ok, type Result } from '@/lib/net/result';
import { buildNetwork, type Network } from '@/lib/reach/network';
import { decodeQuestion, NOT_READ, reachOf } from '@/lib/reach/query';
import { ask, type Client } from '@/lib/reach/walk';
import type { World } from '@/lib/world/world';
import { runBatch } from './batch';
import { CliError, type ExitStatus } from './cli-error';
import { openSource } from './open';
import { parseOptions } from './options';

const OPTIONS = { source: { type: 'string' }, queries: { type: 'string' } } as const;

export async function reachCommand(args: readonly string[]): Promise<ExitStatus> {
  const { values, positionals } = parseOptions('reach', args, OPTIONS);
  if (positionals.length > 0) throw CliError.usage(`What is ${JSON.stringify(positionals[0])}?`, 'reach');
  if (values.queries === undefined) throw CliError.usage('Which questions? Give --queries.', 'reach');
  const network = await openNetwork(values.source);
  return runBatch(
    values.queries,
    ({ id, members }): Result<object> => {
      const question = decodeQuestion(members, network);
      if (!question.ok) {
        const { code, say, do: settle } = question.problem;
        return code === NOT_READ ? ok({ id, undecided: [{ code: 'objects-not-read', say, settle }] }) : question;
      }
      const endings = ask(network, question.value);
      const policies = policiesOfPath(
        network.cluster,
        endsOf(members, question.value.client),
        question.value.packet,
        endings,
      );
      return ok({ id, ...reachOf(endings), ...(hasPolicies(policies) && { policies }) });
    },
    (id, error) => ({ id, results: [], error }),
  );
}

/** Who a question names; whoever else it is about is known by address. */
function endsOf({ from }: { readonly [key: string]: unknown }, client: Client): Parameters<typeof policiesOfPath>[1] {
  const pod = typeof from === 'object' && from !== null && 'pod' in from ? from.pod : undefined;
  const [namespace = '', name = ''] = typeof pod === 'string' ? pod.split('/') : [];
  const object = typeof pod === 'string' ? ({ kind: 'pod', namespace, name, port: null } as const) : undefined;
  const where = client.kind === 'node' ? client : { kind: 'address' as const };
  return { from: { object, where }, to: { object: undefined } };
}

/** Every node of a source, with the cluster's objects. A node that cannot be read is left out, and said. */
async function openNetwork(path: string | undefined): Promise<Network> {
  const source = await openSource(path, 'reach');
  const { signal } = new AbortController();
  const nodes = await source.nodes(signal);
  if (!nodes.ok) throw CliError.of(nodes.problem);
  const files = await source.cluster(signal);
  if (!files.ok) throw CliError.of(files.problem);
  const worlds = new Map<string, World>();
  let cluster: Cluster | undefined;
  for (const { name } of nodes.value) {
    const capture = await source.node(name, signal);
    if (!capture.ok) {
      process.stderr.write(`${name}: ${capture.problem.say} [${capture.problem.code}]\n`);
      continue;
    }
    const { hash, capturedAt } = capture.value;
    const node = openNode({
      node: name,
      files: capture.value.files,
      cluster: files.value.files,
      capturedAt,
      version: hash,
    });
    worlds.set(name, node.world);
    cluster ??= node.cluster.cluster;
  }
  if (cluster === undefined)
    throw CliError.because('CLI-005', 'No node of the source can be read.', 'docs/captures.md describes the bundle.');
  return buildNetwork(cluster, worlds);
}
