/** A change in the kernel is heard, read and told: nft monitor, ip monitor, and this host as a source, in a network namespace. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LiveEvent } from '@/lib/api/live-events';
import { LiveHub } from '@/server/live/hub';
import { Store } from '@/server/sessions/store';
import { HOST_COMMANDS, hostSource } from '@/server/sources/host-source';
import { whyNot } from '../lab/kernel';

const why = whyNot();
const NETNS = `nfs-live-${process.pid}`;
const inside = (...argv: readonly string[]) => execFileSync('ip', ['netns', 'exec', NETNS, ...argv]);

describe.skipIf(why !== undefined)(`this host, live${why === undefined ? '' : ` (skipped: ${why})`}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'nftscope-live-'));
  const store = new Store();
  const hub = new LiveHub(store);
  const heard: LiveEvent[] = [];
  let stop = () => {};
  const next = (count: number) => expect.poll(() => heard.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(count);

  beforeAll(async () => {
    execFileSync('ip', ['netns', 'add', NETNS]);
    // The host's own programs, in the namespace.
    for (const name of ['nft', 'ip', 'conntrack', 'ss']) {
      writeFileSync(join(folder, name), `#!/bin/sh\nexec ip netns exec ${NETNS} ${name} "$@"\n`);
      chmodSync(join(folder, name), 0o755);
    }
    store.add('host', hostSource({ ...HOST_COMMANDS, program: (name) => join(folder, name) }), 'host');
  });
  afterAll(() => {
    stop();
    for (const source of hub.sources) hub.end(source);
    execFileSync('ip', ['netns', 'del', NETNS]);
    rmSync(folder, { recursive: true });
  });

  test('a table, a rule and an address each give a new version', async () => {
    const { signal } = new AbortController();
    const version = async () => {
      const session = await store.session('host', hostname(), signal);
      if (!session.ok) throw new Error(session.problem.say);
      return session.value.version;
    };
    const versions = [await version()];
    stop = hub.listen('host', (event) => heard.push(event));
    // Both monitors listen once they have their first event.
    await expect
      .poll(
        () => {
          inside('nft', 'add', 'table', 'ip', 'probe');
          inside('nft', 'delete', 'table', 'ip', 'probe');
          return heard.length;
        },
        { timeout: 20_000, interval: 300 },
      )
      .toBeGreaterThan(0);
    for (const argv of [
      ['nft', 'add', 'table', 'inet', 't'],
      ['nft', 'add', 'chain', 'inet', 't', 'c'],
      ['ip', 'link', 'set', 'lo', 'up'],
    ]) {
      const before = heard.length;
      inside(...argv);
      await next(before + 1);
      versions.push(await version());
    }
    expect(new Set(versions).size).toBe(versions.length);
    expect(heard.every(({ kind }) => kind === 'node')).toBe(true);
  });
});
