/** Commands that read a live cluster, or print what to run in one: the demo cluster behind a fake API server. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { loadYaml } from '@kubernetes/client-node';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Shop, startShop, TOKEN } from '../../tests/kube/start-shop';
import { temporaryFolder, writeTree } from '../sources/testing/make-bundle';
import { agentCommand } from './agent-command';
import { type CliError, errorText } from './cli-error';
import { debugPodCommand } from './debug-pod-command';
import { showCommand } from './show-command';

let folder: ReturnType<typeof temporaryFolder>;
let printed: string;
let told: string;
beforeEach(() => {
  folder = temporaryFolder();
  [printed, told] = ['', ''];
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += text;
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    told += text;
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  folder.remove();
});
const at = (name: string) => join(folder.path, name);

/** What a shell makes of the text, with a kubectl that writes down what it is given. */
function pasted(text: string) {
  writeTree(folder.path, { 'bin/kubectl': `#!/bin/sh\necho "$*"\ncat\n` }, 0o755);
  const env = { ...process.env, PATH: `${at('bin')}:${process.env.PATH}` };
  const { stdout, stderr, status } = spawnSync('sh', { input: text, env, encoding: 'utf8' });
  const [, ...manifest] = stdout.split('\n');
  const pod = loadYaml(manifest.join('\n')) as {
    readonly metadata: { readonly name: string; readonly namespace: unknown };
    readonly spec: { readonly nodeName: unknown; readonly hostNetwork: boolean };
  };
  return { pod, status, stderr };
}

describe('a cluster', () => {
  let shop: Shop;
  beforeEach(async () => {
    shop = await startShop();
    writeTree(folder.path, {
      token: TOKEN,
      config: JSON.stringify({
        clusters: [{ name: 'c', cluster: { server: shop.api.url } }],
        users: [{ name: 'u', user: {} }],
        contexts: [{ name: 'shop', context: { cluster: 'c', user: 'u' } }],
        'current-context': 'shop',
      }),
    });
    vi.stubEnv('KUBECONFIG', at('config'));
    vi.stubEnv('NFTSCOPE_AGENT_TOKEN_FILE', at('token'));
  });
  afterEach(() => shop.stop());

  test('its nodes are not captured at an unknown time: they are read when they are asked for', async () => {
    shop.api.store.remove('pods', 'agent-node-3', 'nftscope');
    expect(await showCommand(['--source', 'cluster'])).toBe(0);
    expect(printed.split('\n').map((line) => line.trim().split(/ {2,}/))).toEqual([
      ['cluster shop'],
      ['node-1', 'read when it is asked for', 'by agent'],
      ['node-2', 'read when it is asked for', 'by agent'],
      ['node-3', 'cannot be read (KUBE-007)', 'by nothing'],
      [''],
    ]);
  });

  test('what to run for a node that nothing can be asked on can be pasted from where it is told', async () => {
    shop.api.store.remove('pods', 'agent-node-3', 'nftscope');
    expect(await showCommand(['--source', 'cluster', '--node', 'node-3'])).toBe(1);
    const { pod, status, stderr } = pasted(told.slice(told.indexOf('kubectl')));
    expect([status, stderr]).toEqual([0, '']);
    expect(pod.spec).toMatchObject({ nodeName: 'node-3', hostNetwork: true });
  });
});

describe('debug-pod', () => {
  const podOf = async (...args: readonly string[]) => {
    printed = '';
    expect(await debugPodCommand(args)).toBe(0);
    return pasted(printed.slice(0, printed.indexOf('# Afterwards'))).pod;
  };

  test.each(['node-1', '123', '1e3', 'null', '0x1f', 'a.b'])('the node %s, by its name as text', async (node) => {
    expect((await podOf(node, '--namespace', '007')).metadata.namespace).toBe('007');
    expect((await podOf(node)).spec.nodeName).toBe(node);
  });

  test('each node has a pod name of its own, which is a label', async () => {
    const long = 'n'.repeat(60);
    const nodes = ['a.b', 'a-b', `${long}a`, `${long}b`, `${'n.'.repeat(30)}n`];
    const names: string[] = [];
    for (const node of nodes) names.push((await podOf(node)).metadata.name);
    expect(new Set(names).size).toBe(nodes.length);
    for (const name of names) expect(name).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
  });

  test('in another namespace than the one that is believed, how it is asked is told', async () => {
    await podOf('n');
    expect(told).toBe('');
    await podOf('n', '--namespace', 'ops');
    expect(told).toContain('--debug-in ops');
  });
});

test.each([
  ['there is no such file', 'none'],
  ['a folder', '.'],
])('agent: a token file that is %s ends it at once', async (_, name) => {
  const args = ['--token-file', at(name), '--port', '0', '--node-name', 'n'];
  const error = await agentCommand(args).catch((one: CliError) => one);
  expect(error).toMatchObject({ problem: { code: 'CLI-003' } });
  expect(errorText(error as CliError, 'text')).toContain(`The token file ${at(name)} cannot be read`);
});
