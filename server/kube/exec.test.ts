/** Exec over WebSocket against a fake API server: frames as servers send them, and as they should not. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { accessTo } from '../../tests/kube/access-to';
import { eventually } from '../../tests/kube/eventually';
import { type ExecFrame, exitStatus, SUCCESS } from '../../tests/kube/exec-endpoint';
import { FakeApiServer } from '../../tests/kube/fake-api-server';
import { EXEC_LIMITS, exec } from './exec';
import { describeTrouble } from './trouble';

const TARGET = { namespace: 'kube-system', pod: 'proxy', container: 'kube-proxy' };
let api: FakeApiServer;
beforeEach(async () => {
  api = await new FakeApiServer().start();
  api.store.set('pods', { metadata: { namespace: 'kube-system', name: 'proxy' } });
});
afterEach(() => api.stop());

const run = (limits: Partial<typeof EXEC_LIMITS> = {}, signal = new AbortController().signal, command = ['x']) =>
  exec(accessTo(api), TARGET, command, { ...EXEC_LIMITS, ...limits }, signal);
async function played(frames: readonly ExecFrame[], limits: Partial<typeof EXEC_LIMITS> = {}) {
  api.exec.handler = () => ({ frames });
  const answer = await run(limits);
  if (!answer.ok) return describeTrouble(answer.trouble);
  const { stdout, stderr, exitStatus: status } = answer.value;
  return [stdout.toString(), stderr, status];
}

test.each(['v5.channel.k8s.io', 'v4.channel.k8s.io'])(
  'a real command over %s: 20 MB, and its exit status',
  async (protocol) => {
    api.exec.protocols = [protocol];
    api.exec.handler = ({ command }) => ({ run: [command[0] ?? '', ...command.slice(1)] });
    const script = 'head -c 20000000 /dev/zero; echo oops >&2; exit 3';
    const answer = await run({}, new AbortController().signal, ['sh', '-c', script]);
    if (!answer.ok) throw new Error(describeTrouble(answer.trouble));
    expect(answer.value.stdout.length).toBe(20_000_000);
    expect([answer.value.stderr, answer.value.exitStatus]).toEqual(['oops\n', 3]);
    expect(api.exec.asked).toEqual([{ ...TARGET, command: ['sh', '-c', script] }]);
  },
);

test.each<[string, readonly ExecFrame[], unknown]>([
  ['output that comes after the status', [{ stdout: 'a' }, { status: SUCCESS }, { stdout: 'b' }], ['ab', '', 0]],
  ['closed streams', [{ stdout: 'a' }, { close: 1 }, { close: 2 }, { status: SUCCESS }], ['a', '', 0]],
  ['an exit status', [{ stderr: 'no' }, { status: exitStatus(42) }], ['', 'no', 42]],
  ['a status without a code', [{ status: { status: 'Failure', message: 'no such container' } }], ['', '', null]],
  ['a status that is no JSON', [{ raw: Buffer.from('\u0003<html>') }], ['', '', null]],
  [
    'empty frames, text frames, unknown channels',
    [{ raw: Buffer.alloc(0) }, { text: 'x' }, { raw: Buffer.from([9, 9]) }, { stdout: 'a' }, { status: SUCCESS }],
    ['a', '', 0],
  ],
  [
    'a connection that breaks',
    [{ stdout: 'a' }, 'drop'],
    'the API server does not answer: the connection ended before the status of the command came',
  ],
  [
    'a connection that ends in order, without a status',
    [{ stdout: 'a' }],
    'the API server does not answer: the connection ended before the status of the command came',
  ],
])('%s', async (_, frames, want) => {
  expect(await played(frames)).toEqual(want);
});

test('a command that says nothing is left after its time', async () => {
  expect(await played(['hang'], { milliseconds: 50 })).toBe('the API server does not answer: not done within 0.05 s');
  await eventually(() => api.exec.sockets.size === 0);
});

test('more output than allowed', async () => {
  const frames = Array.from({ length: 100 }, () => ({ stdout: 'x'.repeat(10_000) }));
  expect(await played([...frames, 'hang'], { stdoutBytes: 200_000 })).toBe(
    'the answer makes no sense: more than 200000 bytes of output',
  );
});

test('a connection that answers no ping is dead', async () => {
  api.exec.handler = () => ({ frames: ['hang'] });
  const reading = run({ pingMs: 30 });
  await eventually(() => api.exec.sockets.size === 1);
  for (const socket of api.exec.sockets) socket.pause();
  const answer = await reading;
  expect(answer.ok ? 'done' : describeTrouble(answer.trouble)).toMatch(/no answer to a ping/);
});

test('rights, pods and tokens that are missing', async () => {
  api.denied.add('create pods/exec');
  expect(await played([])).toBe('missing right: create pods/exec (API group "") in the namespace kube-system');
  api.denied.clear();
  api.store.remove('pods', 'proxy', 'kube-system');
  expect(await played([])).toBe('the API server answers 404: pods "proxy" not found');
  api.users.set('new', { name: 'me' });
  const expired = await exec(accessTo(api, ['old', 'older']), TARGET, ['x'], EXEC_LIMITS, new AbortController().signal);
  expect(expired.ok ? 'done' : expired.trouble.kind).toBe('unauthorized');
});

test('credentials that expired are renewed', async () => {
  api.users.set('new', { name: 'me' });
  api.exec.handler = () => ({ frames: [{ stdout: 'a' }, { status: SUCCESS }] });
  const answer = await exec(accessTo(api, ['old', 'new']), TARGET, ['x'], EXEC_LIMITS, new AbortController().signal);
  expect(answer.ok && answer.value.stdout.toString()).toBe('a');
});

test('given up', async () => {
  api.exec.handler = () => ({ frames: ['hang'] });
  const controller = new AbortController();
  const reading = run({}, controller.signal);
  await eventually(() => api.exec.sockets.size === 1);
  controller.abort();
  expect(await reading).toEqual({ ok: false, trouble: { kind: 'cancelled' } });
  await eventually(() => api.exec.sockets.size === 0);
});
