import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { diagnoseCommand } from './diagnose-command';

const DEMO = fileURLToPath(new URL('../../public/demo/shop-3node.tar.gz', import.meta.url));
const POD = 'shop/web-6d4f8b7c9-2hxkz';

let printed = '';
beforeEach(() => {
  printed = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += text;
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
});

const codesIn = (text: string): readonly string[] => {
  const { findings } = JSON.parse(text) as { readonly findings: readonly { readonly code: string }[] };
  return findings.map(({ code }) => code);
};

describe('nftscope diagnose', () => {
  test('a Service without endpoints is bad news', async () => {
    expect(await diagnoseCommand(['--source', DEMO, '--service', 'shop/inventory', '-o', 'json'])).toBe(1);
    expect(codesIn(printed)).toEqual(['no-endpoints']);
  });

  test('a Service that is well', async () => {
    expect(await diagnoseCommand(['--source', DEMO, '--service', 'shop/api'])).toBe(0);
    expect(printed).toBe('Nothing was found.\n');
  });

  test('a connection by names: its end and what explains it come first', async () => {
    const args = ['--source', DEMO, '--from', POD, '--to', 'svc:shop/inventory'];
    expect(await diagnoseCommand(args)).toBe(1);
    expect(printed).toMatch(
      /^The connection: icmp-port-unreachable; explained by no-endpoints\.\n\nerror no-endpoints: /,
    );
  });

  test('the commands name the source that was asked about', async () => {
    const ask = JSON.stringify({ from: 'node-1', dst: '127.0.0.1', dport: 30080, protocol: 'TCP' });
    await diagnoseCommand(['--source', DEMO, '--ask', ask]);
    expect(printed).toContain(`| nftscope reach --source ${DEMO} --queries -`);
    expect(printed).not.toContain('--source S ');
  });

  test('a Service that is nowhere is a wrong name, not good news', async () => {
    await expect(diagnoseCommand(['--source', DEMO, '--service', 'shop/apj'])).rejects.toMatchObject({
      message: expect.stringContaining('shop/apj'),
    });
  });

  test.each([
    [{ src: '198.51.100.77' }, 'There is no field "src".'],
    [{ port: 80 }, 'There is no field "port".'],
  ])('a connection with a field that nobody reads: %j', async (more, say) => {
    const ask = JSON.stringify({ from: 'external', dst: '203.0.113.12', dport: 80, protocol: 'TCP', ...more });
    await expect(diagnoseCommand(['--source', DEMO, '--ask', ask])).rejects.toMatchObject({
      message: expect.stringContaining(say),
    });
  });

  test('a client from outside by its address', async () => {
    const ask = { from: 'external:198.51.100.77', dst: '203.0.113.12', dport: 80, protocol: 'TCP' };
    await diagnoseCommand(['--source', DEMO, '--ask', JSON.stringify(ask), '-o', 'json']);
    expect(codesIn(printed)[0]).toBe('source-ranges-block');
  });

  test('a connection that arrives', async () => {
    await diagnoseCommand(['--source', DEMO, '--from', POD, '--to', 'svc:shop/api:http']);
    expect(printed).toMatch(/^The connection: ok\.\n/);
  });

  test('a connection as JSON, to a port that the Service has not', async () => {
    const ask = { from: POD, dst: '10.99.151.112', dport: 8080, protocol: 'TCP' };
    expect(await diagnoseCommand(['--source', DEMO, '--ask', JSON.stringify(ask), '-o', 'json'])).toBe(1);
    const { asked } = JSON.parse(printed) as { readonly asked: object };
    expect(asked).toEqual({
      results: { 'icmp-port-unreachable': 1 },
      undecided: [],
      astray: [],
      explainedBy: [{ code: 'clusterip-port-undefined', nodes: [], services: ['shop/api'] }],
    });
    expect(codesIn(printed)[0]).toBe('clusterip-port-undefined');
  });

  test.each<{ name: string; args: readonly string[]; says: string }>([
    { name: 'half a connection', args: ['--from', POD], says: '--from and --to belong together.' },
    {
      name: 'two connections',
      args: ['--from', POD, '--to', 'svc:shop/api', '--ask', '{}'],
      says: 'given by --ask, or by',
    },
    { name: 'no JSON', args: ['--ask', 'web'], says: '--ask is no JSON object.' },
    {
      name: 'a client without a name',
      args: ['--ask', '{"dst":"10.96.0.10","dport":53,"protocol":"UDP"}'],
      says: 'from is',
    },
    { name: 'no such pod', args: ['--from', 'shop/nobody', '--to', 'svc:shop/api:http'], says: 'shop/nobody' },
    {
      name: 'a family that is none',
      args: ['--from', POD, '--to', 'svc:shop/api:http', '--family', '5'],
      says: '--family is',
    },
    { name: 'no such node', args: ['--node', 'node-9'], says: 'node-9' },
  ])('wrong input: $name', async ({ args, says }) => {
    await expect(diagnoseCommand(['--source', DEMO, ...args])).rejects.toThrow(says);
    expect(printed).toBe('');
  });
});
