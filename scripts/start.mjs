// `npm start`: from a fresh clone to a running nftscope. Uses Node's own modules only, for nothing is installed yet.
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import util from 'node:util';
import { install, requireNode } from './install.mjs';
import { main, Problem, start } from './run.mjs';
import { requireFreePort, serve } from './serve.mjs';

const USAGE = `Usage: npm start -- [options]

  --port N        port to listen on (3000; also PORT)
  --host ADDRESS  address to listen on (127.0.0.1; also HOST)
  --source PATH   capture to open: a folder or a bundle; may be repeated
  --allow-replay  let the server replay a capture in a network namespace of its own (needs root)
  --help          this text

A live cluster (docs/cluster.md), by these and the other options of nftscope serve:
  --kubeconfig F  file of the contexts (KUBECONFIG, else ~/.kube/config)
  --context C     context to read; may be repeated
  --in-cluster    by the service account of this pod`;

/** Options of `nftscope serve` that stand for a cluster and how it is read. */
const CLUSTER = /** @type {const} */ ({
  kubeconfig: { type: 'string' },
  context: { type: 'string', multiple: true },
  'in-cluster': { type: 'boolean' },
  'read-by': { type: 'string', multiple: true },
  agents: { type: 'string' },
  'exec-in': { type: 'string' },
  'debug-in': { type: 'string' },
  'agent-token-file': { type: 'string' },
  'agent-ca-file': { type: 'string' },
  'agent-server-name': { type: 'string' },
});

function options() {
  try {
    const { values } = util.parseArgs({
      options: {
        port: { type: 'string', default: process.env.PORT || '3000' },
        host: { type: 'string', default: process.env.HOST || '127.0.0.1' },
        source: { type: 'string', multiple: true, default: [] },
        'allow-replay': { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
        ...CLUSTER,
      },
    });
    const port = Number(values.port);
    if (!Number.isInteger(port) || port < 1 || port > 65535)
      throw new Error(`"${values.port}" is not a port (1 to 65535).`);
    return { ...values, port };
  } catch (error) {
    throw new Problem(`${/** @type {Error} */ (error).message}\n\n${USAGE}`);
  }
}

await main(async () => {
  const root = dirname(dirname(fileURLToPath(import.meta.url)));
  requireNode(root);
  const given = options();
  const { port, host, source, 'allow-replay': allowReplay, help } = given;
  if (help) {
    console.log(USAGE);
    return 0;
  }
  // npm changes to the checkout; INIT_CWD is where the user typed the command.
  const from = process.env.INIT_CWD ?? '.';
  const missing = source.find((path) => !existsSync(resolve(from, path)));
  if (missing !== undefined) throw new Problem(`No such file or folder: ${missing}`);
  const sources = source.map((path) => resolve(from, path));
  await requireFreePort(port, host);
  await install(root);
  const { build } = await import('./build.mjs');
  await build(root, { onlyIfStale: true });
  const cluster = Object.entries(given)
    .filter(([name]) => name in CLUSTER)
    .flatMap(([name, value]) =>
      [value].flat().flatMap((v) => (typeof v === 'boolean' ? (v ? [`--${name}`] : []) : [`--${name}`, String(v)])),
    );
  if (cluster.length > 0) {
    const tool = join(root, 'dist/nftscope.mjs');
    const rest = [...sources.flatMap((path) => ['--source', path]), ...(allowReplay ? ['--allow-replay'] : [])];
    const argv = [tool, 'serve', '--port', String(port), '--host', host, ...rest, ...cluster];
    const child = start(process.execPath, argv, { cwd: from, stdio: 'inherit' });
    return await new Promise((done) => child.once('exit', (code) => done(code ?? 0)));
  }
  const { url, ended } = await serve({ root, port, host, sources, from, allowReplay });
  console.log(`\nnftscope is at ${url}\nCtrl+C ends it.`);
  return await ended;
});
