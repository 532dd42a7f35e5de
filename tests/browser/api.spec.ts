import { request as httpRequest } from 'node:http';
import { expect, test } from '@playwright/test';
import type { ProblemDetails } from '../../lib/api/types';

interface Answer {
  readonly status: number | undefined;
  readonly type: string | undefined;
  readonly policy: string | undefined;
  readonly body: string;
}

/** Sends the path as it stands: fetch would normalise it, and set Host itself. */
function send(base: string, method: string, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    const request = httpRequest({ hostname, port, method, path, headers }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text) => {
        body += text;
      });
      response.on('end', () =>
        resolve({
          status: response.statusCode,
          type: response.headers['content-type'],
          policy: String(response.headers['content-security-policy']),
          body,
        }),
      );
    });
    request.once('error', reject);
    request.end();
  });
}

const EVIL = { host: 'evil.example' };
const rows: readonly (readonly [string, string, Record<string, string>, number, string])[] = [
  ['GET', '/api/sources/demo/nodes/%ff/overview', {}, 400, 'HTTP-400'],
  ['GET', '/api/sources/%zz/nodes', {}, 400, 'HTTP-400'],
  ['GET', '/api/%ff', {}, 400, 'HTTP-400'],
  ['GET', '/api', {}, 404, 'HTTP-404'],
  ['GET', '/api/nope', {}, 404, 'HTTP-404'],
  ['POST', '/api/sources/demo', {}, 404, 'HTTP-404'],
  ['GET', '/api/sources/demo/nodes/node-1/nope', {}, 404, 'HTTP-404'],
  ['GET', '/api/sources/demo/nodes/%2e%2e/overview', {}, 404, 'HTTP-404'],
  ['GET', '/api/sources/demo/nodes/node%20x/overview', {}, 404, 'SRC-008'],
  ['DELETE', '/api/sources', {}, 405, 'HTTP-405'],
  ['PROPFIND', '/api/health', {}, 405, 'HTTP-405'],
  ['GET', '/api/sources/demo/nodes/node-1/verify', {}, 405, 'HTTP-405'],
  ['GET', '/api/nope', EVIL, 403, 'HTTP-403'],
  ['GET', '/api', EVIL, 403, 'HTTP-403'],
  ['GET', '/api/sources/%ff/nodes', EVIL, 403, 'HTTP-403'],
  ['DELETE', '/api/sources', EVIL, 403, 'HTTP-403'],
  ['OPTIONS', '/api/sources', EVIL, 403, 'HTTP-403'],
  ['POST', '/api/sources', EVIL, 403, 'HTTP-403'],
  ['POST', '/api/sources', { origin: 'http://evil.example' }, 403, 'HTTP-403'],
  ['GET', '/api/nope', { origin: 'null' }, 403, 'HTTP-403'],
];

for (const [method, path, headers, status, code] of rows) {
  test(`${method} ${path} ${JSON.stringify(headers)}: ${status} ${code}, as a problem`, async ({ baseURL }) => {
    const answer = await send(baseURL ?? '', method, path, headers);
    expect([answer.status, answer.type, answer.policy]).toEqual([
      status,
      'application/problem+json',
      "default-src 'none'; frame-ancestors 'none'",
    ]);
    const problem: ProblemDetails = JSON.parse(answer.body);
    expect(problem).toMatchObject({ status, code, title: expect.any(String), detail: expect.any(String) });
  });
}

test('an upload of many megabytes arrives whole', async ({ request }) => {
  // A listing of one table with a comment: longer than what Next keeps of a body that passes its proxy (10 MB).
  const comment = 'x'.repeat(12_000_000);
  const listing = { nftables: [{ metainfo: {} }, { table: { family: 'ip', name: 'large', handle: 1, comment } }] };
  const answer = await request.post('/api/sources?name=large.json', { data: JSON.stringify(listing) });
  expect([answer.status(), (await answer.json()).nodes?.[0]?.state]).toEqual([201, 'ready']);
});
