// Starts the built web server. Used by `npm start` and by `nftscope serve`.
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join, resolve } from 'node:path';
import { Problem, start, stop } from './run.mjs';

/**
 * @typedef {object} ServeOptions
 * @property {string} root the checkout or package that holds .next/standalone
 * @property {number} [port] 3000 unless given
 * @property {string} [host] 127.0.0.1 unless given: nobody else on the network sees the rulesets
 * @property {readonly string[]} [sources] captures to open: folders or bundles
 * @property {readonly object[]} [clusters] settings of clusters to open (server/kube/open-cluster.ts)
 * @property {string} [from] the folder that commands are typed in: sources below it are named by their path from there
 * @property {boolean} [allowReplay] lets the server replay captures in a network namespace of its own
 */

/**
 * Starts the server and waits until it answers. It ends with the caller's `main()` (run.mjs) or by `stop`.
 * @param {ServeOptions} options
 * @returns {Promise<{ url: string, ended: Promise<number>, stop: () => Promise<void> }>} `ended` gives the exit code
 */
export async function serve({
  root,
  port = 3000,
  host = '127.0.0.1',
  sources = [],
  clusters = [],
  from = process.cwd(),
  allowReplay = false,
}) {
  const server = join(root, '.next/standalone/server.js');
  if (!existsSync(server)) throw new Problem('The web server is not built. Run: npm run build');
  const missing = sources.find((path) => !existsSync(path));
  if (missing !== undefined) throw new Problem(`No such file or folder: ${missing}`);
  await requireFreePort(port, host);

  const child = start(process.execPath, [server], {
    cwd: root,
    env: {
      ...process.env,
      NODE_ENV: 'production',
      NEXT_TELEMETRY_DISABLED: '1',
      PORT: String(port),
      HOSTNAME: host,
      NFTSCOPE_ROOT: root,
      NFTSCOPE_STARTED_IN: resolve(from),
      NFTSCOPE_SOURCES: JSON.stringify(sources.map((path) => resolve(path))),
      NFTSCOPE_CLUSTERS: JSON.stringify(clusters),
      ...(process.env.KUBECONFIG && { KUBECONFIG: pathsFrom(from, process.env.KUBECONFIG) }),
      ...(allowReplay && { NFTSCOPE_ALLOW_REPLAY: '1' }),
    },
    // Next's own banner is dropped; errors of the server are not.
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  /** @type {Promise<number>} */
  const ended = new Promise((done) => {
    child.once('error', () => done(1));
    child.once('exit', (code) => done(code ?? 0));
  });

  const url = `http://${host === '127.0.0.1' ? 'localhost' : urlHost(host)}:${port}`;
  await waitUntilItAnswers(`http://${urlHost(host)}:${port}/icon.svg`, ended);
  return { url, ended, stop: () => stop(child) };
}

/** Of a list of paths those that are relative, from a folder: the server has another one. */
function pathsFrom(/** @type {string} */ folder, /** @type {string} */ list) {
  return list
    .split(delimiter)
    .map((path) => (path === '' ? path : resolve(folder, path)))
    .join(delimiter);
}

/** Throws a Problem where the address cannot be listened on. */
export async function requireFreePort(/** @type {number} */ port, /** @type {string} */ host) {
  const probe = createServer();
  const code = await new Promise((done) => {
    probe.once('error', (/** @type {NodeJS.ErrnoException} */ error) => done(error.code));
    probe.listen({ port, host, exclusive: true }, () => probe.close(() => done(undefined)));
  });
  if (code === undefined) return;
  /** @type {Record<string, string>} */
  const say = {
    EADDRINUSE: `Port ${port} is in use. Choose another one: npm start -- --port ${port + 1}`,
    EACCES: `Port ${port} may not be used by this user. Choose one above 1023: npm start -- --port 3000`,
    EADDRNOTAVAIL: `${host} is not an address of this machine.`,
    ENOTFOUND: `${host} is not a known host.`,
  };
  throw new Problem(say[code] ?? `Cannot listen on ${host} port ${port} (${code}).`);
}

/** The address of a host within a URL; "any address" is reached by loopback. */
function urlHost(/** @type {string} */ host) {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

async function waitUntilItAnswers(/** @type {string} */ url, /** @type {Promise<number>} */ ended) {
  let alive = true;
  ended.then(() => {
    alive = false;
  });
  for (let left = 300; left > 0; left -= 1) {
    if (!alive) throw new Problem('The web server ended before it answered; its messages are above.');
    const answer = await fetch(url, { signal: AbortSignal.timeout(2000) }).catch(() => undefined);
    if (answer?.ok) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Problem('The web server did not answer within 30 seconds.');
}
