/** Kubeconfigs of all kinds against a fake API server over HTTPS. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { SUCCESS } from '../../tests/kube/exec-endpoint';
import { FakeApiServer } from '../../tests/kube/fake-api-server';
import { temporaryFolder, writeTree } from '../sources/testing/make-bundle';
import { EXEC_LIMITS, exec } from './exec';
import { type KubeChoice, kubeAccess } from './kube-access';
import { KubeClient } from './kube-client';
import { describeTrouble } from './trouble';

const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
const openssl = (...args: readonly string[]) => execFileSync('openssl', args, { cwd: folder.path, stdio: 'pipe' });
const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
const base64 = (name: string) => readFileSync(at(name)).toString('base64');

beforeAll(() => {
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=test-ca');
  for (const [name, subject, extension] of [
    ['server', '/CN=api', 'subjectAltName=IP:127.0.0.1'],
    ['client', '/CN=alice', 'extendedKeyUsage=clientAuth'],
  ] as const) {
    openssl('req', ...key.slice(0, 5), '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', subject);
    writeFileSync(at('ext'), extension);
    openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      'ca.crt',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-days',
      '2',
      '-extfile',
      'ext',
      '-out',
      `${name}.crt`,
    );
  }
});
afterAll(folder.remove);

let api: FakeApiServer;
beforeEach(async () => {
  const tls = {
    cert: readFileSync(at('server.crt')),
    key: readFileSync(at('server.key')),
    clientCa: readFileSync(at('ca.crt')),
  };
  api = new FakeApiServer({ tls });
  // Asked for, not required: others come with a token.
  await api.start();
  api.users.set('good', { name: 'bob' });
  api.store.set('nodes', { metadata: { name: 'node-1' } });
  api.store.set('pods', { metadata: { namespace: 'a', name: 'b' } });
  api.exec.handler = () => ({ frames: [{ stdout: 'x' }, { status: SUCCESS }] });
});
afterEach(async () => {
  await api.stop();
  delete process.env.KUBERNETES_SERVICE_HOST;
  delete process.env.KUBERNETES_SERVICE_PORT;
});

function config(users: object, more: object = {}): string {
  const names = Object.keys(users);
  const path = at('config');
  writeFileSync(
    path,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster: { server: api.url, 'certificate-authority-data': base64('ca.crt'), ...more } }],
      users: Object.entries(users).map(([name, user]) => ({ name, user })),
      contexts: names.map((name) => ({ name: `ctx-${name}`, context: { cluster: 'c', user: name } })),
      'current-context': `ctx-${names[0]}`,
    }),
  );
  return path;
}

/** What a list, and an exec over wss, come to. */
async function tried(choice: KubeChoice): Promise<readonly string[]> {
  const access = await kubeAccess(choice);
  if (!access.ok) return [`${access.problem.code} ${access.problem.say} ${access.problem.do}`];
  const { signal } = new AbortController();
  const client = new KubeClient(access.value);
  const right = { verb: 'list', resource: 'nodes', group: '' };
  const list = await client.json('/api/v1/nodes', { signal, right });
  const ran = await exec(access.value, { namespace: 'a', pod: 'b', container: 'c' }, ['x'], EXEC_LIMITS, signal);
  return [list, ran].map((one) => (one.ok ? 'ok' : describeTrouble(one.trouble)));
}
const choose = (path: string, context?: string): KubeChoice => ({ kind: 'kubeconfig', path, context });
const REFUSED = 'the API server does not accept the credentials: they may have expired';

test('a token; of several contexts the one that is asked for', async () => {
  const path = config({ first: { token: 'bad' }, second: { token: 'good' } });
  expect(await tried(choose(path))).toEqual([REFUSED, REFUSED]);
  expect(await tried(choose(path, 'ctx-second'))).toEqual(['ok', 'ok']);
  expect(await tried(choose(path, 'third'))).toEqual([
    'KUBE-002 There is no context "third". Give --context; there is ctx-first, ctx-second.',
  ]);
});

test('a client certificate', async () => {
  const files = { 'client-certificate': 'client.crt', 'client-key': at('client.key') };
  const path = config({
    files,
    data: { 'client-certificate-data': base64('client.crt'), 'client-key-data': base64('client.key') },
  });
  expect(await tried(choose(path))).toEqual(['ok', 'ok']);
  expect(await tried(choose(path, 'ctx-data'))).toEqual(['ok', 'ok']);
});

test('a server with a certificate of somebody else', async () => {
  const path = config({ u: { token: 'good' } }, { 'certificate-authority-data': base64('client.crt') });
  expect((await tried(choose(path)))[0]).toMatch(/does not answer: .*(certificate|issuer|self)/);
});

test('an exec plugin: told what it is asked for, asked once, and again when its token is refused', async () => {
  writeTree(
    folder.path,
    {
      plugin: `#!/bin/sh
echo "$KUBERNETES_EXEC_INFO" >>"${at('asked')}"
cat "${at('credential')}"
`,
    },
    0o755,
  );
  const credential = (token: string) =>
    writeFileSync(
      at('credential'),
      JSON.stringify({
        apiVersion: 'client.authentication.k8s.io/v1',
        kind: 'ExecCredential',
        status: { token, expirationTimestamp: '2999-01-01T00:00:00Z' },
      }),
    );
  credential('good');
  const plugin = {
    apiVersion: 'client.authentication.k8s.io/v1',
    command: at('plugin'),
    args: [],
    interactiveMode: 'Never',
  };
  const access = await kubeAccess(choose(config({ u: { exec: plugin } })));
  if (!access.ok) throw new Error(access.problem.say);
  const client = new KubeClient(access.value);
  const list = () =>
    client.json('/api/v1/nodes', {
      signal: new AbortController().signal,
      right: { verb: 'list', resource: 'nodes', group: '' },
    });
  const asked = () => readFileSync(at('asked'), 'utf8').trim().split('\n');
  expect((await list()).ok && (await list()).ok).toBe(true);
  expect(asked().map((line) => JSON.parse(line))).toEqual([
    { kind: 'ExecCredential', apiVersion: 'client.authentication.k8s.io/v1', spec: { interactive: false } },
  ]);
  api.users.clear();
  api.users.set('newer', { name: 'bob' });
  credential('newer');
  expect((await list()).ok).toBe(true);
  expect(asked()).toHaveLength(2);
});

test('an exec plugin that fails: its words', async () => {
  writeTree(folder.path, { broken: '#!/bin/sh\necho "please log in" >&2; exit 1\n' }, 0o755);
  const path = config({ u: { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: at('broken') } } });
  expect((await tried(choose(path)))[0]).toMatch(/no credentials: please log in/);
});

test('the service account of a pod; its token is read again when it is refused', async () => {
  writeTree(at('.'), { 'account/token': 'bad\n', 'account/ca.crt': readFileSync(at('ca.crt'), 'utf8') });
  const url = new URL(api.url);
  process.env.KUBERNETES_SERVICE_HOST = url.hostname;
  process.env.KUBERNETES_SERVICE_PORT = url.port;
  const choice: KubeChoice = { kind: 'in-cluster', folder: at('account') };
  const access = await kubeAccess(choice);
  if (!access.ok) throw new Error(access.problem.say);
  const list = () =>
    new KubeClient(access.value).json('/api/v1/nodes', {
      signal: new AbortController().signal,
      right: { verb: 'list', resource: 'nodes', group: '' },
    });
  const first = await list();
  expect(first.ok ? 'ok' : first.trouble.kind).toBe('unauthorized');
  writeFileSync(at('account/token'), 'good');
  expect((await list()).ok).toBe(true);
});

function written(text: string): KubeChoice {
  writeFileSync(at('written'), text);
  return choose(at('written'));
}

test.each<[string, () => KubeChoice, RegExp]>([
  ['no file', () => choose(at('none')), /^KUBE-001 .*none/],
  ['no YAML', () => written('{: ['), /^KUBE-001 /],
  ['something else', () => written('hello'), /^KUBE-00[12] /],
  ['no pod', () => ({ kind: 'in-cluster' }), /^KUBE-003 .*no KUBERNETES_SERVICE_HOST/],
])('%s', async (_, choice, words) => {
  expect((await tried(choice()))[0]).toMatch(words);
});
