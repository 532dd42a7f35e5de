import { afterEach, expect, test, vi } from 'vitest';
import { GET } from '@/app/api/replay/route';
import { POST } from '@/app/api/sources/[id]/nodes/[node]/verify/route';
import { oneReplay } from './available';

afterEach(() => vi.unstubAllEnvs());
const headers = { host: 'localhost:3000' };
const context = { params: Promise.resolve({ id: 'x', node: 'y' }) };
const verify = () => POST(new Request('http://localhost:3000/', { method: 'POST', headers, body: '{}' }), context);
const offered = async () => {
  const response = await GET(new Request('http://localhost:3000/', { headers }), undefined);
  return (await response.json()) as unknown;
};

test('not offered unless the server was started for it', async () => {
  vi.stubEnv('NFTSCOPE_ALLOW_REPLAY', '');
  expect(await offered()).toMatchObject({
    offered: false,
    problem: { code: 'REPLAY-001', do: expect.stringContaining('--allow-replay') },
  });
  const refused = await verify();
  expect([refused.status, await refused.json()]).toMatchObject([501, { code: 'REPLAY-001' }]);
});

test('not offered to a process without root', async () => {
  vi.stubEnv('NFTSCOPE_ALLOW_REPLAY', '1');
  vi.spyOn(process, 'getuid').mockReturnValue(1000);
  expect(await offered()).toMatchObject({ offered: false, problem: { code: 'REPLAY-002' } });
  expect((await verify()).status).toBe(501);
  vi.restoreAllMocks();
});

test('one at a time', async () => {
  let end: (word: string) => void = () => undefined;
  const first = oneReplay(
    () =>
      new Promise<string>((resolve) => {
        end = resolve;
      }),
  );
  expect(await oneReplay(async () => 'second')).toMatchObject({ code: 'REPLAY-004' });
  end('first');
  expect(await first).toBe('first');
  expect(await oneReplay(async () => 'third')).toBe('third');
});
