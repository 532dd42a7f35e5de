// `npm start`: from a fresh clone to a running nftscope. Uses Node's own modules only, for nothing is installed yet.
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import util from 'node:util';
import { install, requireNode } from './install.mjs';
import { main, Problem } from './run.mjs';
import { requireFreePort, serve } from './serve.mjs';

const USAGE = `Usage: npm start -- [options]

  --port N        port to listen on (3000; also PORT)
  --host ADDRESS  address to listen on (127.0.0.1; also HOST)
  --source PATH   capture to open: a folder or a bundle; may be repeated
  --allow-replay  let the server replay a capture in a network namespace of its own (needs root)
  --help          this text`;

function options() {
  try {
    const { values } = util.parseArgs({
      options: {
        port: { type: 'string', default: process.env.PORT || '3000' },
        host: { type: 'string', default: process.env.HOST || '127.0.0.1' },
        source: { type: 'string', multiple: true, default: [] },
        'allow-replay': { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
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
  const { port, host, source, 'allow-replay': allowReplay, help } = options();
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
  const { url, ended } = await serve({ root, port, host, sources, allowReplay });
  console.log(`\nnftscope is at ${url}\nCtrl+C ends it.`);
  return await ended;
});
