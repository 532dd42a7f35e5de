import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { dnat, dport, nodeFiles, type TestChain } from '@/lib/conflicts/testing/node-world';
import { temporaryFolder, writeTree } from '../sources/testing/make-bundle';
import { conflictsCommand } from './conflicts-command';
import { traceCommand } from './trace-command';

const DEMO = fileURLToPath(new URL('../../public/demo/shop-3node.tar.gz', import.meta.url));
const nat = (table: string, address: string): TestChain => ({
  table,
  name: 'pre',
  base: 'nat prerouting -100',
  rules: [[dport(30080), dnat(address, 8080)]],
});

let printed = '';
let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
  printed = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += text;
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  folder.remove();
});

describe('nftscope conflicts', () => {
  const tie = (): string => {
    const files = nodeFiles([nat('ip first', '10.244.1.2'), nat('ip second', '10.244.1.3')]);
    const tree = Object.fromEntries(Object.entries(files).map(([name, text]) => [`nodes/n1/${name}`, text]));
    writeTree(join(folder.path, 'bundle'), tree);
    return join(folder.path, 'bundle');
  };

  test('a capture whose chains do not mind their order', async () => {
    expect(await conflictsCommand(['--source', DEMO, '--node', 'node-1'])).toBe(0);
    expect(printed).toMatch(/^node-1: no conflict; \d+ pairs of chains, \d+ packets tried\n/);
    expect(printed).toContain('100 nat    ip kube-proxy nat-postrouting, kube-proxy (nat, write)');
  });

  test('a tie: what each order does, the rules, and the packet as trace takes it', async () => {
    const source = tie();
    expect(await conflictsCommand(['--source', source])).toBe(1);
    expect(printed).toContain('1. nat-binds-first, tie, prerouting (ip)');
    expect(printed).toMatch(/now +delivered to 10\.244\.1\.3:8080 from 198\.51\.100\.10\n/);
    expect(printed).toMatch(/swapped +delivered to 10\.244\.1\.2:8080 from 198\.51\.100\.10\n/);
    expect(printed).toMatch(/rule +ip second pre # handle 1: tcp dport 30080 dnat to 10\.244\.1\.3:8080\n/);
    const packet = /--packet '(.*)'/.exec(printed)?.[1] ?? '';
    const link = /open +(\/trace\?.*)/.exec(printed)?.[1] ?? '';
    expect(new URL(link, 'http://localhost').searchParams.get('packet')).toBe(packet);
    printed = '';
    expect(await traceCommand(['--source', source, '--packet', packet])).toBe(0);
    expect(printed).toContain('10.244.1.3');
  });

  test('as JSON, with a version', async () => {
    expect(await conflictsCommand(['--source', tie(), '-o', 'json'])).toBe(1);
    expect(JSON.parse(printed)).toMatchObject({
      version: 1,
      nodes: [
        {
          version: 1,
          node: 'n1',
          conflicts: [
            {
              kind: 'nat-binds-first',
              families: ['ip'],
              tie: true,
              differs: 'destination',
              first: { table: 'second', owner: 'table ip second', prio: -100 },
              second: { table: 'first' },
            },
          ],
          unsearched: [],
        },
      ],
    });
  });

  test('a node without a ruleset is not taken for one without conflicts', async () => {
    writeTree(join(folder.path, 'bundle'), { 'nodes/n1/addr.json': '[]' });
    expect(await conflictsCommand(['--source', join(folder.path, 'bundle')])).toBe(1);
    expect(printed).toMatch(/^n1: not looked at: /);
  });
});

describe('nftscope trace --what-would-deliver', () => {
  const REFUSED = ['--source', DEMO, '--node', 'node-1', '--from', 'external:192.0.2.9', '--to', '203.0.113.12:80'];

  test('a client outside the source ranges', async () => {
    expect(await traceCommand([...REFUSED, '--what-would-deliver'])).toBe(1);
    expect(printed).toContain("nft delete element ip kube-proxy firewall-ips '{ 203.0.113.12 . tcp . 80 }'\n");
    expect(printed).toContain('With 192.0.2.9/32 in loadBalancerSourceRanges of Service shop/payments\n');
  });

  test('in the JSON only where it is asked for', async () => {
    expect(await traceCommand([...REFUSED, '--what-would-deliver', '-o', 'json'])).toBe(1);
    expect(JSON.parse(printed).whatWouldDeliver).toMatchObject({ version: 1, needed: true });
    printed = '';
    await traceCommand([...REFUSED, '-o', 'json']);
    expect(Object.hasOwn(JSON.parse(printed), 'whatWouldDeliver')).toBe(false);
  });

  test('not with a whole path', async () => {
    await expect(traceCommand([...REFUSED, '--whole-path', '--what-would-deliver'])).rejects.toMatchObject({
      message: expect.stringContaining('one trace on one node'),
    });
  });
});
