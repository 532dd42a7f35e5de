import { spawn } from 'node:child_process';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LISTING, PODS } from '@/lib/api/testing/node';
import { caseOf, disagreement, RELEASES, readFlows } from '@/tests/conformance/kube-proxy-flows';
import { describeShared } from '@/tests/shared';
import { temporaryFolder, writeTree } from '../sources/testing/make-bundle';

const folder = temporaryFolder();
const tool = join(folder.path, 'nftscope.mjs');
const path = (name: string) => join(folder.path, name);

const ENVIRONMENT = {
  addr: [
    {
      ifindex: 2,
      ifname: 'eth0',
      flags: ['UP'],
      mtu: 1500,
      link_type: 'ether',
      address: '02:00:00:00:00:01',
      addr_info: [{ family: 'inet', local: '10.240.0.11', prefixlen: 24, scope: 'global' }],
    },
  ],
  route4: [
    { dst: 'default', gateway: '10.240.0.1', dev: 'eth0', flags: [] },
    { dst: '10.240.0.0/24', dev: 'eth0', scope: 'link', flags: [] },
  ],
  rule4: [{ priority: 32766, src: 'all', table: 'main' }],
  sysctl: 'net.ipv4.ip_forward = 1\nnet.ipv4.conf.all.rp_filter = 0\n',
};
const PACKET = {
  iif: 'eth0',
  family: 'ip',
  saddr: '192.0.2.9',
  daddr: '10.0.0.2',
  protocol: 'tcp',
  sport: 1,
  dport: 80,
};
const CASE = { mode: 'independent', environment: ENVIRONMENT, rulesetJson: LISTING, packets: [PACKET] };

beforeAll(async () => {
  const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
  await build({
    absWorkingDir: root,
    entryPoints: ['server/cli/main.ts'],
    outfile: tool,
    bundle: true,
    platform: 'node',
    format: 'esm',
    conditions: ['react-server'],
    logLevel: 'error',
    banner: {
      js: "import { createRequire as nodeRequire } from 'node:module';\nconst require = nodeRequire(import.meta.url);",
    },
  });
  const { addr, route4, rule4, sysctl } = ENVIRONMENT;
  const node = {
    'nft.json': JSON.stringify(LISTING),
    'addr.json': JSON.stringify(addr),
    'route4.json': JSON.stringify(route4),
    'rule4.json': JSON.stringify(rule4),
    'sysctl.txt': sysctl,
  };
  writeTree(
    path('shop'),
    Object.fromEntries(Object.entries(node).map(([name, text]) => [`nodes/node-1/${name}`, text])),
  );
  writeTree(path('shop'), {
    'nodes/node-2/nft.json': '',
    'nodes/node-2/errors.json': JSON.stringify({
      'nft.json': { command: 'nft -j list ruleset', exitStatus: 139, stderr: '' },
    }),
    'cluster/pods.json': JSON.stringify(PODS),
    'cluster/nodes.json': '{"items": []}',
  });
  writeTree(folder.path, { 'environments.json': JSON.stringify({ base: ENVIRONMENT }) });
});
afterAll(folder.remove);

function run(
  args: readonly string[],
  stdin?: string | Uint8Array,
): Promise<{ status: number | null; out: string; err: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [tool, ...args], { env: { ...process.env, NO_COLOR: '1' } });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    child.on('close', (status) => resolve({ status, out, err }));
    child.stdin.end(stdin ?? '');
  });
}
const lines = (out: string) =>
  out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

describe('usage', () => {
  test('help of the command and of each command, on standard output', { timeout: 30_000 }, async () => {
    const all = [
      ['help'],
      ['--help'],
      ['help', 'trace'],
      ['trace', '--help'],
      ['render', '-h'],
      ['show', '--help'],
      ['serve', '--help'],
      ['expected', '--help'],
      ['help', 'drift'],
    ];
    const answers = await Promise.all(all.map((args) => run(args)));
    for (const [at, { status, out, err }] of answers.entries()) {
      expect([all[at], status, err]).toEqual([all[at], 0, '']);
      expect(out).toContain('nftscope');
    }
    const trace = answers[2]?.out ?? '';
    for (const form of ['pod/NAMESPACE/', 'node/NODE', ':PORT[/PROTOCOL]', 'svc:NAMESPACE/', 'svc/NAMESPACE/'])
      expect(trace).toContain(form);
    expect(Math.max(...trace.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(140);
  });

  test.each([
    [[]],
    [['nope']],
    [['help', 'nope']],
    [['trace']],
    [['trace', '--nope']],
    [['trace', '--source', 'missing', '--from', 'external', '--to', '10.0.0.1:80']],
    [['trace', '--cases', 'missing.jsonl']],
    [['trace', '--cases', '-', '--source', 'x']],
    [['trace', '--source', 'SHOP', '--node', 'node-9', '--from', 'external', '--to', '10.0.0.1:80']],
    [
      [
        'trace',
        '--source',
        'SHOP',
        '--node',
        'node-1',
        '--from',
        'external',
        '--to',
        '10.0.0.1:80',
        '--sport',
        '99999',
      ],
    ],
    [['trace', '--source', 'SHOP', '--node', 'node-1', '--from', 'external', '--to', '10.0.0.1:80', '-o', 'xml']],
    [['trace', '--source', 'SHOP', '--node', 'node-1', '--packet', '{']],
    [['trace', '--source', 'SHOP', '--from', 'external', '--to', '10.0.0.1:80']],
    [['render']],
    [['render', 'a', 'b']],
    [['show', '--source', 'SHOP', 'nonsense']],
    [['expected']],
    [['expected', '--source', 'SHOP', '--cases', '-']],
    [['expected', '--source', 'SHOP', '-o', 'text']],
    [['drift', '--source', 'SHOP', '--service', 'web']],
    [['drift', '--source', 'SHOP', '--node', 'node-9']],
    [['serve', '--port', 'x']],
    [['serve', '--source', 'missing']],
  ])('wrong: %j is status 2, said on standard error only', async (args) => {
    const { status, out, err } = await run(args.map((word) => (word === 'SHOP' ? path('shop') : word)));
    expect(status).toBe(2);
    expect(err).not.toMatch(/\n\s+at /);
    if (args.length > 0)
      expect([out, err]).toEqual(['', expect.stringMatching(/^nftscope: .+ \[[A-Z]+(-[A-Z]+)?-\d{3}\]\n {2}.+\n$/)]);
  });

  const question = ['--from', 'external', '--to', '10.0.0.1:80'];
  const shop = ['--source', 'SHOP', '--node', 'node-1'];
  test.each<readonly [string, readonly string[], string | undefined]>([
    ['CLI-001', ['nope'], undefined],
    ['CLI-001', ['trace', '--nope'], undefined],
    ['CLI-001', ['render', 'a', 'b'], undefined],
    ['CLI-002', ['trace', ...shop, ...question, '--sport', '65536'], undefined],
    ['CLI-002', ['trace', ...shop, ...question, '--family', '5'], undefined],
    ['CLI-003', ['render', 'missing.json'], undefined],
    ['CLI-004', ['trace', ...shop, '--packet', '{'], undefined],
    ['CLI-005', ['trace', '--source', 'SHOP', ...question], undefined],
    ['CLI-005', ['trace', '--source', 'SHOP', '--node', 'node-9', ...question], undefined],
    ['SRC-001', ['show', '--source', 'missing'], undefined],
    ['VIEW-001', ['show', ...shop, 'chain', 'nope', 'x'], undefined],
    ['VIEW-002', ['show', ...shop, 'chain', 'kube-proxy', 'nope'], undefined],
    ['REF-002', ['trace', ...shop, '--from', 'kube-system/nope', '--to', '10.0.0.1:80'], 'from'],
    ['PKT-002', ['trace', ...shop, '--packet', '{"iif":"eth0","hex":"zz"}'], 'packet.hex'],
    ['PKT-001', ['trace', ...shop, '--packet', '{"iif":"eth0"}'], 'packet.family'],
    ['SRC-012', ['render', '--source', 'SHOP', '--node', 'node-2'], undefined],
  ])('%s of %j: in brackets; with -o json as JSON on standard error', async (code, args, where) => {
    const words = args.map((word) => (word === 'SHOP' ? path('shop') : word));
    const [text, json] = await Promise.all([run(words), run([...words, '-o', 'json'])]);
    expect([text.status, text.out, json.status, json.out]).toEqual([2, '', 2, '']);
    expect(text.err).toContain(`[${code}]\n`);
    expect(JSON.parse(json.err).error).toEqual({
      code,
      message: expect.stringMatching(/\S/),
      ...(where !== undefined && { where }),
      do: expect.stringMatching(/\S/),
    });
    expect(`${text.err}${json.err}`).not.toMatch(/undefined|null/);
  });

  test('bad hex is named', async () => {
    const { err } = await run([
      'trace',
      '--source',
      path('shop'),
      '--node',
      'node-1',
      '--packet',
      '{"iif":"eth0","hex":"zz"}',
    ]);
    expect(err).toBe('nftscope: packet.hex: hex is "zz". [PKT-002]\n  Give pairs of hexadecimal digits.\n');
  });

  test('a listing nested 60,000 levels is refused in a few words', async () => {
    writeFileSync(path('deep.json'), `{"nftables":${'['.repeat(60_000)}`);
    const { status, err } = await run(['render', path('deep.json')]);
    expect([status, err.includes('[NFT-JSON-002]'), err.length < 900]).toEqual([2, true, true]);
  });
});

describe('trace', () => {
  const args = ['trace', '--source', 'SHOP', '--node', 'node-1', '--from', 'external:192.0.2.9'];
  const trace = (...more: string[]) => run([...args, ...more].map((word) => (word === 'SHOP' ? path('shop') : word)));

  test('text: question, verdict, the way; no colours; status 1 for a packet that is lost', async () => {
    const { status, out, err } = await trace('--to', '10.0.0.2:80/TCP');
    expect([status, err]).toEqual([1, '']);
    expect(out.split('\n').slice(0, 2)).toEqual([
      'external 192.0.2.9 (192.0.2.9) → 10.0.0.2:80/tcp      node-1, captured at an unknown time',
      'DROPPED  Dropped by ip kube-proxy services #21 in prerouting.',
    ]);
    expect(out).toContain('ip saddr @blocked counter name "seen" drop #21');
    expect(out.includes('\u001b')).toBe(false);
  });

  test('--branch: one that the trace does not have is refused, and so is one of a document that has all', async () => {
    const { status, out } = await trace('--to', '10.0.0.2:80', '--branch', '1');
    expect([status, out.includes('drop #21')]).toEqual([1, true]);
    const beyond = await trace('--to', '10.0.0.2:80', '--branch', '2');
    expect([beyond.status, beyond.out]).toEqual([2, '']);
    expect(beyond.err).toContain('The trace has one branch.');
    const all = await trace('--to', '10.0.0.2:80', '--branch', '1', '-o', 'json');
    expect([all.status, all.out]).toEqual([2, '']);
  });

  test('-o json: one document, the whole trace', async () => {
    const { status, out, err } = await trace('--to', '10.0.0.2:80', '-o', 'json');
    expect([status, err]).toEqual([1, '']);
    expect(JSON.parse(out)).toMatchObject({
      node: 'node-1',
      packet: { iif: 'eth0', sport: 40000 },
      trace: { branches: [{ outcome: { fate: { summary: 'dropped' } } }] },
    });
  });

  test('a packet as JSON, and an unreadable node: undecided, never empty', async () => {
    const { status, out } = await run([
      'trace',
      '--source',
      path('shop'),
      '--node',
      'node-2',
      '--packet',
      JSON.stringify(PACKET),
    ]);
    expect(status).toBe(1);
    expect(out).toContain('UNDECIDED');
    expect(out).toContain('exit status 139');
  });

  test('what a capture lacks is undecided or unknown, not wrong usage', async () => {
    writeTree(path('bare'), { 'nodes/n/nft.json': JSON.stringify(LISTING) });
    const bare = ['trace', '--source', path('bare')];
    // Not one of @blocked, which drops before anything that is missing matters.
    const packet = await run([...bare, '--packet', JSON.stringify({ ...PACKET, saddr: '203.0.113.5' })]);
    expect([packet.status, packet.err, packet.out]).toEqual([1, '', expect.stringContaining('\nUNDECIDED ')]);
    const named = await run([...bare, '--from', 'external', '--to', '10.0.0.1:80']);
    expect([named.status, named.err, named.out]).toEqual([1, '', expect.stringContaining('\nUNDECIDED ')]);
    const service = await run([...bare, '--from', 'external', '--to', 'svc:shop/web:http']);
    expect([service.status, service.err, service.out]).toEqual([1, expect.stringContaining('[REF-007]'), '']);
  });

  test('a name that is not there: those that are like it', async () => {
    const { status, err } = await run([
      'trace',
      '--source',
      path('shop'),
      '--node',
      'node-1',
      '--from',
      'kube-system/dns',
      '--to',
      '10.0.0.1:80',
    ]);
    expect([status, err.includes('Like it: kube-system/dns-1')]).toEqual([2, true]);
  });
});

describe('trace --cases', () => {
  test('one line a case, the same ids, errors do not stop the run', async () => {
    const cases = [
      JSON.stringify({ id: 'named', ...CASE, environment: 'base' }),
      JSON.stringify({ id: 'whole', ...CASE, mode: 'flow', packets: [PACKET, PACKET] }),
      '{ not json',
      '[]',
      JSON.stringify({ id: 'lost', ...CASE, environment: 'nope' }),
      JSON.stringify({ id: 7, ...CASE, packets: [{ ...PACKET, saddr: 'x' }] }),
      JSON.stringify({ id: 'rules', ...CASE, rulesetJson: { nftables: [{ rule: {} }] } }),
      JSON.stringify({ id: 'text', ...CASE, rulesetJson: JSON.stringify(LISTING) }),
      '',
    ].join('\n');
    const { status, out, err } = await run(
      ['trace', '--cases', '-', '--environments', path('environments.json')],
      cases,
    );
    const answers = lines(out);
    expect([status, err]).toEqual([2, '']);
    expect(answers.map(({ id, results, error }) => [id, results.length, error?.code])).toEqual([
      ['named', 1, undefined],
      ['whole', 2, undefined],
      [null, 0, 'CASE-001'],
      [null, 0, 'CASE-002'],
      ['lost', 0, 'CASE-003'],
      [7, 0, 'PKT-002'],
      ['rules', 0, expect.stringMatching(/^NFT-JSON-/)],
      ['text', 1, undefined],
    ]);
    expect(answers[0].results[0]).toMatchObject({ fate: { summary: 'dropped', by: { handle: 21 } }, conntrack: [] });
    expect(answers[0].results[0].events.length).toBeGreaterThan(0);
  });

  test('a gzip file by its content; environments.json beside it; what is not asked for is not read', async () => {
    const hidden = { expected: 'never', random: 1, randomPorts: {}, repeat: 'x' };
    writeFileSync(
      path('cases.jsonl'),
      gzipSync(`${JSON.stringify({ id: 'a', ...CASE, environment: 'base', ...hidden })}\n`),
    );
    const { status, out, err } = await run(['trace', '--cases', path('cases.jsonl')]);
    expect([status, err, lines(out).map(({ id }) => id)]).toEqual([0, '', ['a']]);
  });

  test('a lost environment is told without folders of this machine', async () => {
    writeFileSync(path('lost.jsonl'), JSON.stringify({ id: 'a', ...CASE, environment: 'nope' }));
    const { out } = await run(['trace', '--cases', path('lost.jsonl')]);
    expect(lines(out)[0].error).toEqual({
      code: 'CASE-003',
      message: 'environment: there is no "nope" in environments.json; there is base',
    });
  });

  test('a file that breaks off: what was read is answered, status 2', async () => {
    const noise = Array.from({ length: 400 }, (_, i) =>
      JSON.stringify({ id: i, ...CASE, environment: 'base', note: Math.sin(i) }),
    ).join('\n');
    const packed = gzipSync(noise);
    writeFileSync(path('broken.jsonl.gz'), packed.subarray(0, packed.length - 400));
    const { status, err } = await run(['trace', '--cases', path('broken.jsonl.gz')]);
    expect([status, err]).toEqual([2, expect.stringContaining('cannot be read')]);
  });

  test('a reader that closes early ends the run', async () => {
    const many = Array.from({ length: 3000 }, (_, i) => JSON.stringify({ id: i, ...CASE, environment: 'base' })).join(
      '\n',
    );
    writeFileSync(path('many.jsonl'), many);
    const child = spawn(process.execPath, [tool, 'trace', '--cases', path('many.jsonl')]);
    child.stdout.once('data', () => child.stdout.destroy());
    expect(await new Promise((resolve) => child.on('close', resolve))).toBe(0);
  });

  test.each([
    { name: 'dropped', to: '10.0.0.2:80/TCP', status: 1 },
    { name: 'wrong usage', to: 'nobody', status: 2 },
  ])('a reader that closes before the first line changes no exit status: $name', async ({ to, status }) => {
    const args = ['trace', '--source', path('shop'), '--node', 'node-1', '--from', 'external', '--to', to];
    const child = spawn(process.execPath, [tool, ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
    child.stdout.destroy();
    expect(await new Promise((resolve) => child.on('close', resolve))).toBe(status);
  });
});

describe('render', () => {
  const listing = JSON.stringify(LISTING);
  test('a file, standard input and a source: the same text; with handles', async () => {
    writeFileSync(path('nft.json'), listing);
    const [file, stdin, source] = await Promise.all([
      run(['render', path('nft.json')]),
      run(['render', '-'], listing),
      run(['render', '--source', path('shop'), '--node', 'node-1']),
    ]);
    expect([file.status, file.err]).toEqual([0, '']);
    expect(file.out).toContain('\t\tip saddr @blocked counter name "seen" drop\n');
    expect(stdin.out).toBe(file.out);
    expect(source.out).toBe(file.out);
    expect((await run(['render', '--handles', path('nft.json')])).out).toContain('drop # handle 21\n');
  });

  test('--cases: records in, texts out', async () => {
    const records = [
      { id: 'a', nftVersion: '1.0.6', loadedBy: '1.0.6', json: listing },
      { id: 'b', nftVersion: '1.0.6', loadedBy: '1.0.6', json: '{"nftables": [' },
      { id: 'c' },
    ];
    const { status, out, err } = await run(
      ['render', '--cases', '-'],
      records.map((record) => JSON.stringify(record)).join('\n'),
    );
    const [a, b, c] = lines(out);
    expect([status, err]).toEqual([2, '']);
    expect(a).toMatchObject({
      id: 'a',
      nftVersion: '1.0.6',
      loadedBy: '1.0.6',
      text: expect.stringContaining('table ip kube-proxy {'),
      textHandles: expect.stringContaining('# handle 21'),
    });
    expect(b).toMatchObject({ id: 'b', results: [], error: { code: 'NFT-JSON-002' } });
    expect(c).toMatchObject({ id: 'c', results: [], error: { code: 'CASE-006' } });
  });

  test('an unreadable node and a text listing are told', async () => {
    expect(await run(['render', '--source', path('shop'), '--node', 'node-2'])).toMatchObject({ status: 2, out: '' });
    expect(await run(['render', '-'], 'table ip x {\n}\n')).toMatchObject({
      status: 2,
      err: expect.stringContaining('nft list ruleset'),
    });
  });
});

test('--cases: what is missing or wrong in a case is named by its member', async () => {
  const cases = [
    { id: 'a' },
    { id: 'b', environment: {} },
    { id: 'c', environment: { addr: 7 }, rulesetJson: LISTING },
    { id: 'd', environment: {}, rulesetJson: { nftables: 1 } },
    { id: 'e', environment: {}, rulesetJson: LISTING },
    { id: 'f', environment: {}, rulesetJson: LISTING, packets: [{ daddr: 7 }] },
  ];
  const { out } = await run(['trace', '--cases', '-'], cases.map((one) => JSON.stringify(one)).join('\n'));
  expect(lines(out).map(({ id, error }) => [id, error.message.split(':')[0]])).toEqual([
    ['a', 'environment'],
    ['b', 'rulesetJson'],
    ['c', 'environment addr'],
    ['d', 'rulesetJson nftables'],
    ['e', 'packets'],
    ['f', expect.stringMatching(/^packets\[0\] /)],
  ]);
});

describe('input that has no end', () => {
  test.each([['/dev/urandom'], ['/dev/zero']])('%s by name and on standard input', async (device) => {
    const input = openSync(device, 'r');
    const child = spawn(process.execPath, [tool, 'render', '-'], { stdio: [input, 'ignore', 'ignore'] });
    closeSync(input);
    expect(await new Promise((resolve) => child.on('close', resolve))).toBe(2);
    for (const args of [
      ['render', device],
      ['trace', '--cases', device],
      ['render', '--cases', device],
      ['trace', '--cases', '-', '--environments', device],
      ['render', '--source', device],
    ]) {
      const { status, out, err } = await run(args);
      expect([args, status, out]).toEqual([args, 2, '']);
      expect(err).toMatch(/cannot be read: .*\[(CLI-003|SRC-001)\]/);
    }
  });

  test('a pipe is read as far as the limit, though its writer never stops', async () => {
    const child = spawn(process.execPath, [tool, 'trace', '--source', path('shop'), '--packet', '-']);
    let err = '';
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    child.stdin.on('error', () => undefined);
    const write = () => {
      while (child.stdin.writable && child.stdin.write(Buffer.alloc(1 << 16, 'x')));
    };
    child.stdin.on('drain', write);
    write();
    expect(await new Promise((resolve) => child.on('close', resolve))).toBe(2);
    expect(err).toContain('nftscope: Standard input cannot be read: it has more than 1,000,000 bytes. [CLI-003]\n');
  });

  test('--cases: a line that is too long is answered in its place', async () => {
    const pipe = gzipSync(Buffer.concat([Buffer.from('{"id": "'), Buffer.alloc(256e6, 'x'), Buffer.from('"}\n{}\n')]), {
      level: 1,
    });
    const { status, out, err } = await run(['render', '--cases', '-'], pipe);
    expect([status, err, lines(out).map(({ error }) => error.code)]).toEqual([2, '', ['CASE-007', 'CASE-006']]);
  });
});

describe('render of a listing that lacks facts', () => {
  const chain = {
    family: 'netdev',
    table: 'edge',
    name: 'in',
    handle: 1,
    type: 'filter',
    hook: 'ingress',
    prio: 0,
    policy: 'accept',
  };
  const old = JSON.stringify({
    nftables: [
      { metainfo: { version: '1.0.6', release_name: 'Lester Gooch #5', json_schema_version: 1 } },
      { table: { family: 'netdev', name: 'edge', handle: 1 } },
      { chain },
    ],
  });
  const text =
    'table netdev edge { # handle 1\n\tchain in { # handle 1\n\t\ttype filter hook ingress device "eth0" priority filter; policy accept;\n\t}\n}\n';

  test('told on standard error, with the reason', async () => {
    const { status, out, err } = await run(['render', '-'], old);
    expect([status, out]).toEqual([
      0,
      'table netdev edge {\n\tchain in {\n\t\ttype filter hook ingress priority filter; policy accept;\n\t}\n}\n',
    ]);
    expect(err).toBe(
      'nftscope: The text lacks the devices of chains (netdev edge in): nft 1.0.6 leaves them out of its JSON. [RENDER-001]\n' +
        '  Put the output of nft -a list ruleset beside it, as nft.txt of a bundle, and give that with --source.\n',
    );
    expect(JSON.parse((await run(['render', '-', '-o', 'json'], old)).out).lacks).toMatchObject([
      { code: 'RENDER-001', where: ['netdev edge in'] },
    ]);
  });

  test('nft.txt gives them: nothing to tell', async () => {
    writeTree(path('edge'), { 'nodes/n/nft.json': old, 'nodes/n/nft.txt': text });
    const { status, out, err } = await run(['render', '--handles', '--source', path('edge')]);
    expect([status, out, err]).toEqual([0, text, '']);
  });
});

describe('what kube-proxy should have written', () => {
  const demo = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'public/demo/shop-3node.tar.gz');
  const config = { kubeProxyVersion: '1.36.2', ipFamily: 'IPv4', nodeName: 'node-1' };

  test('--cases: one line each; a case that cannot be computed does not end the run', async () => {
    const records = [
      { name: 'old', config: { ...config, kubeProxyVersion: '1.29.0' }, services: [], endpointSlices: [] },
      { name: 'empty', config, services: [], endpointSlices: [] },
    ];
    const { status, out } = await run(
      ['expected', '--cases', '-'],
      records.map((one) => JSON.stringify(one)).join('\n'),
    );
    const [old, empty] = lines(out);
    expect(status).toBe(2);
    expect(old).toEqual({
      name: 'old',
      error: { code: 'DOC-002', message: expect.stringContaining('config.kubeProxyVersion') },
    });
    expect(empty.name).toBe('empty');
    expect(empty.rulesetJson.nftables.slice(0, 2)).toEqual([
      { metainfo: { version: '1.0.6', release_name: 'Lester Gooch #5', json_schema_version: 1 } },
      { table: { family: 'ip', name: 'kube-proxy' } },
    ]);
  });

  test('--source: the listing, and on standard error where the configuration is from', async () => {
    const { status, out, err } = await run(['expected', '--source', demo, '--node', 'node-1', '-o', 'json']);
    expect([status, lines(out).length]).toEqual([0, 1]);
    expect(err).toContain('ip: mark 0x4000: the rules of the chain masquerading\n');
    expect(err).toContain('ip6: local traffic ip6 saddr fd00:10:244::/48: ');
  });

  test('drift: 0 without difference', async () => {
    expect(await run(['drift', '--source', demo, '--service', 'shop/web'])).toEqual({
      status: 0,
      out: 'node-1: as expected\nnode-2: as expected\nnode-3: as expected\n',
      err: '',
    });
  });

  test('without Services nothing is expected: status 1', async () => {
    const { status, err } = await run(['expected', '--source', path('shop'), '--node', 'node-1']);
    expect([status, err]).toEqual([1, expect.stringContaining('[EXP-001]')]);
    const drift = await run(['drift', '--source', path('shop'), '-o', 'json']);
    const { nodes } = JSON.parse(drift.out);
    expect([drift.status, nodes.map(({ problem }: { problem: { code: string } }) => problem.code)]).toEqual([
      1,
      ['EXP-001', 'SRC-012'],
    ]);
  });
});

describe('show', () => {
  const show = (...args: string[]) => run(['show', '--source', path('shop'), ...args]);
  test('the nodes of a source', async () => {
    const { status, out } = await show();
    expect([status, out]).toEqual([
      0,
      expect.stringMatching(/node-1 {2}captured.*\nnode-2 {2}unreadable \(exit status 139\)/),
    ]);
  });
  test.each([
    [['tables'], 'ip kube-proxy'],
    [['chains', 'kube-proxy'], 'nat prerouting dstnat, policy accept'],
    [['sets'], 'map service-ips'],
    [['hooks'], 'inet site second'],
    [['set', 'ip kube-proxy', 'service-ips'], '10.96.0.9'],
    [['set', 'ip', 'kube-proxy', 'service-ips'], '10.96.0.9'],
    [['chain', 'kube-proxy', 'services'], 'ip saddr @blocked counter name "seen" drop # handle 21'],
  ])('%j', async (topic, wanted) => {
    const text = await show('--node', 'node-1', ...topic);
    expect([text.status, text.err]).toEqual([0, '']);
    expect(text.out).toContain(wanted);
    expect(JSON.parse((await show('--node', 'node-1', ...topic, '-o', 'json')).out)).toBeTypeOf('object');
  });
  test('the columns add up to the counts above them', async () => {
    const { out } = await show('--node', 'node-1', 'tables');
    const sum = (what: string) => [...out.matchAll(new RegExp(`(\\d+) ${what}s?\\b`, 'g'))].map(([, n]) => Number(n));
    expect(out).not.toMatch(/\b1 (rules|chains|sets|maps|elements)\b/);
    for (const what of ['rule', 'chain', 'set', 'map', 'element']) {
      const [all, ...tables] = sum(what);
      expect([what, tables.length, tables.reduce((a, b) => a + b, 0)]).toEqual([what, 2, all]);
    }
  });
  test('tables of legacy iptables', async () => {
    writeTree(path('legacy'), {
      'nodes/n/nft.json': JSON.stringify(LISTING),
      'nodes/n/ip_tables_names.txt': 'nat\nfilter\n',
    });
    const { out } = await run(['show', '--source', path('legacy')]);
    expect(out).toContain(
      '\nTables of legacy iptables, whose rules also apply and which nft does not show: nat, filter\n',
    );
    expect(JSON.parse((await run(['show', '--source', path('legacy'), '-o', 'json'])).out).legacyTables).toEqual([
      'nat',
      'filter',
    ]);
    expect((await show('--node', 'node-1')).out).not.toContain('legacy');
  });
  test('an unreadable node is bad news', async () => {
    expect(await show('--node', 'node-2')).toMatchObject({
      status: 1,
      out: '',
      err: expect.stringContaining('exit status 139'),
    });
  });
});

describeShared('flows of kube-proxy through trace --cases', (shared) => {
  test('654 of 654 as the kernel did', async () => {
    const records = RELEASES.flatMap((release) =>
      readFlows(shared, release).map((record) => ({ record, input: caseOf(record, release) })),
    );
    const { status, out, err } = await run(
      ['trace', '--cases', '-'],
      records.map(({ input }) => JSON.stringify(input)).join('\n'),
    );
    expect([status, err]).toEqual([0, '']);
    const answers = new Map(lines(out).map(({ id, results }) => [id, results]));
    const differences = records.flatMap(({ record, input }) =>
      record.flows.map((flow, at) => disagreement(flow, answers.get(input.id)?.[at])),
    );
    expect(differences.filter((difference) => difference !== undefined)).toEqual([]);
    expect(differences.length).toBe(654);
  });
});
