import 'server-only';
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serve } from '../../scripts/serve.mjs';
import { type ClusterSettings, clusterNamed, openCluster, settingsOf } from '../kube/open-cluster';
import { sourceProblems } from '../sources/problems';
import { CliError, type ExitStatus } from './cli-error';
import { numberOption, parseOptions } from './options';

const OPTIONS = {
  port: { type: 'string' },
  host: { type: 'string' },
  source: { type: 'string', multiple: true },
  kubeconfig: { type: 'string' },
  context: { type: 'string', multiple: true },
  'in-cluster': { type: 'boolean' },
  'allow-replay': { type: 'boolean' },
  'read-by': { type: 'string', multiple: true },
  agents: { type: 'string' },
  'exec-in': { type: 'string' },
  'debug-in': { type: 'string' },
  'agent-token-file': { type: 'string' },
  'agent-ca-file': { type: 'string' },
  'agent-server-name': { type: 'string' },
} as const;
type Values = ReturnType<typeof parseOptions<typeof OPTIONS>>['values'];

export async function serveCommand(args: readonly string[]): Promise<ExitStatus> {
  const { values, positionals } = parseOptions('serve', args, OPTIONS);
  const port = numberOption('port', values.port, 65535, 1);
  const given = [...(values.source ?? []), ...positionals];
  const sources = given.filter((source) => clusterNamed(source) === undefined);
  const clusters = clustersOf(values, given);
  for (const settings of clusters) {
    // Opened once more by the web server: what is wrong with the settings is said before it starts.
    const opened = await openCluster(settings);
    if (!opened.ok) throw CliError.of(opened.problem);
  }
  const missing = sources.find((path) => !existsSync(path));
  if (missing !== undefined) throw CliError.of(sourceProblems.unreadable(missing, 'there is no such file or folder'));
  let server: Awaited<ReturnType<typeof serve>>;
  try {
    server = await serve({
      root: packageRoot(),
      sources: sources.map((path) => resolve(path)),
      clusters,
      allowReplay: values['allow-replay'] === true,
      ...(port !== undefined && { port }),
      ...(values.host !== undefined && { host: values.host }),
    });
  } catch (error) {
    // Problems of the launcher are sentences; anything else is a bug.
    if (error instanceof Error && error.constructor.name === 'Problem')
      throw CliError.because('CLI-007', error.message, 'See: nftscope help serve');
    throw error;
  }
  process.stdout.write(`nftscope: ${server.url}\n`);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => void server.stop());
  const code = await server.ended;
  return code === 0 || code === 143 || code === 130 ? 0 : 2;
}

/** `--source cluster:A`, `--context A`, `--kubeconfig F` and `--in-cluster`: each context is a source. */
function clustersOf(values: Values, given: readonly string[]): readonly ClusterSettings[] {
  const { kubeconfig } = values;
  const named = given.flatMap((source) => clusterNamed(source) ?? []);
  const contexts = [...named.map(({ context }) => context), ...(values.context ?? [])];
  if (kubeconfig !== undefined && contexts.length === 0) contexts.push(undefined);
  const environment = settingsOf(process.env);
  const shared: ClusterSettings = {
    ...environment,
    readBy: values['read-by'] ?? environment.readBy,
    agents: values.agents ?? environment.agents,
    execIn: values['exec-in'] ?? environment.execIn,
    debugIn: values['debug-in'] ?? environment.debugIn,
    // The web server works in a folder of its own: paths are those of where the user stands.
    agentTokenFile: absolute(values['agent-token-file'] ?? environment.agentTokenFile),
    agentCaFile: absolute(values['agent-ca-file'] ?? environment.agentCaFile),
    agentServerName: values['agent-server-name'] ?? environment.agentServerName,
  };
  const path = absolute(kubeconfig);
  return [
    ...contexts.map((context) => ({ ...shared, kubeconfig: path, context })),
    ...(values['in-cluster'] === true ? [{ ...shared, inCluster: true }] : []),
  ];
}

const absolute = (path: string | undefined): string | undefined => (path === undefined ? undefined : resolve(path));

/** The folder of package.json: above dist/ or server/cli/. */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder)
      throw CliError.because('CLI-007', 'The installation of nftscope has no package.json.', 'Install it again.');
    folder = parent;
  }
  return folder;
}
