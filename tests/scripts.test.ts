import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { requireNode } from '../scripts/install.mjs';
import { requireFreePort, serve } from '../scripts/serve.mjs';

const script = (name: string, ...args: string[]) =>
  spawnSync(process.execPath, [`scripts/${name}.mjs`, ...args], {
    encoding: 'utf8',
    env: { ...process.env, PORT: '' },
  });

test.each([
  { name: 'a port that is no number', run: ['start', '--port', 'x'], say: '"x" is not a port' },
  { name: 'a port out of range', run: ['start', '--port', '70000'], say: '"70000" is not a port' },
  { name: 'an unknown option', run: ['start', '--prot', '1'], say: "Unknown option '--prot'" },
  { name: 'an address of another machine', run: ['start', '--host', '192.0.2.1'], say: '192.0.2.1 is not an address' },
  {
    name: 'a capture that is not there',
    run: ['start', '--source', 'lost.tar.gz'],
    say: 'No such file or folder: lost.tar.gz',
  },
  { name: 'an unknown stage', run: ['test', '--only', 'unti'], say: 'No stage "unti"' },
  { name: 'arguments for several runners', run: ['test', 'lib'], say: 'Further arguments need one --only' },
  { name: 'an unknown check', run: ['lint', 'typos'], say: 'No check "typos"' },
])('$name is refused in words, without a stack trace', ({ run: [name = '', ...args], say }) => {
  const { status, stderr } = script(name, ...args);
  expect(status).toBe(1);
  expect(stderr).toContain(say);
  expect(stderr).not.toMatch(/^\s+at /m);
});

test('a port in use is named, with a free one beside it', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  const { port } = other.address() as { port: number };
  await expect(requireFreePort(port, '127.0.0.1')).rejects.toThrow(`Port ${port} is in use`);
  other.close();
});

test('an older Node is refused', () => {
  const root = mkdtempSync(join(tmpdir(), 'nftscope-'));
  writeFileSync(join(root, 'package.json'), JSON.stringify({ engines: { node: '>=999.1' } }));
  expect(() => requireNode(root)).toThrow('nftscope needs Node 999.1 or newer');
  rmSync(root, { recursive: true });
});

test.skipIf(process.platform !== 'linux')('a build leaves no process behind', () => {
  const out = mkdtempSync(join(tmpdir(), 'nftscope-'));
  const code = `
    import { readdirSync, readFileSync } from 'node:fs';
    import { buildCli } from './scripts/build.mjs';
    await buildCli(process.cwd(), ${JSON.stringify(out)});
    // A child that has ended may not have been collected yet: state Z.
    const stats = readdirSync('/proc').filter((name) => /^\\d+$/.test(name)).flatMap((pid) => {
      try { return [readFileSync('/proc/' + pid + '/stat', 'utf8')]; } catch { return []; }
    });
    const mine = stats.map((stat) => stat.slice(stat.lastIndexOf(')') + 2).split(' ')).filter(([state, parent]) => state !== 'Z' && Number(parent) === process.pid);
    console.log('children: ' + mine.length);
    process.exit(0);`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' });
  expect([stdout, stderr]).toEqual([expect.stringContaining('children: 0\n'), '']);
  rmSync(out, { recursive: true });
});

test('serving what is not built says how to build it', async () => {
  await expect(serve({ root: tmpdir() })).rejects.toThrow('npm run build');
});

test('the lock names the packages of every platform and no registry host', () => {
  expect(script('complete-lock', '--check')).toMatchObject({ status: 0, stderr: '' });
});

test('the direction of imports is checked', () => {
  const root = mkdtempSync(join(tmpdir(), 'nftscope-'));
  symlinkSync(resolve('node_modules'), join(root, 'node_modules'));
  for (const file of ['.dependency-cruiser.cjs', 'tsconfig.json', 'package.json']) cpSync(file, join(root, file));
  const breaches = {
    'lib/nft/up.ts': "import '../sim/trace';",
    'lib/sim/trace.ts': "import 'node:fs';",
    'lib/nowhere/file.ts': 'export const lost = 1;',
    'components/view.ts': "import '../server/read';\nimport '../lib/nowhere/file';",
    'server/read.ts': "import '../components/view';",
  };
  for (const [file, text] of Object.entries(breaches)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), `${text}\n`);
  }
  const { status, stderr } = spawnSync(process.execPath, [resolve('scripts/check-deps.mjs')], {
    cwd: root,
    encoding: 'utf8',
  });
  rmSync(root, { recursive: true });
  expect(status).toBe(1);
  expect(stderr.trim().split('\n').sort()).toEqual([
    'components-import-lib-only: components/view.ts → server/read.ts',
    'lib-direction-nft-net: lib/nft/up.ts → lib/sim/trace.ts',
    'lib-folder-has-a-row: components/view.ts → lib/nowhere/file.ts',
    'lib-is-pure: lib/sim/trace.ts → fs',
    'no-cycles: components/view.ts → server/read.ts',
    'server-imports-lib-only: server/read.ts → components/view.ts',
  ]);
});
