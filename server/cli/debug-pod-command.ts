/** `nftscope debug-pod`: prints a pod that can read a node. */
import 'server-only';
import { debugPodCommands, debugPodManifest } from '../kube/debug-pod';
import { SYSTEM_NAMESPACE } from '../kube/node-pods';
import { settingsOf } from '../kube/open-cluster';
import { CliError, EXIT, type ExitStatus } from './cli-error';
import { parseOptions } from './options';

const OPTIONS = {
  namespace: { type: 'string' },
  image: { type: 'string' },
  context: { type: 'string' },
  manifest: { type: 'boolean' },
} as const;
/** Names go into a manifest and a command line: nothing but what Kubernetes allows in them. */
const NAME = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;

export async function debugPodCommand(args: readonly string[]): Promise<ExitStatus> {
  const { values, positionals } = parseOptions('debug-pod', args, OPTIONS);
  const [node, more] = positionals;
  if (node === undefined || more !== undefined) throw CliError.usage('Which node? Give its name.', 'debug-pod');
  for (const name of [node, values.namespace ?? 'default'])
    if (!NAME.test(name))
      throw CliError.because('CLI-002', `${JSON.stringify(name)} is no name of an object.`, 'See: kubectl get nodes');
  if (/[\s'"]/.test(`${values.image ?? ''}${values.context ?? ''}`))
    throw CliError.because('CLI-002', 'The image and the context have no spaces or quotes.', 'Give them as they are.');
  const believed = settingsOf(process.env).debugIn ?? SYSTEM_NAMESPACE;
  const namespace = values.namespace ?? believed;
  const options = { node, namespace, image: values.image, context: values.context };
  const { create, remove } = debugPodCommands(options);
  process.stdout.write(
    values.manifest === true ? debugPodManifest(options) : `${create}\n\n# Afterwards:\n${remove}\n`,
  );
  if (namespace !== believed)
    process.stderr.write(`nftscope asks it with serve --debug-in ${namespace}, or NFTSCOPE_DEBUG_IN=${namespace}.\n`);
  return EXIT.done;
}
