import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { serve } from '../../scripts/serve.mjs';
import { temporaryFolder } from '../sources/testing/make-bundle';
import { serveCommand } from './serve-command';

const folder = temporaryFolder();
afterAll(folder.remove);
const started = vi.hoisted(() => ({ options: [] as { readonly clusters?: readonly object[] }[] }));
vi.mock('../../scripts/serve.mjs', async (original) => ({
  ...(await original<typeof import('../../scripts/serve.mjs')>()),
  serve: async (options: { readonly clusters?: readonly object[] }) => {
    started.options.push(options);
    return { url: 'http://localhost', ended: Promise.resolve(0), stop: async () => undefined };
  },
}));

const file = (name: string, text: string) => {
  const path = join(folder.path, name);
  writeFileSync(path, text);
  return path;
};
const kubeconfig = file(
  'config',
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server: 'http://127.0.0.1:1' } }],
    users: [{ name: 'u', user: {} }],
    contexts: [{ name: 'shop', context: { cluster: 'c', user: 'u' } }],
  }),
);
const fromHere = (path: string) => relative(process.cwd(), path);

test('paths are those of where the user stands: the server is told them whole', async () => {
  const [token, ca] = [file('token', 'secret\n'), file('ca.crt', 'x')];
  const paths = ['--kubeconfig', kubeconfig, '--agent-token-file', token, '--agent-ca-file', ca];
  const args = paths.map((word) => (word.startsWith('--') ? word : fromHere(word)));
  expect(args).not.toContain(token);
  await serveCommand([...args, '--context', 'shop']);
  expect(started.options.pop()?.clusters).toMatchObject([{ kubeconfig, agentTokenFile: token, agentCaFile: ca }]);
});

test('a token file that is not there is an error before anything starts', async () => {
  const lost = join(folder.path, 'lost');
  const served = serveCommand(['--kubeconfig', kubeconfig, '--context', 'shop', '--agent-token-file', lost]);
  await expect(served).rejects.toMatchObject({
    problem: { code: 'KUBE-008', say: expect.stringContaining('lost cannot be read: there is no such file') },
  });
  expect(started.options).toEqual([]);
});

test('KUBECONFIG: each of its paths', async () => {
  const real = await vi.importActual<typeof import('../../scripts/serve.mjs')>('../../scripts/serve.mjs');
  mkdirSync(join(folder.path, '.next/standalone'), { recursive: true });
  file(
    '.next/standalone/server.js',
    `require('node:http').createServer((_, answer) => answer.end(process.env.KUBECONFIG)).listen(Number(process.env.PORT), '127.0.0.1');`,
  );
  expect(serve).not.toBe(real.serve);
  vi.stubEnv('KUBECONFIG', `one:/two/three:../four`);
  const server = await real.serve({ root: folder.path, port: 20_000 + (process.pid % 20_000), from: '/home/me' });
  try {
    expect(await (await fetch(server.url)).text()).toBe('/home/me/one:/two/three:/home/four');
  } finally {
    await server.stop();
    vi.unstubAllEnvs();
  }
});
