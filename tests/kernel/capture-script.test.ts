/** The script for nodes without nftscope, under dash and busybox, in a network namespace: it reads what nftscope reads there. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { captureScript } from '@/lib/capture/capture-script';
import { NODE_COMMANDS, SYSCTLS, SYSCTLS_PER_INTERFACE } from '@/server/sources/node-commands';
import { openPath } from '@/server/sources/open-source';
import { runCommand } from '@/server/sources/run-command';
import { DEFAULT_LIMITS } from '@/server/sources/source';
import { temporaryFolder } from '@/server/sources/testing/make-bundle';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });
const NAMESPACE = `nftscope-script-${process.pid}`;
const { signal } = new AbortController();
const folder = temporaryFolder();
const at = (...parts: readonly string[]) => join(folder.path, ...parts);
const inside = (...argv: readonly string[]) =>
  execFileSync('ip', ['netns', 'exec', NAMESPACE, ...argv], { encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] });
const present = (program: string) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

const probe = await runCommand(['nft', 'list', 'tables'], { milliseconds: 20_000, bytes: 1e6 }, signal);
const why = probe.kind === 'failed' ? probe.failure.stderr : undefined;
const SHELLS = [
  { name: 'dash', argv: ['dash'] },
  { name: 'busybox', argv: ['busybox', 'sh'] },
] as const;

describe.skipIf(why !== undefined)(`the capture script${why === undefined ? '' : `: skipped, ${why}`}`, () => {
  beforeAll(() => {
    writeFileSync(
      at('capture.sh'),
      captureScript({ files: NODE_COMMANDS, sysctls: SYSCTLS, sysctlsPerInterface: SYSCTLS_PER_INTERFACE }),
    );
    execFileSync('ip', ['netns', 'add', NAMESPACE]);
    inside('ip', 'link', 'set', 'lo', 'up');
    // Addresses are there at once.
    inside('sh', '-c', 'echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad');
    inside('ip', 'link', 'add', 'v.100', 'type', 'veth', 'peer', 'name', 'v1');
    inside('ip', 'addr', 'add', '10.9.0.1/24', 'dev', 'v.100');
    inside('ip', 'link', 'set', 'v.100', 'up');
    inside('ip', 'link', 'set', 'v1', 'up');
    inside('ip', 'neigh', 'add', '10.9.0.2', 'lladdr', '02:00:00:00:00:01', 'dev', 'v.100', 'nud', 'permanent');
    execFileSync('ip', ['netns', 'exec', NAMESPACE, 'nft', '-f', '-'], {
      input:
        'table inet t { comment "c"; set s { type ipv4_addr; elements = { 10.9.0.2 } }; chain c { type filter hook input priority 0; ip saddr @s drop; }; }',
    });
    if (present('iptables-nft'))
      inside(
        'iptables-nft',
        '-A',
        'INPUT',
        '-m',
        'statistic',
        '--mode',
        'random',
        '--probability',
        '0.5',
        '-j',
        'ACCEPT',
      );
    mkdirSync(at('dist'));
  });
  afterAll(() => {
    execFileSync('ip', ['netns', 'del', NAMESPACE]);
    folder.remove();
  });

  function run(
    shell: readonly string[],
    args: readonly string[],
    environment: { readonly [name: string]: string } = {},
  ) {
    return spawnSync('ip', ['netns', 'exec', NAMESPACE, ...shell, at('capture.sh'), ...args], {
      env: { NODE_ENV: 'test', PATH: process.env.PATH, ...environment },
      maxBuffer: 1e8,
    });
  }
  const contentsOf = (path: string) =>
    new Map(readdirSync(path).map((file) => [file, readFileSync(join(path, file), 'utf8')]));
  // iptables-save says in comments when it was.
  const withoutTime = (files: ReadonlyMap<string, string>) =>
    [...files]
      .filter(([file]) => file !== 'capture.json')
      .map(([file, text]) => [file, file.endsWith('-save.txt') ? text.replace(/^#.*\n/gm, '') : text])
      .sort();

  describe.each(SHELLS)('under $name', ({ name, argv }) => {
    const isMissing = !present(argv[0]);

    test.skipIf(isMissing)('writes the same files as nftscope on this host', async () => {
      const esbuild = await import('esbuild');
      const tool = at('dist', `${name}.mjs`);
      await esbuild.build({
        absWorkingDir: fileURLToPath(new URL('../..', import.meta.url)),
        entryPoints: ['server/cli/main.ts'],
        outfile: tool,
        bundle: true,
        platform: 'node',
        target: 'node20',
        format: 'esm',
        conditions: ['react-server'],
        banner: {
          js: "import { createRequire as nodeRequire } from 'node:module';\nconst require = nodeRequire(import.meta.url);",
        },
      });
      const done = run(argv, ['-n', 'node-x', at(name)]);
      expect([done.status, String(done.stdout)]).toEqual([0, '']);
      inside(process.execPath, tool, 'capture', '--source', 'host', '-o', at(`${name}-host`));
      const [host = ''] = readdirSync(at(`${name}-host`, 'nodes'));
      const script = contentsOf(at(name, 'nodes/node-x'));
      const ours = contentsOf(at(`${name}-host`, 'nodes', host));
      // Written by two programs: equal as JSON.
      for (const files of [script, ours])
        files.set('versions.json', JSON.stringify(JSON.parse(files.get('versions.json') ?? '')));
      expect(withoutTime(script)).toEqual(withoutTime(ours));
      expect(script.get('sysctl.txt')).toContain('net.ipv4.conf.v/100.rp_filter = ');
      expect(script.has('iptables-save.txt')).toBe(present('iptables-nft'));
      expect(Date.parse(JSON.parse(script.get('capture.json') ?? '').capturedAt)).toBeGreaterThan(Date.now() - 600_000);
      expect(readdirSync(at(name))).toEqual(['nodes']);
    });

    test.skipIf(isMissing)('its archive opens as a source, with the words of a crash', async () => {
      const fakes = at(`fakes-${name}`);
      mkdirSync(fakes);
      const stderr = 'line "one"\\n\nline\ttwo \u0001ü';
      writeFileSync(
        join(fakes, 'nft'),
        `#!/bin/sh\nprintf '%s' '${stderr}' >&2\n[ "$1" = -j ] || exit 0\nprintf '{"nft'\nkill -SEGV $$\n`,
        { mode: 0o755 },
      );
      const done = run(argv, ['-'], { PATH: `${fakes}:${process.env.PATH}`, NODE_NAME: 'node-y', TMPDIR: folder.path });
      expect(done.status).toBe(1);
      writeFileSync(at(`${name}.tar`), done.stdout);
      const source = await openPath(at(`${name}.tar`), DEFAULT_LIMITS);
      if (!source.ok) throw new Error(source.problem.say);
      const nodes = await source.value.nodes(signal);
      expect(nodes.ok && nodes.value).toMatchObject([
        {
          name: 'node-y',
          listing: {
            command: 'nft -j list ruleset',
            exitStatus: 139,
            stderr: expect.stringMatching(/^line "one"\\n\nline\ttwo ü/),
          },
        },
      ]);
      const capture = await source.value.node('node-y', signal);
      expect(capture.ok && capture.value.files.get('addr.json')?.kind).toBe('read');
      expect(readdirSync(folder.path).filter((file) => file.startsWith('nftscope-capture'))).toEqual([]);
    });

    test.skipIf(isMissing)('does without what is not there, and says so', () => {
      const few = at(`few-${name}`);
      mkdirSync(few);
      const shell = execFileSync('sh', ['-c', `command -v ${argv[0]}`], { encoding: 'utf8' }).trim();
      const needed = 'nft ip cat date dd grep mkdir mv rm sed tr uname'.split(' ');
      for (const program of needed) {
        const path = execFileSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim();
        execFileSync('ln', ['-s', path, join(few, program)]);
      }
      const done = run([shell, ...argv.slice(1)], ['-n', 'few', at(`${name}-few`)], { PATH: few });
      expect([done.status, String(done.stderr)]).toEqual([0, expect.stringContaining('conntrack.txt')]);
      const files = contentsOf(at(`${name}-few`, 'nodes/few'));
      const errors = JSON.parse(files.get('errors.json') ?? '');
      expect(Object.keys(errors).sort()).toEqual(
        expect.arrayContaining(argv[0] === 'busybox' ? ['conntrack.txt'] : ['conntrack.txt', 'sockets.txt']),
      );
      expect(errors['conntrack.txt']).toEqual({
        command: 'conntrack -L -f ipv4 -o extended,id',
        exitStatus: 127,
        stderr: 'conntrack: not found',
      });
      expect(files.has('conntrack.txt')).toBe(false);
      expect(JSON.parse(files.get('nft.json') ?? '').nftables.length).toBeGreaterThan(3);
    });

    test.skipIf(isMissing).each([
      { args: ['-n', '../up'], words: /cannot be the name/ },
      { args: ['-n', '.x'], words: /cannot be the name/ },
      { args: ['--what'], words: /no option --what/ },
      { args: ['a', 'b'], words: /what is b/ },
    ])('refuses $args', ({ args, words }) => {
      const done = run(argv, args);
      expect([done.status, String(done.stderr)]).toEqual([2, expect.stringMatching(words)]);
    });

    test.skipIf(isMissing)('does not write over a node', () => {
      mkdirSync(at(`${name}-there/nodes/n`), { recursive: true });
      const done = run(argv, ['-n', 'n', at(`${name}-there`)]);
      expect([done.status, existsSync(at(`${name}-there/nodes/n/nft.json`))]).toEqual([2, false]);
    });
  });
});
