/** A real agent in a network namespace: what it reads, and what it hears. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startAgent } from '@/server/agent/testing/start-agent';
import { runCommand } from '@/server/sources/run-command';
import { temporaryFolder } from '@/server/sources/testing/make-bundle';

const NAMESPACE = `nftscope-agent-${process.pid}`;
const { signal } = new AbortController();
const LIMITS = { milliseconds: 20_000, bytes: 1e8 };
const folder = temporaryFolder();
const inside = (...argv: readonly string[]) =>
  execFileSync('ip', ['netns', 'exec', NAMESPACE, ...argv], { encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] });
const nft = (text: string) =>
  execFileSync('ip', ['netns', 'exec', NAMESPACE, 'nft', '-f', '-'], { input: text, encoding: 'utf8' });

const probe = await runCommand(['nft', 'list', 'tables'], LIMITS, signal);
const why = probe.kind === 'failed' ? probe.failure.stderr : undefined;

describe.skipIf(why !== undefined)(
  `an agent in a network namespace${why === undefined ? '' : `: skipped, ${why}`}`,
  () => {
    const stops: (() => void)[] = [];
    beforeAll(() => {
      execFileSync('ip', ['netns', 'add', NAMESPACE]);
      inside('ip', 'link', 'set', 'lo', 'up');
      inside('ip', 'addr', 'add', '10.1.2.3/32', 'dev', 'lo');
    });
    afterAll(() => {
      for (const stop of stops) stop();
      execFileSync('ip', ['netns', 'del', NAMESPACE]);
      folder.remove();
    });

    /** Its programs run in the namespace, the agent itself here, so that it can be asked over loopback. */
    async function agentInside(proveMs = 600_000, version = '', monitor = '') {
      const program = (name: string) => {
        const path = join(folder.path, name);
        writeFileSync(path, `#!/bin/sh\nexec ip netns exec ${NAMESPACE} ${name} "$@"\n`, { mode: 0o755 });
        return path;
      };
      const plain = program('nft');
      const other = join(folder.path, 'other-nft');
      // Says that it is of another version; what its monitor of the JSON prints goes through sed(1).
      const said = `[ "$1" = --version ] && exec echo 'nftables v${version} (of the test)'`;
      const told = `[ "$1" = -j ] && [ "$3" = monitor ] && exec ${plain} "$@" > >(exec sed -u '${monitor}')`;
      if (version !== '') writeFileSync(other, `#!/bin/bash\n${said}\n${told}\nexec ${plain} "$@"\n`, { mode: 0o755 });
      const argv = [version === '' ? plain : other] as const;
      const agent = await startAgent({ nft: [{ of: 'image', argv }], program, proveMs });
      stops.push(agent.stop);
      agent.reader.start();
      return agent;
    }
    type Agent = Awaited<ReturnType<typeof agentInside>>;

    /** Events as they come. */
    async function eventsOf(agent: Agent) {
      const response = await agent.get('/v1/events');
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      let text = '';
      const next = async (): Promise<{ event: string; data: Record<string, unknown> }> => {
        for (;;) {
          const end = text.indexOf('\n\n');
          if (end !== -1) {
            const lines = text.slice(0, end).split('\n');
            text = text.slice(end + 2);
            const field = (name: string) =>
              lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? '';
            return { event: field('event'), data: JSON.parse(field('data')) };
          }
          const part = await reader?.read();
          if (part === undefined || part.done) throw new Error('the stream ended');
          text += part.value;
        }
      };
      const until = async (wanted: (one: Awaited<ReturnType<typeof next>>) => boolean) => {
        for (let one = await next(); ; one = await next()) if (wanted(one)) return one.data;
      };
      return { until, end: () => reader?.cancel() };
    }
    const isCurrent = ({ event, data }: { event: string; data: Record<string, unknown> }) =>
      event === 'ruleset' && data.state === 'current';
    const listing = () => inside('nft', '-j', 'list', 'ruleset');
    const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

    test('tells each change, and serves what nft lists then', async () => {
      nft(
        'flush ruleset; add table ip t; add set ip t s { type ipv4_addr; }; add chain ip t c { type filter hook input priority 0; }',
      );
      const agent = await agentInside();
      const events = await eventsOf(agent);
      const steps = [
        'add element ip t s { 10.0.0.1 }',
        'add rule ip t c ip saddr @s drop comment "x"',
        'insert rule ip t c accept',
        'delete element ip t s { 10.0.0.1 }',
        'add chain ip t d; flush chain ip t c; add rule ip t c jump d',
        'add table inet u; delete table ip t',
        'flush ruleset',
      ];
      await events.until(isCurrent);
      for (const step of steps) {
        const before = sha256(listing());
        nft(step);
        const told = await events.until(({ event, data }) => isCurrent({ event, data }) && data.hash !== before);
        expect([step, told.hash]).toEqual([step, sha256(listing())]);
        const part = await agent.get('/v1/parts/nft.json');
        expect(part.headers.get('nftscope-state')).toBe('current');
        expect(await part.text()).toBe(listing());
      }
      const { ruleset } = await (await agent.get('/v1/node')).json();
      expect(ruleset).toMatchObject({ state: 'current', changesWithoutEvent: 0, changedBy: { program: 'nft' } });
      await events.end();
    });

    test('what is certain is served without a listing, and what is not after one', async () => {
      nft(
        'flush ruleset; add table ip t; add set ip t s { type ipv4_addr; }; add chain ip t c; add set ip t i { type ipv4_addr; flags interval; }',
      );
      const agent = await agentInside();
      const events = await eventsOf(agent);
      await events.until(isCurrent);
      await expect.poll(() => agent.reader.follower?.isFollowing).toBe(true);
      const listings = () => agent.reader.facts.listings;
      const before = listings();
      const steps = [
        'add element ip t s { 10.0.0.1 }',
        'add rule ip t c ip saddr 10.0.0.1 counter accept; insert rule ip t c drop; add rule ip t c tcp dport { 1, 2 } accept',
        'add chain ip t d; add rule ip t d drop; flush chain ip t c; add rule ip t c jump d; delete element ip t s { 10.0.0.1 }',
      ];
      for (const step of steps) {
        nft(step);
        const last = sha256(listing());
        await events.until(({ event, data }) => isCurrent({ event, data }) && data.hash === last);
      }
      expect(listings()).toBe(before);
      // The text of the listing is of another moment.
      expect((await agent.get('/v1/parts/nft.txt')).status).toBe(404);
      const { follow } = await (await agent.get('/v1/node')).json();
      expect(follow).toMatchObject({ state: 'following', transactions: 3, letGo: 0, mismatches: 0 });
      nft('add element ip t i { 10.0.0.0/8 }');
      const last = sha256(listing());
      await events.until(({ event, data }) => isCurrent({ event, data }) && data.hash === last);
      expect(listings()).toBeGreaterThan(before);
      expect((await agent.get('/v1/parts/nft.txt')).status).toBe(200);
      await events.end();
    });

    test('what time has removed is not served as of a later moment', async () => {
      const set = 'type ipv4_addr; flags dynamic,timeout; timeout 6s;';
      nft(`flush ruleset; add table ip t; add set ip t aff { ${set} }; add set ip t s { type ipv4_addr; }`);
      nft('add element ip t aff { 10.0.0.5, 10.0.0.6 timeout 1h }');
      const agent = await agentInside();
      const events = await eventsOf(agent);
      await events.until(isCurrent);
      await expect.poll(() => agent.reader.follower?.isFollowing).toBe(true);
      expect(agent.reader.follower?.write()).toContain('10.0.0.5');
      await expect.poll(listing, { timeout: 12_000 }).not.toContain('10.0.0.5');
      nft('add element ip t s { 10.0.0.9 }');
      const served = async () => (await agent.get('/v1/parts/nft.json')).text();
      await expect.poll(served).toContain('10.0.0.9');
      expect(await served()).not.toContain('10.0.0.5');
      expect(await served()).toContain('10.0.0.6');
      // Nor is it a difference that following is to blame for.
      expect(agent.reader.follower?.facts).toMatchObject({ isFollowing: true, mismatches: 0 });
      await events.end();
    });

    test('a listing proves what was followed', async () => {
      nft('flush ruleset; add table ip t; add set ip t s { type ipv4_addr; }');
      const agent = await agentInside(400);
      const events = await eventsOf(agent);
      await events.until(isCurrent);
      for (let i = 1; i <= 20; i += 1) nft(`add element ip t s { 10.0.0.${i} }`);
      const before = agent.reader.facts.listings;
      await expect.poll(() => agent.reader.facts.listings, { timeout: 10_000 }).toBeGreaterThan(before + 1);
      expect(agent.reader.follower?.facts).toMatchObject({ isFollowing: true, mismatches: 0, letGo: 0 });
      await events.end();
    });

    test('an nft that was never compared proves each kind of change three times before it is followed', async () => {
      nft('flush ruleset; add table ip t; add set ip t s { type ipv4_addr; }; add chain ip t c');
      const agent = await agentInside(600_000, '1.0.5');
      const events = await eventsOf(agent);
      await events.until(isCurrent);
      await expect.poll(() => agent.reader.follower?.isFollowing).toBe(true);
      const proof = async () => (await (await agent.get('/v1/node')).json()).follow.proof as string;
      expect(await proof()).toContain('nft 1.0.5 was not compared with a kernel');
      expect(await proof()).toContain('Proven so far: nothing yet');
      const step = async (text: string) => {
        const before = agent.reader.facts.listings;
        nft(text);
        const last = sha256(listing());
        await events.until(({ event, data }) => isCurrent({ event, data }) && data.hash === last);
        await expect.poll(() => agent.reader.follower?.isFollowing).toBe(true);
        return agent.reader.facts.listings - before;
      };
      const costs: number[] = [];
      for (let i = 1; i <= 5; i += 1) costs.push(await step(`add element ip t s { 10.0.0.${i} }`));
      expect(costs.map((listings) => listings > 0)).toEqual([true, true, true, false, false]);
      expect(await proof()).toContain('Proven so far: add element');
      expect(await step('add rule ip t c accept')).toBeGreaterThan(0);
      expect(agent.reader.follower?.facts).toMatchObject({ mismatches: 0, letGo: 0 });
      await events.end();
    });

    test('one that tells something else is not believed, not even once', async () => {
      nft('flush ruleset; add table ip t; add set ip t s { type ipv4_addr; }');
      const agent = await agentInside(600_000, '1.0.5', 's/10\\.0\\.0\\.7/10.0.0.8/');
      const events = await eventsOf(agent);
      await events.until(isCurrent);
      await expect.poll(() => agent.reader.follower?.isFollowing).toBe(true);
      nft('add element ip t s { 10.0.0.7 }');
      const last = sha256(listing());
      // The first listing that is told as current is the right one.
      const told = await events.until(({ event, data }) => isCurrent({ event, data }));
      expect(told.hash).toBe(last);
      await expect.poll(() => agent.reader.follower?.facts.mismatches).toBe(1);
      const { follow } = await (await agent.get('/v1/node')).json();
      expect(follow).toMatchObject({ state: 'listing', mismatches: 1 });
      expect(follow.why).toContain('what was followed and a new listing differ');
      await events.end();
    });

    test('many changes in a row end with the last one', async () => {
      nft('flush ruleset; add table ip t; add set ip t s { type ipv4_addr; }');
      const agent = await agentInside();
      const events = await eventsOf(agent);
      await events.until(isCurrent);
      for (let i = 1; i <= 40; i += 1) nft(`add element ip t s { 10.0.0.${i} }`);
      const last = sha256(listing());
      await events.until(({ event, data }) => isCurrent({ event, data }) && data.hash === last);
      expect(agent.reader.facts.listings).toBeLessThan(40);
      await events.end();
    });

    test('without its monitor nothing is called current; it comes back by itself', async () => {
      nft('flush ruleset; add table ip t');
      const agent = await agentInside();
      const events = await eventsOf(agent);
      await events.until(isCurrent);
      const monitors = execFileSync('pgrep', ['-P', String(process.pid), '-f', 'nft .*monitor'], { encoding: 'utf8' });
      for (const pid of monitors.trim().split('\n')) process.kill(Number(pid), 'SIGKILL');
      expect(await events.until(({ event }) => event === 'watch')).toMatchObject({ state: 'lost' });
      expect(agent.reader.state).toBe('unwatched');
      nft('add table ip while-deaf');
      const part = await agent.get('/v1/parts/nft.json?maxAge=0');
      expect(part.headers.get('nftscope-state')).toBe('unwatched');
      await events.until(({ event, data }) => event === 'watch' && data.state === 'watching');
      const told = await events.until(isCurrent);
      expect(told.hash).toBe(sha256(listing()));
      await events.end();
    });

    test('what packets change is no change of the ruleset; a listing that is not older can be asked for', async () => {
      nft(
        'flush ruleset; add table ip t; add chain ip t c { type filter hook input priority 0; }; add rule ip t c counter',
      );
      const agent = await agentInside();
      const events = await eventsOf(agent);
      await events.until(isCurrent);
      await events.end();
      const before = await (await agent.get('/v1/parts/nft.json')).text();
      inside('bash', '-c', 'echo > /dev/udp/127.0.0.1/9');
      await expect
        .poll(async () => (await agent.get('/v1/parts/nft.json?maxAge=0')).text(), { timeout: 10_000 })
        .not.toBe(before);
      expect(agent.reader.facts.changesWithoutEvent).toBe(0);
    });

    test('the program, whole: in the namespace, over TLS, with a token', async () => {
      nft('flush ruleset; add table ip t; add chain ip t c { type filter hook input priority 0; }');
      const dist = join(folder.path, 'dist');
      mkdirSync(dist);
      const root = fileURLToPath(new URL('../..', import.meta.url));
      const esbuild = await import('esbuild');
      await esbuild.build({
        absWorkingDir: root,
        entryPoints: ['server/cli/main.ts'],
        outfile: join(dist, 'nftscope.mjs'),
        bundle: true,
        platform: 'node',
        target: 'node20',
        format: 'esm',
        conditions: ['react-server'],
        banner: {
          js: "import { createRequire as nodeRequire } from 'node:module';\nconst require = nodeRequire(import.meta.url);",
        },
      });
      const file = (name: string) => join(folder.path, name);
      writeFileSync(file('tokens'), 'token-of-the-test\n');
      const subject = ['-subj', '/CN=agent', '-addext', 'subjectAltName=IP:10.1.2.3'];
      const makeCert = () =>
        execFileSync(
          'openssl',
          [
            'req',
            '-x509',
            '-newkey',
            'ec',
            '-pkeyopt',
            'ec_paramgen_curve:P-256',
            '-nodes',
            '-days',
            '2',
            ...subject,
          ].concat(['-keyout', file('key.pem'), '-out', file('cert.pem')]),
          { stdio: 'ignore' },
        );
      makeCert();
      const arguments_ = [
        'agent',
        '--address',
        '10.1.2.3',
        '--port',
        '9632',
        '--node-name',
        'node-x',
        '--token-file',
        file('tokens'),
      ];
      const run = (more: readonly string[]): ChildProcess =>
        spawn(
          'ip',
          ['netns', 'exec', NAMESPACE, process.execPath, join(dist, 'nftscope.mjs'), ...arguments_, ...more],
          {
            stdio: ['ignore', 'pipe', 'pipe'],
          },
        );
      const outputOf = async (child: ChildProcess, stream: 'stdout' | 'stderr') => {
        let text = '';
        for await (const chunk of child[stream] ?? []) {
          text += chunk;
          if (stream === 'stdout') break;
        }
        return text;
      };
      // In the clear on another address than loopback: only when it is asked for.
      expect(await outputOf(run([]), 'stderr')).toMatch(/in the clear to 10\.1\.2\.3/);
      const agent = run(['--tls-cert', file('cert.pem'), '--tls-key', file('key.pem')]);
      stops.push(() => void agent.kill('SIGKILL'));
      expect(await outputOf(agent, 'stdout')).toBe('nftscope agent: https://10.1.2.3:9632 (node node-x)\n');
      const curl = (path: string, ...more: readonly string[]) =>
        inside('curl', '-s', '--cacert', file('cert.pem'), ...more, `https://10.1.2.3:9632${path}`);
      expect(curl('/v1/node', '-w', '%{http_code}', '-o', '/dev/null')).toBe('401');
      const token = ['-H', 'Nftscope-Authorization: Bearer token-of-the-test'];
      expect(curl('/v1/parts/nft.json', ...token)).toBe(listing());
      expect(JSON.parse(curl('/v1/parts/addr.json', ...token))).toEqual(JSON.parse(inside('ip', '-j', 'addr', 'show')));
      const ended = new Promise<number | null>((resolve) => agent.once('exit', resolve));
      agent.kill('SIGTERM');
      expect(await ended).toBe(0);
      rmSync(dist, { recursive: true });
    });
  },
);
