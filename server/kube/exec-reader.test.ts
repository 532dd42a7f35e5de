/** A node read by exec: the script under real shells, with programs that are scripts themselves. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { accessTo } from '../../tests/kube/access-to';
import type { ExecHandler } from '../../tests/kube/exec-endpoint';
import { exitStatus, SUCCESS } from '../../tests/kube/exec-endpoint';
import { FakeApiServer } from '../../tests/kube/fake-api-server';
import { temporaryFolder, writeTree } from '../sources/testing/make-bundle';
import { EXEC_LIMITS } from './exec';
import { readByExec } from './exec-reader';
import { parseScript } from './exec-script';
import type { NodePod } from './node-pods';

const LISTING = `{"nftables": [{"metainfo": {"version": "1.0.6", "json_schema_version": 1}}, "${'x'.repeat(200_000)}"]}`;
const POD: NodePod = {
  namespace: 'kube-system',
  name: 'proxy',
  node: 'node-1',
  role: 'kube-proxy',
  container: 'kube-proxy',
  running: true,
  address: undefined,
  port: 0,
  scheme: 'http',
  version: undefined,
};
const folder = temporaryFolder();
afterAll(folder.remove);
const script = (body: string) => `#!/bin/sh\n${body}\n`;
const NFT = script(
  `case "$*" in "-j list ruleset") printf '%s' '${LISTING}';; "-a list ruleset") echo 'table ip a {}'; echo 'warned' >&2;; --version) echo 'nftables v1.0.6 (Lester Gooch #5)';; esac`,
);
const SYSTEM = ['sh', 'timeout', 'tee', 'wc', 'cat', 'sleep'];

/** A container: its own programs, and those of the system that it is said to have. */
function container(name: string, programs: { readonly [name: string]: string }, system: readonly string[]): string {
  const bin = join(folder.path, name);
  mkdirSync(bin, { recursive: true });
  writeTree(bin, { nft: NFT, ...programs }, 0o755);
  for (const one of system) {
    const found = spawnSync('sh', ['-c', `command -v ${one}`], { encoding: 'utf8' }).stdout.trim();
    if (found.startsWith('/')) symlinkSync(found, join(bin, one));
  }
  return bin;
}

let api: FakeApiServer;
beforeEach(async () => {
  api = await new FakeApiServer().start();
  api.store.set('pods', { metadata: { namespace: 'kube-system', name: 'proxy' } });
});
afterEach(() => api.stop());
/** As a container runtime: only what is in PATH can be run, and its output is a pipe, which Node's own is not. */
const runIn =
  (bin: string, shell: readonly string[] = ['/bin/sh']): ExecHandler =>
  ({ command: [program = '', ...args] }) => ({
    run: ['/bin/sh', '-c', `env -i PATH=${bin} "$@" | cat`, 'sh', ...(program === 'sh' ? shell : [program]), ...args],
  });
/** What the script prints, whole. */
const printed = (bin: string, [, ...args]: readonly string[]): Buffer =>
  spawnSync('/bin/sh', ['-c', `env -i PATH=${bin} /bin/sh "$@" | cat`, 'sh', ...args], { maxBuffer: 1e8 }).stdout;
async function read() {
  const outcome = await readByExec(accessTo(api), POD, EXEC_LIMITS, new AbortController().signal);
  if (!outcome.ok) return { failure: outcome.failure, text: () => undefined, part: () => undefined };
  const { parts } = outcome.value;
  const text = (name: string) => {
    const one = parts.get(name);
    return one?.kind === 'read' ? Buffer.from(one.content).toString() : undefined;
  };
  return { failure: undefined, text, part: (name: string) => parts.get(name) };
}

const busybox = spawnSync('busybox', ['true']).status === 0;
const SHELLS: readonly (readonly [string, readonly string[]])[] = [
  ['system', ['/bin/sh']],
  ['bash', ['/bin/bash', '--posix']],
  ...(busybox ? [['busybox', ['busybox', 'sh']] as const] : []),
];

describe.each(SHELLS)('a shell: %s', (name, shell) => {
  test.each([
    ['that counts', SYSTEM],
    ['without tee and timeout', ['cat']],
  ])('a container %s: every output whole, failures with their words', async (_, system) => {
    const ip = script('if [ "$2" = -4 ]; then echo "[]"; else echo "no such family" >&2; exit 2; fi');
    const bin = container(
      `shell-${name}-${system.length}`,
      { ip },
      name === 'busybox' ? [...system, 'busybox'] : system,
    );
    api.exec.handler = runIn(bin, shell);
    const { text, part, failure } = await read();
    expect(failure).toBeUndefined();
    expect(text('nft.json')).toBe(LISTING);
    expect(text('nft.txt')).toBe('table ip a {}\n');
    expect(text('route4.json')).toBe('[]\n');
    expect(part('route6.json')).toEqual({
      kind: 'failed',
      failure: { command: 'ip -j -6 route show table all', exitStatus: 2, stderr: 'no such family\n' },
    });
    expect(part('conntrack.txt')).toMatchObject({ failure: { exitStatus: 127, stderr: 'conntrack: not found\n' } });
    expect(text('sysctl.txt')).toMatch(/^net\.ipv4\.ip_forward = [01]$/m);
    expect(text('sysctl.txt')).toMatch(/^net\.ipv4\.conf\.lo\.rp_filter = \d$/m);
    expect(JSON.parse(text('versions.json') ?? '')).toMatchObject({
      nft: '1.0.6',
      kernel: expect.stringMatching(/^\d/),
    });
    expect(part('iptables-save.txt')).toBeUndefined();
  });
});

test('xt expressions: their parameters are asked for', async () => {
  const nft = script(`case "$*" in "-j list ruleset") echo '{"nftables": [{"xt": null}]}';; *) true;; esac`);
  const saved = { 'iptables-nft-save': script('echo "*filter"'), 'ip6tables-nft-save': script('exit 1') };
  api.exec.handler = runIn(container('xt', { nft, ip: script('echo "[]"'), ...saved }, SYSTEM));
  const { text, part } = await read();
  expect(text('iptables-save.txt')).toBe('*filter\n');
  expect(part('ip6tables-save.txt')).toMatchObject({ kind: 'failed' });
});

test('nft that crashes', async () => {
  api.exec.handler = runIn(container('crash', { nft: script('echo boom >&2; kill -SEGV $$') }, SYSTEM));
  expect((await read()).part('nft.json')).toMatchObject({
    failure: { command: 'nft -j list ruleset', exitStatus: 139, stderr: expect.stringContaining('boom') },
  });
});

test('no shell: the ruleset alone, and only if it is whole JSON', async () => {
  const noShell = { status: 'Failure', message: 'exec: "sh": executable file not found in $PATH: unknown' };
  const answering =
    (listing: string): ExecHandler =>
    ({ command }) => {
      if (command[0] === 'sh') return { frames: [{ status: noShell }] };
      return { frames: [{ stdout: command[1] === '-j' ? listing : 'nftables v1.1.3 (x)\n' }, { status: SUCCESS }] };
    };
  api.exec.handler = answering(LISTING);
  const whole = await read();
  expect(whole.text('nft.json')).toBe(LISTING);
  expect(JSON.parse(whole.text('versions.json') ?? '')).toEqual({ nft: '1.1.3' });
  expect(whole.part('nft.txt')).toBeUndefined();
  api.exec.handler = answering(LISTING.slice(0, -1000));
  expect((await read()).failure?.stderr).toBe('nft -j list ruleset: the output was cut, or is no JSON');
});

test.each([0.1, 0.5, 0.9, 0.99])(
  'cut at %s of its length: unreadable, although the status is Success',
  async (share) => {
    const bin = container(`cut-${share}`, { ip: script('echo "[]"') }, SYSTEM);
    api.exec.handler = ({ command }) => {
      const whole = printed(bin, command);
      return { frames: [{ stdout: whole.subarray(0, Math.floor(whole.length * share)) }, { status: SUCCESS }] };
    };
    expect((await read()).failure?.stderr).toMatch(/has no end|ends before its last line|bytes of/);
  },
);

test('bytes that are missing in the middle', async () => {
  const bin = container('middle', { ip: script('echo "[]"') }, SYSTEM);
  api.exec.handler = ({ command }) => {
    const whole = printed(bin, command);
    return { frames: [{ stdout: whole.subarray(0, 50_000) }, { stdout: whole.subarray(82_768) }, { status: SUCCESS }] };
  };
  expect((await read()).failure?.stderr).toBe(`0-nft.json has ${LISTING.length - 32_768} bytes of ${LISTING.length}`);
});

test('killed: the words of the status', async () => {
  api.exec.handler = () => ({ frames: [{ stdout: 'x' }, { status: exitStatus(137) }] });
  expect((await read()).failure).toMatchObject({
    command: 'exec in kube-system/proxy',
    stderr: expect.stringContaining('exit status 137'),
  });
});

test('an output that looks like a mark of another reading stays an output', () => {
  const stdout = 'w1 begin a\nw2 end a 0 1\n\nw1 end a 0 13\nw1 done\n';
  const parsed = parseScript('w1', Buffer.from(stdout), '');
  expect('parts' in parsed ? parsed.parts.get('a')?.stdout.toString() : parsed.cut).toBe('w2 end a 0 1\n');
});
