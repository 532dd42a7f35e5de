/** Connections of those who have no token: they must not keep others out, with and without TLS. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Agent, get, type RequestOptions } from 'node:http';
import { Agent as TlsAgent, get as tlsGet } from 'node:https';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventually } from '../../tests/kube/eventually';
import { temporaryFolder } from '../sources/testing/make-bundle';
import { CONNECTION_LIMITS, type ConnectionLimits } from './connections';
import { fakeNft } from './testing/fake-nft';
import { startAgent } from './testing/start-agent';

let folder: ReturnType<typeof temporaryFolder>;
const stops: (() => void)[] = [];
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
  folder.remove();
});

function certificate() {
  const at = (name: string) => join(folder.path, name);
  const kind = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  execFileSync('openssl', [...kind, '-subj', '/CN=x', '-keyout', at('key'), '-out', at('crt')], { stdio: 'pipe' });
  return { cert: readFileSync(at('crt')), key: readFileSync(at('key')) };
}

async function started(isTls: boolean, connectionLimits?: ConnectionLimits) {
  const agent = await startAgent({
    nft: [{ of: 'image', argv: [fakeNft(folder.path)] }],
    check: async (token) => (token === 'good' ? { kind: 'allowed' } : { kind: 'unknown', advice: '' }),
    ...(isTls && { tls: certificate() }),
    ...(connectionLimits !== undefined && { connectionLimits }),
  });
  stops.push(agent.stop);
  const { port } = new URL(agent.base);
  /** Each with a connection of its own, unless an agent keeps it. */
  const status = (path: string, token?: string, more: RequestOptions = {}) =>
    new Promise<number | string>((resolve) => {
      const headers = { ...(token !== undefined && { authorization: `Bearer ${token}` }) };
      const options = { agent: false, rejectUnauthorized: false, ...more, headers };
      (isTls ? tlsGet : get)(`${agent.base}${path}`, options, (response) => {
        response.resume().once('end', () => resolve(response.statusCode ?? 0));
      }).once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    });
  /** A connection that says nothing. */
  const idle = (localAddress = '127.0.0.1') =>
    new Promise<Socket>((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: Number(port), localAddress });
      stops.push(() => socket.destroy());
      socket.resume().once('connect', () => resolve(socket));
      // Before it is there: it was let in and closed at once.
      socket.once('error', reject).on('error', () => undefined);
    });
  return { status, idle };
}
const ended = (sockets: readonly Socket[]) => sockets.filter((socket) => socket.destroyed).length;

describe.each([
  ['http', false],
  ['https', true],
])('%s', (_, isTls) => {
  test('beside 520 that say nothing, health and those who have the token are answered', async () => {
    const { status, idle } = await started(isTls);
    const flood: Socket[] = [];
    for (let i = 0; i < 520; i++) flood.push(await idle());
    expect(await status('/healthz')).toBe(200);
    expect(await status('/v1/node', 'good')).toBe(200);
    expect(await status('/v1/node', 'bad')).toBe(401);
    await eventually(() => ended(flood) >= 520 - CONNECTION_LIMITS.mostUnprovenOfAddress);
  });

  test('a connection that has shown its token is not closed for others', async () => {
    const { status, idle } = await started(isTls, { most: 4, mostUnprovenOfAddress: 3 });
    const agent = isTls
      ? new TlsAgent({ keepAlive: true, maxSockets: 1 })
      : new Agent({ keepAlive: true, maxSockets: 1 });
    stops.push(() => agent.destroy());
    expect(await status('/v1/node', 'good', { agent })).toBe(200);
    const [kept] = Object.values(agent.freeSockets).flat();
    const flood: Socket[] = [];
    for (let i = 0; i < 20; i++) flood.push(await idle());
    await eventually(() => ended(flood) === 17);
    expect(await status('/v1/node', 'good', { agent })).toBe(200);
    expect(Object.values(agent.freeSockets).flat()[0]).toBe(kept);
  });
});

test('of all the oldest goes first, of the address that has most; a token that is refused proves nothing', async () => {
  const { status, idle } = await started(false, { most: 6, mostUnprovenOfAddress: 5 });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  stops.push(() => agent.destroy());
  expect(await status('/v1/node', 'bad', { agent })).toBe(401);
  const [refused] = Object.values(agent.freeSockets).flat();
  const few = [await idle('127.0.0.3'), await idle('127.0.0.3')];
  const many = [await idle('127.0.0.2'), await idle('127.0.0.2'), await idle('127.0.0.2')];
  const more = [await idle('127.0.0.2'), await idle('127.0.0.2')];
  await eventually(() => ended(many) === 2);
  expect(many.map(({ destroyed }) => destroyed)).toEqual([true, true, false]);
  const [own, again] = [await idle('127.0.0.1'), await idle('127.0.0.1')];
  await eventually(() => ended([...many, ...more]) === 3);
  const third = await idle('127.0.0.1');
  await eventually(() => refused?.destroyed === true);
  expect([ended(few), ended([own, again, third])]).toEqual([0, 0]);
});
