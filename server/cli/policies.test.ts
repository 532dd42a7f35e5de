/** NetworkPolicies on the command line. The demo's only one lets pods app=api of shop reach postgres of data on 5432. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { temporaryFolder, writeTree } from '../sources/testing/make-bundle';
import { captureCommand } from './capture-command';
import { reachCommand } from './reach-command';
import { traceCommand } from './trace-command';

const DEMO = fileURLToPath(new URL('../../public/demo/shop-3node.tar.gz', import.meta.url));
const WEB = 'shop/web-6d4f8b7c9-2hxkz';
const API = 'shop/api-5b8c9d6f7-zk94f';
const SAYS =
  'The rules pass what the ingress policies of data/postgres-0 do not allow (data/postgres-from-api): the network plugin does not enforce them here, or not in nftables.';

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

const ask = (from: string, more: readonly string[] = []) =>
  traceCommand(['--source', DEMO, '--from', from, '--to', 'data/postgres-0', '--dport', '5432', ...more]);

test('a trace on the node of the pod: what selects it, and that the rules do otherwise', async () => {
  expect(await ask(WEB, ['--node', 'node-1'])).toBe(0);
  expect(printed).toContain(`  egress of ${WEB}: no policy selects it\n`);
  expect(printed).toContain(
    '    data/postgres-from-api (ingress): does not allow it\n  The policies do not allow it.\n',
  );
  expect(printed).toContain(`  ${SAYS}\n`);
});

test('a trace on another node says what they ask, and no more', async () => {
  await traceCommand([
    '--source',
    DEMO,
    '--node',
    'node-3',
    '--from',
    'shop/web-6d4f8b7c9-lm5vd',
    '--to',
    'data/postgres-0',
    '--dport',
    '5432',
  ]);
  expect(printed).toContain('The policies do not allow it.');
  expect(printed).not.toContain('The rules pass');
});

test('a whole path that they allow', async () => {
  await ask(API, ['--whole-path']);
  expect(printed).toContain('    data/postgres-from-api (ingress): allows it\n  The policies allow it.\n');
  expect(printed).not.toContain('The rules');
});

test('the JSON of a trace holds the same; a packet without names has none', async () => {
  await ask(WEB, ['--node', 'node-1', '-o', 'json']);
  const { policies } = JSON.parse(printed);
  expect(policies).toMatchObject({
    unknown: null,
    remarks: [SAYS],
    ways: [{ to: ['data/postgres-0'], allowed: 'no' }],
  });
  printed = '';
  const packet = '{"iif": "eth0", "saddr": "198.51.100.1", "daddr": "10.244.1.6", "protocol": "tcp", "dport": 5432}';
  await traceCommand(['--source', DEMO, '--node', 'node-1', '--packet', packet, '-o', 'json']);
  expect(JSON.parse(printed).policies).toBeNull();
});

test('a line of reach has them where one selects an end', async () => {
  const line = (id: string, pod: string, dst: string, dport: number) =>
    JSON.stringify({ id, from: { pod }, dst, dport, protocol: 'tcp' });
  const queries = [
    line('web', WEB, '10.244.1.6', 5432),
    line('api', API, '10.244.1.6', 5432),
    line('none', WEB, '10.244.1.4', 8080),
  ];
  writeTree(folder.path, { 'queries.jsonl': `${queries.join('\n')}\n` });
  await reachCommand(['--source', DEMO, '--queries', join(folder.path, 'queries.jsonl')]);
  const lines = printed
    .trim()
    .split('\n')
    .map((one) => JSON.parse(one));
  expect(lines.map(({ id, policies }) => [id, policies?.ways[0].allowed, policies?.remarks.length])).toEqual([
    ['web', 'no', 1],
    ['api', 'yes', 0],
    ['none', undefined, undefined],
  ]);
});

test('a redacted capture says the same under other names', async () => {
  const out = join(folder.path, 'redacted');
  await captureCommand(['--source', DEMO, '--redact', '-o', out]);
  const itemsOf = (
    file: string,
  ): readonly { readonly metadata: { readonly namespace: string; readonly name: string } }[] =>
    JSON.parse(readFileSync(join(out, 'cluster', file), 'utf8')).items;
  const home = itemsOf('networkpolicies.json')[0]?.metadata.namespace;
  const pods = itemsOf('pods.json').map(({ metadata }) => metadata);
  const nameOf = ({ namespace, name }: (typeof pods)[number]) => `${namespace}/${name}`;
  const answers = new Set<string>();
  // Everybody else asks everybody in the namespace of the policy: some are postgres, some askers are the api.
  for (const to of pods.filter(({ namespace }) => namespace === home)) {
    for (const from of pods.filter(({ namespace }) => namespace !== home)) {
      printed = '';
      const ends = ['--from', nameOf(from), '--to', nameOf(to), '--dport', '5432', '--protocol', 'tcp'];
      await traceCommand(['--source', out, '--whole-path', '--family', '4', ...ends, '-o', 'json']);
      for (const { allowed } of JSON.parse(printed).policies.ways) answers.add(allowed);
    }
  }
  expect([...answers].sort()).toEqual(['no', 'yes']);
});
