import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { temporaryFolder, writeTree } from '../sources/testing/make-bundle';
import { captureCommand } from './capture-command';

const DEMO = fileURLToPath(new URL('../../public/demo/shop-3node.tar.gz', import.meta.url));
const LISTING = '{"nftables": [{"metainfo": {"version": "1.0.6"}}]}';

describe('nftscope capture', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let printed: string;
  let told: string;
  beforeEach(() => {
    folder = temporaryFolder();
    printed = '';
    told = '';
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
    folder.remove();
  });
  const at = (name: string) => join(folder.path, name);

  test('names what it wrote, and tells how far it is', async () => {
    expect(await captureCommand(['--source', DEMO, '-o', at('out.tar.gz')])).toBe(0);
    expect(printed).toBe(`${at('out.tar.gz')}\n`);
    expect(told).toMatch(/node-\d \(3 of 3\): 12 files/);
    expect(readdirSync(folder.path)).toEqual(['out.tar.gz']);
    await expect(captureCommand(['--source', DEMO, '-o', at('out.tar.gz')])).rejects.toMatchObject({
      problem: { code: 'CLI-008' },
    });
  });

  test('redacted: the secret is gone when all is written, and is readable by its owner until then', async () => {
    expect(await captureCommand(['--source', DEMO, '--redact', '-o', at('out')])).toBe(0);
    expect(readdirSync(folder.path)).toEqual(['out']);
    expect(JSON.parse(readFileSync(at('out/capture.json'), 'utf8'))).toEqual({
      format: 1,
      redacted: expect.stringMatching(/^[0-9a-f]{16}$/),
      source: expect.stringMatching(/^[0-9a-f]{16}$/),
    });
    expect(readdirSync(at('out/nodes')).join()).not.toMatch(/node-/);
    await captureCommand(['--source', DEMO, '--redact', '--redact-key', at('key'), '-o', at('second')]);
    expect(statSync(at('key')).mode & 0o777).toBe(0o600);
    await captureCommand(['--source', DEMO, '--redact', '--redact-key', at('key'), '-o', at('third')]);
    expect(readFileSync(at('third/cluster/pods.json'))).toEqual(readFileSync(at('second/cluster/pods.json')));
    expect(readFileSync(at('out/cluster/pods.json'))).not.toEqual(readFileSync(at('second/cluster/pods.json')));
  });

  test('a redacted capture goes on by its own secret only', async () => {
    const key = ['--redact-key', at('key')];
    await captureCommand(['--source', DEMO, '--redact', ...key, '--node', 'node-1', '-o', at('out')]);
    expect(await captureCommand(['--source', DEMO, '--redact', ...key, '-o', at('out')])).toBe(0);
    expect(readdirSync(at('out/nodes'))).toHaveLength(3);
    for (const other of [[], ['--redact-key', at('other')]])
      await expect(captureCommand(['--source', DEMO, '--redact', ...other, '-o', at('out')])).rejects.toMatchObject({
        problem: { code: 'CAP-001' },
      });
    expect(readdirSync(at('out/nodes'))).toHaveLength(3);
    expect(existsSync(at('out.key'))).toBe(false);
  });

  test('a capture of another source is not gone on with, whatever it is called', async () => {
    for (const one of ['a', 'b']) writeTree(at(`${one}/same`), { [`nodes/${one}/nft.json`]: LISTING });
    expect(await captureCommand(['--source', at('a/same'), '-o', at('out')])).toBe(0);
    await expect(captureCommand(['--source', at('b/same'), '-o', at('out')])).rejects.toMatchObject({
      problem: { code: 'CAP-001', say: expect.stringContaining('the capture in it is of another source') },
    });
    expect(readdirSync(at('out/nodes'))).toEqual(['a']);
    expect(await captureCommand(['--source', at('a/../a/same'), '-o', at('out')])).toBe(0);
  });

  test('a listing that is no JSON is left out of a redacted capture, and said', async () => {
    writeTree(at('in'), { 'nodes/n/nft.json': '<html>shop</html>', 'nodes/n/addr.json': '[]' });
    expect(await captureCommand(['--source', at('in'), '--redact', '-o', at('out')])).toBe(0);
    const [node = ''] = readdirSync(at('out/nodes'));
    expect(existsSync(at(`out/nodes/${node}/nft.json`))).toBe(false);
    expect(readFileSync(at(`out/nodes/${node}/errors.json`), 'utf8')).toMatch(/redacting nft.json/);
  });

  test('a copy of a capture that lacks something is complete', async () => {
    const failure = { command: 'nft -j list ruleset', exitStatus: 139, stderr: '' };
    writeTree(at('in'), {
      'nodes/n/addr.json': '[]',
      'nodes/n/errors.json': JSON.stringify({ 'nft.json': failure }),
      'cluster/errors.json': JSON.stringify({ 'pods.json': failure }),
    });
    expect(await captureCommand(['--source', at('in'), '-o', at('out')])).toBe(0);
    expect(told).toMatch(/pods.json: not read: nft -j list ruleset crashed/);
  });

  test('a complete copy can be redacted only into another place', async () => {
    writeTree(at('in'), { 'nodes/n/nft.json': LISTING });
    await captureCommand(['--source', at('in'), '-o', at('out')]);
    await expect(captureCommand(['--source', at('in'), '--redact', '-o', at('out')])).rejects.toMatchObject({
      problem: { code: 'CAP-001' },
    });
  });

  test('the script is one POSIX script', async () => {
    expect(await captureCommand(['--script'])).toBe(0);
    expect(printed).toMatch(/^#!\/bin\/sh\n[\s\S]*exit 0\n$/);
  });

  test.each([
    { args: [], code: 'CLI-001' },
    { args: ['--source', DEMO], code: 'CLI-001' },
    { args: ['--script', '--redact'], code: 'CLI-001' },
    { args: ['-o', 'x', '--source', DEMO, '--redact-key', 'k'], code: 'CLI-001' },
    { args: ['-o', 'x', 'y'], code: 'CLI-001' },
    { args: ['-o', '/proc/nowhere/x', '--source', DEMO], code: 'CLI-008' },
    { args: ['-o', '/dev/null/x.tar.gz', '--source', DEMO], code: 'CLI-008' },
  ])('$args is refused', async ({ args, code }) => {
    await expect(captureCommand(args)).rejects.toMatchObject({ problem: { code } });
  });

  test('a file that holds no secret is refused', async () => {
    writeFileSync(at('key'), 'not a secret');
    const args = ['--source', DEMO, '--redact', '--redact-key', at('key'), '-o', at('out')];
    await expect(captureCommand(args)).rejects.toMatchObject({ problem: { code: 'CLI-004' } });
  });
});
