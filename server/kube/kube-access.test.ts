/** Kubeconfigs of all kinds against a fake API server over HTTPS. */
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { eventually } from '../../tests/kube/eventually';
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
  expect((await tried(choose(path)))[0]).toBe(
    `there are no credentials: the plugin ${at('broken')} ended with 1: please log in`,
  );
});

const API = 'client.authentication.k8s.io/v1';
const shell = (body: string, more: object = {}) => ({
  exec: { apiVersion: API, command: 'sh', args: ['-c', body], interactiveMode: 'Never', ...more },
});
const status = (members: object) =>
  shell(`echo '${JSON.stringify({ apiVersion: API, kind: 'ExecCredential', status: members })}'`);

test.each<[string, object, RegExp]>([
  [
    'a client certificate that is none',
    { 'client-certificate-data': 'aGVsbG8=', 'client-key-data': 'aGVsbG8=' },
    /^there are no credentials: the client certificate cannot be used: /,
  ],
  [
    'such a certificate of a plugin',
    status({ clientCertificateData: 'x', clientKeyData: 'y' }),
    /^there are no credentials: the client certificate cannot be used: /,
  ],
  [
    'a plugin that prints no JSON',
    shell('echo garbage'),
    /^there are no credentials: the plugin sh printed no ExecCredential/,
  ],
  ['a plugin that gives nothing', status({}), /^there are no credentials: the plugin sh printed no ExecCredential/],
  [
    'a plugin that is not there',
    shell('', { command: '/nowhere/plugin', installHint: 'Install it.' }),
    /^there are no credentials: the plugin \/nowhere\/plugin cannot be started: .*ENOENT; Install it\.$/,
  ],
  ['a plugin that a signal ended', shell('kill -9 $$'), /^there are no credentials: the plugin sh ended with SIGKILL$/],
  [
    'a token file that is not there',
    { tokenFile: '/nowhere/token' },
    /^there are no credentials: ENOENT.*\/nowhere\/token/,
  ],
  [
    'an auth provider that is no more',
    { 'auth-provider': { name: 'gcp', config: {} } },
    /^there are no credentials: there is no auth provider gcp any longer/,
  ],
  [
    'a token that cannot be sent',
    status({ token: 'a\u0001b' }),
    /^the API server does not answer: Invalid character in header/,
  ],
])('%s: said as it is, for lists and for exec', async (_, user, words) => {
  for (const said of await tried(choose(config({ u: user })))) expect(said).toMatch(words);
});

/** A process that was killed may still be a zombie of init's. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

test('a plugin that hangs is ended with what it started, and is asked once by all who wait', async () => {
  const pids = () => readFileSync(at('pids'), 'utf8').trim().split('\n').map(Number);
  writeFileSync(at('pids'), '');
  const body = `echo $$ >>${at('pids')}; sleep 1000 & echo $! >>${at('pids')}; wait`;
  const access = await kubeAccess(choose(config({ u: shell(body) })), { milliseconds: 1500 });
  if (!access.ok) throw new Error(access.problem.say);
  const both = await Promise.allSettled([access.value.credentials(), access.value.credentials()]);
  expect(both.map((one) => (one.status === 'rejected' ? String(one.reason) : 'ok'))).toEqual(
    Array(2).fill('Error: the plugin sh was ended: not done within 1.5 s'),
  );
  expect(pids()).toHaveLength(2);
  await eventually(() => !pids().some(isAlive));
});

test('who ends the program ends the plugin that it waits for', async () => {
  writeFileSync(at('pid'), '');
  const plugin = { command: 'sh', args: ['-c', `echo $$ >${at('pid')}; sleep 1000`] };
  const file = new URL('exec-plugin.ts', import.meta.url);
  const program = `import('${file}').then(({ pluginCredential }) => pluginCredential(${JSON.stringify(plugin)}, {}))`;
  const child = spawn(process.execPath, ['--conditions=react-server', '--import', 'tsx', '-e', program]);
  const ended = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
  try {
    await eventually(() => readFileSync(at('pid'), 'utf8') !== '');
    child.kill('SIGINT');
    expect(await ended).toBe('SIGINT');
    await eventually(() => !isAlive(Number(readFileSync(at('pid'), 'utf8'))));
  } finally {
    child.kill('SIGKILL');
  }
}, 30_000);

test('a plugin is told of the cluster where it asks for it', async () => {
  const cluster = {
    'certificate-authority': 'ca.crt',
    'certificate-authority-data': undefined,
    'tls-server-name': '127.0.0.1',
    extensions: [{ name: 'client.authentication.k8s.io/exec', extension: { audience: 'mine' } }],
  };
  const plugin = (more: object) =>
    shell(`printf '%s' "$KUBERNETES_EXEC_INFO" >${at('info')}; echo '{"status": {"token": "good"}}'`, more);
  const spec = async (more: object) => {
    expect((await tried(choose(config({ u: plugin(more) }, cluster))))[0]).toBe('ok');
    return (JSON.parse(readFileSync(at('info'), 'utf8')) as { spec: object }).spec;
  };
  expect(await spec({})).toEqual({ interactive: false });
  expect(await spec({ provideClusterInfo: true })).toEqual({
    interactive: false,
    cluster: {
      server: api.url,
      'tls-server-name': '127.0.0.1',
      'certificate-authority-data': base64('ca.crt'),
      config: { audience: 'mine' },
    },
  });
});

test('without an expiry what a plugin gave is good until it is refused', async () => {
  writeFileSync(at('runs'), '');
  const body = `echo x >>${at('runs')}; echo '{"status": {"token": "good"}}'`;
  const access = await kubeAccess(choose(config({ u: shell(body) })));
  if (!access.ok) throw new Error(access.problem.say);
  const runs = () => readFileSync(at('runs'), 'utf8').length / 2;
  await access.value.credentials();
  vi.useFakeTimers({ toFake: ['Date'] });
  try {
    vi.setSystemTime(Date.now() + 3_600_000);
    expect((await access.value.credentials()).headers.authorization).toBe('Bearer good');
    expect(runs()).toBe(1);
    await access.value.credentials(true);
    expect(runs()).toBe(2);
  } finally {
    vi.useRealTimers();
  }
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

test('a certificate of another name: tls-server-name names it; without it, and with skipping the check, as it should be', async () => {
  openssl('req', ...key.slice(0, 5), '-keyout', 'named.key', '-out', 'named.csr', '-subj', '/CN=x');
  writeFileSync(at('ext'), 'subjectAltName=DNS:api.internal');
  openssl(
    ...['x509', '-req', '-in', 'named.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2'],
    ...['-extfile', 'ext', '-out', 'named.crt'],
  );
  await api.stop();
  api = await new FakeApiServer({
    tls: { cert: readFileSync(at('named.crt')), key: readFileSync(at('named.key')) },
  }).start();
  api.store.set('pods', { metadata: { namespace: 'a', name: 'b' } });
  api.exec.handler = () => ({ frames: [{ stdout: 'x' }, { status: SUCCESS }] });
  const users = { u: { token: 'good' } };
  for (const said of await tried(choose(config(users)))) expect(said).toMatch(/does not answer: .*(altnames|IP)/);
  expect(await tried(choose(config(users, { 'tls-server-name': 'api.internal' })))).toEqual(['ok', 'ok']);
  expect((await tried(choose(config(users, { 'tls-server-name': 'api.other' }))))[0]).toMatch(/altnames/);
  const unchecked = { 'insecure-skip-tls-verify': true, 'certificate-authority-data': undefined };
  expect(await tried(choose(config(users, unchecked)))).toEqual(['ok', 'ok']);
});

test('proxy-url: the API server is asked through it', async () => {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const proxy = createServer();
  proxy.on('connect', (request, client: Socket, head: Buffer) => {
    asked.push(request.url ?? '');
    const { hostname, port } = new URL(`http://${request.url}`);
    const server = connect(Number(port), hostname, () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      server.write(head);
      server.pipe(client).pipe(server);
    });
    for (const socket of [client, server]) sockets.add(socket.on('error', () => undefined));
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  try {
    const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    expect(await tried(choose(config({ u: { token: 'good' } }, { 'proxy-url': url })))).toEqual(['ok', 'ok']);
    expect(new Set(asked)).toEqual(new Set([new URL(api.url).host]));
    // A list and an exec, each through it.
    expect(asked).toHaveLength(2);
  } finally {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  }
});

test('paths in a kubeconfig are from its folder', async () => {
  const credential = {
    apiVersion: 'client.authentication.k8s.io/v1',
    kind: 'ExecCredential',
    status: { token: 'good' },
  };
  writeTree(
    at('.'),
    { 'home/token': 'good\n', 'home/bin/say': `#!/bin/sh\necho '${JSON.stringify(credential)}'\n` },
    0o755,
  );
  const cluster = { server: api.url, 'certificate-authority': '../ca.crt' };
  const users = {
    certificate: { 'client-certificate': '../client.crt', 'client-key': '../client.key' },
    file: { tokenFile: 'token' },
    plugin: { exec: { apiVersion: credential.apiVersion, command: './bin/say', interactiveMode: 'Never' } },
  };
  writeFileSync(
    at('home/config'),
    JSON.stringify({
      clusters: [{ name: 'c', cluster }],
      users: Object.entries(users).map(([name, user]) => ({ name, user })),
      contexts: Object.keys(users).map((name) => ({ name, context: { cluster: 'c', user: name } })),
    }),
  );
  for (const name of Object.keys(users))
    expect([name, ...(await tried(choose(at('home/config'), name)))]).toEqual([name, 'ok', 'ok']);
});

test('the token file of a kubeconfig is read again when it was renewed', async () => {
  writeFileSync(at('renewed'), 'good');
  const access = await kubeAccess(choose(config({ u: { tokenFile: at('renewed') } })));
  if (!access.ok) throw new Error(access.problem.say);
  const list = async () =>
    (
      await new KubeClient(access.value).json('/api/v1/nodes', {
        signal: new AbortController().signal,
        right: { verb: 'list', resource: 'nodes', group: '' },
      })
    ).ok;
  expect(await list()).toBe(true);
  api.users.clear();
  api.users.set('newer', { name: 'bob' });
  expect(await list()).toBe(false);
  writeFileSync(at('renewed'), 'newer\n');
  expect(await list()).toBe(true);
});

test('several files in KUBECONFIG: contexts, clusters and users of all', async () => {
  const before = process.env.KUBECONFIG;
  writeTree(at('.'), {
    'one/config': JSON.stringify({
      clusters: [{ name: 'c', cluster: { server: api.url, 'certificate-authority': '../ca.crt' } }],
      contexts: [{ name: 'first', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'first',
    }),
    'two/config': JSON.stringify({
      users: [{ name: 'u', user: { token: 'good' } }],
      contexts: [{ name: 'second', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'second',
    }),
  });
  process.env.KUBECONFIG = [at('one/config'), at('missing'), at('two/config')].join(':');
  try {
    expect(await tried({ kind: 'kubeconfig' })).toEqual(['ok', 'ok']);
    expect(await tried({ kind: 'kubeconfig', context: 'second' })).toEqual(['ok', 'ok']);
    const access = await kubeAccess({ kind: 'kubeconfig' });
    // The first file that says so counts (client-go).
    expect(access.ok ? access.value.context : '').toBe('first');
  } finally {
    if (before === undefined) delete process.env.KUBECONFIG;
    else process.env.KUBECONFIG = before;
  }
});
