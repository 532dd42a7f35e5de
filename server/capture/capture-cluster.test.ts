/** A capture of a live cluster in which something cannot be read: the demo cluster behind a fake API server. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { accessTo } from '../../tests/kube/access-to';
import { type Shop, startShop, TOKEN } from '../../tests/kube/start-shop';
import { AGENT_LIMITS } from '../kube/agent-reader';
import { clusterSource } from '../kube/cluster-source';
import { temporaryFolder } from '../sources/testing/make-bundle';
import { type CaptureOptions, writeCapture } from './write-capture';

describe('a capture of a cluster', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let shop: Shop;
  let told: string[];
  beforeEach(async () => {
    folder = temporaryFolder();
    shop = await startShop();
    told = [];
  });
  afterEach(async () => {
    await shop.stop();
    folder.remove();
  });
  /** Each time by another source, as each run of the program is. */
  const write = (more: Partial<CaptureOptions> = {}) => {
    told = [];
    const source = clusterSource({
      access: accessTo(shop.api),
      agentToken: async () => TOKEN,
      agentLimits: { ...AGENT_LIMITS, waitMs: 300, bodyMs: 300 },
    });
    const out = join(folder.path, 'out');
    return writeCapture(
      source,
      { out, nodes: [], now: () => new Date(0), tell: (w) => told.push(w), ...more },
      new AbortController().signal,
    );
  };
  const at = (name: string) => join(folder.path, 'out', name);

  test('leaves out the nodes that nothing reads, names them, and tries them again', async () => {
    shop.api.denied.add('get pods/proxy');
    expect(await write()).toMatchObject({ ok: true, value: { nodes: 0, failed: 3 } });
    for (const node of ['node-1', 'node-2', 'node-3'])
      expect(told).toContainEqual(
        expect.stringMatching(new RegExp(`^${node}: not captured: .*missing right: get pods/proxy`)),
      );
    expect(readdirSync(at('nodes'))).toEqual([]);
    shop.api.denied.clear();
    expect(await write()).toEqual({ ok: true, value: { nodes: 3, failed: 0, unread: 0 } });
    expect(readdirSync(at('nodes'))).toEqual(['node-1', 'node-2', 'node-3']);
    expect(existsSync(at('nodes/node-1/nft.json'))).toBe(true);
  });

  test('names the lists that may not be read, and reads them when they may', async () => {
    shop.api.denied.add('list services');
    expect(await write()).toEqual({ ok: true, value: { nodes: 3, failed: 0, unread: 1 } });
    expect(told).toContainEqual(expect.stringMatching(/^services.json: not read: .*missing right: list services/));
    expect(existsSync(at('cluster/services.json'))).toBe(false);
    expect(await write()).toEqual({ ok: true, value: { nodes: 3, failed: 0, unread: 1 } });
    shop.api.denied.clear();
    expect(await write()).toEqual({ ok: true, value: { nodes: 3, failed: 0, unread: 0 } });
    expect(told).toEqual(['3 of 3 nodes are there']);
    expect(existsSync(at('cluster/errors.json'))).toBe(false);
    expect(JSON.parse(readFileSync(at('cluster/services.json'), 'utf8'))).toMatchObject({ kind: 'List' });
    // What is there stays.
    shop.api.denied.add('list pods');
    expect(await write()).toEqual({ ok: true, value: { nodes: 3, failed: 0, unread: 0 } });
    expect(existsSync(at('cluster/pods.json'))).toBe(true);
  });

  test('an archive that lacks a list is packed, and says so', async () => {
    shop.api.denied.add('list networkpolicies');
    const out = join(folder.path, 'out.tar.gz');
    expect(await write({ out })).toEqual({ ok: true, value: { nodes: 3, failed: 0, unread: 1 } });
    expect(readdirSync(folder.path)).toEqual(['out.tar.gz']);
  });

  test('an agent that answers something else is no reader: its node is left out, the others are written', async () => {
    const agent = shop.agents.get('node-2');
    if (agent === undefined) throw new Error('no agent');
    agent.fault = 'html';
    expect(await write()).toMatchObject({ ok: true, value: { nodes: 2, failed: 1 } });
    expect(readdirSync(at('nodes'))).toEqual(['node-1', 'node-3']);
    expect(told).toContainEqual(expect.stringMatching(/^node-2: not captured: /));
    agent.fault = 'none';
    expect(await write()).toEqual({ ok: true, value: { nodes: 3, failed: 0, unread: 0 } });
  });

  test('a node that left before it was captured is in no part of the capture', async () => {
    const agent = shop.agents.get('node-3');
    if (agent === undefined) throw new Error('no agent');
    agent.fault = 'html';
    expect(await write()).toMatchObject({ ok: true, value: { nodes: 2, failed: 1 } });
    const names = () =>
      (JSON.parse(readFileSync(at('cluster/nodes.json'), 'utf8')) as { items: { metadata: { name: string } }[] }).items
        .map(({ metadata }) => metadata.name)
        .sort();
    expect(names()).toEqual(['node-1', 'node-2', 'node-3']);
    shop.api.store.remove('nodes', 'node-3');
    shop.api.store.remove('pods', 'agent-node-3', 'nftscope');
    expect(await write()).toEqual({ ok: true, value: { nodes: 2, failed: 0, unread: 0 } });
    expect(told).toEqual([
      'node-3 left the cluster before it was captured: the objects of the cluster are written anew',
      '2 of 2 nodes are there',
    ]);
    expect(names()).toEqual(['node-1', 'node-2']);
  });

  test('a node that left after it was captured stays in the capture, with its object', async () => {
    expect(await write()).toMatchObject({ ok: true, value: { nodes: 3, failed: 0 } });
    const before = readFileSync(at('cluster/nodes.json'), 'utf8');
    shop.api.store.remove('nodes', 'node-3');
    shop.api.store.remove('pods', 'agent-node-3', 'nftscope');
    expect(await write()).toMatchObject({ ok: true, value: { nodes: 2, failed: 0 } });
    expect(readdirSync(at('nodes'))).toEqual(['node-1', 'node-2', 'node-3']);
    expect(readFileSync(at('cluster/nodes.json'), 'utf8')).toBe(before);
  });
});
