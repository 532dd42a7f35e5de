/** Tokens, checked by a file and by an API server that a small HTTP server plays. */
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../sources/testing/make-bundle';
import { tokenFileCheck } from './token-check';
import { REVIEW_DEFAULTS, tokenReviewCheck } from './token-review';

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

describe('a file of tokens', () => {
  const file = (text: string) => {
    const path = join(folder.path, 'tokens');
    writeFileSync(path, text);
    return path;
  };
  test.each([
    ['one of them', 'two', 'allowed'],
    ['another', 'three', 'unknown'],
    ['a part of one', 'tw', 'unknown'],
    ['none', '', 'unknown'],
    ['a comment', '# no token', 'unknown'],
  ])('%s', async (_, token, kind) => {
    const check = tokenFileCheck(file('# no token\none\n\n  two  \n'));
    expect(await check(token, '/nftscope/agent')).toMatchObject({ kind });
  });

  test('a token that was taken out is refused at once', async () => {
    const check = tokenFileCheck(file('one\n'));
    expect(await check('one', '/metrics')).toEqual({ kind: 'allowed' });
    file('two\n');
    expect(await check('one', '/metrics')).toMatchObject({
      kind: 'unknown',
      advice: expect.stringContaining('--token-file'),
    });
  });

  test('no file: nobody', async () => {
    const verdict = await tokenFileCheck(join(folder.path, 'absent'))('one', '/metrics');
    expect(verdict.kind).toBe('unavailable');
  });
});

describe('the API server', () => {
  interface Asked {
    readonly path: string;
    readonly authorization: string | undefined;
    readonly body: { readonly kind: string; readonly spec: Record<string, unknown> };
  }
  type Answer = { readonly status?: number; readonly body?: unknown; readonly cut?: boolean };
  let server: Server;
  let asked: Asked[] = [];
  let answers: (one: Asked) => Answer;
  const user = { username: 'system:serviceaccount:a:b', uid: 'u', groups: ['g'], extra: { k: ['v'] } };
  const known = { authenticated: true, user, audiences: ['nftscope-agent'] };
  const good = ({ body }: Asked): Answer =>
    body.kind === 'TokenReview' ? { body: { status: known } } : { body: { status: { allowed: true } } };

  beforeEach(async () => {
    asked = [];
    answers = good;
    server = createServer(async (request, response) => {
      let text = '';
      for await (const chunk of request) text += chunk;
      const one = { path: request.url ?? '', authorization: request.headers.authorization, body: JSON.parse(text) };
      asked.push(one);
      const { status = 201, body = {}, cut = false } = answers(one);
      if (cut) return void response.destroy();
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(() => void server.close());

  function reviewing(now: () => number = () => 0) {
    const tokenFile = join(folder.path, 'token');
    writeFileSync(tokenFile, 'own-token\n');
    const { port } = server.address() as AddressInfo;
    return tokenReviewCheck({ ...REVIEW_DEFAULTS, server: `http://127.0.0.1:${port}`, tokenFile, caFile: '', now });
  }

  test('is asked who it is, then whether they may', async () => {
    expect(await reviewing()('theirs', '/nftscope/agent')).toEqual({ kind: 'allowed' });
    expect(asked).toEqual([
      {
        path: '/apis/authentication.k8s.io/v1/tokenreviews',
        authorization: 'Bearer own-token',
        body: {
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenReview',
          spec: { token: 'theirs', audiences: ['nftscope-agent'] },
        },
      },
      {
        path: '/apis/authorization.k8s.io/v1/subjectaccessreviews',
        authorization: 'Bearer own-token',
        body: {
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SubjectAccessReview',
          spec: {
            user: user.username,
            uid: 'u',
            groups: ['g'],
            extra: { k: ['v'] },
            nonResourceAttributes: { path: '/nftscope/agent', verb: 'get' },
          },
        },
      },
    ]);
  });

  const review =
    (status: unknown) =>
    (one: Asked): Answer =>
      one.body.kind === 'TokenReview' ? { body: { status } } : good(one);
  const access =
    (status: unknown) =>
    (one: Asked): Answer =>
      one.body.kind === 'TokenReview' ? good(one) : { body: { status } };

  test('who was allowed is let in again while others try tokens', async () => {
    let now = 0;
    const check = reviewing(() => now);
    expect((await check('theirs', '/metrics')).kind).toBe('allowed');
    // More than are kept, and then as many as are asked of at once.
    answers = review({ authenticated: false });
    for (let i = 0; i < 1001; i += 8)
      await Promise.all(Array.from({ length: 8 }, (_, more) => check(`tried-${i + more}`, '/metrics')));
    answers = good;
    expect((await check('theirs', '/metrics')).kind).toBe('allowed');
    now = 31_000;
    const trying = Array.from({ length: 20 }, (_, i) => check(`again-${i}`, '/metrics'));
    expect((await check('theirs', '/metrics')).kind).toBe('allowed');
    expect((await Promise.all(trying)).filter(({ kind }) => kind === 'unavailable')).toHaveLength(12);
    // Allowed no longer, it is one of many.
    now = 62_000;
    answers = review({ authenticated: false });
    expect((await check('theirs', '/metrics')).kind).toBe('unknown');
    now = 93_000;
    const more = Array.from({ length: 8 }, (_, i) => check(`more-${i}`, '/metrics'));
    expect((await check('theirs', '/metrics')).kind).toBe('unavailable');
    await Promise.all(more);
  });

  test.each<[string, (one: Asked) => Answer, string]>([
    ['it does not know the token', review({ authenticated: false, error: 'expired' }), 'unknown'],
    ['it says nothing', review({}), 'unknown'],
    ['the token is for somebody else', review({ ...known, audiences: ['https://kubernetes.default.svc'] }), 'unknown'],
    ['it knows no audiences', review({ authenticated: true, user }), 'unknown'],
    ['they may not', access({ allowed: false, reason: 'no RBAC rule' }), 'forbidden'],
    ['it does not say', access({}), 'forbidden'],
    ['denied and allowed is not a thing it says', access({ allowed: 'yes' }), 'unavailable'],
    ['the agent may not ask', () => ({ status: 403 }), 'unavailable'],
    ['it answers HTML', () => ({ body: '<html>' }), 'unavailable'],
    ['it answers nothing', () => ({ body: null }), 'unavailable'],
    ['it hangs up', () => ({ cut: true }), 'unavailable'],
  ])('%s', async (_, answer, kind) => {
    answers = answer;
    expect((await reviewing()('theirs', '/nftscope/agent')).kind).toBe(kind);
  });

  test.each([
    ['allowed', good, 30_000],
    ['unknown', review({ authenticated: false }), 5000],
    ['unavailable', () => ({ status: 500 }), 1000],
  ] as const)('%s is kept for a while', async (kind, answer, kept) => {
    answers = answer;
    let now = 0;
    const check = reviewing(() => now);
    const first = await check('theirs', '/nftscope/agent');
    const questions = asked.length;
    now = kept - 1;
    expect(await check('theirs', '/nftscope/agent')).toEqual(first);
    expect([first.kind, asked.length]).toEqual([kind, questions]);
    now = kept + 1;
    await check('theirs', '/nftscope/agent');
    expect(asked.length).toBe(2 * questions);
  });

  test('what may be got is kept apart, and so are tokens', async () => {
    const check = reviewing();
    await check('a', '/nftscope/agent');
    await check('a', '/metrics');
    await check('b', '/metrics');
    expect(asked.length).toBe(6);
    expect(asked[3]?.body.spec.nonResourceAttributes).toEqual({ path: '/metrics', verb: 'get' });
  });

  test('many who ask at once with one token are one question; with many tokens the rest must wait', async () => {
    const check = reviewing();
    await Promise.all(Array.from({ length: 50 }, () => check('a', '/nftscope/agent')));
    expect(asked.length).toBe(2);
    const many = await Promise.all(Array.from({ length: 20 }, (_, i) => check(`t${i}`, '/nftscope/agent')));
    expect(many.filter(({ kind }) => kind === 'allowed').length).toBe(8);
    expect(many.filter(({ kind }) => kind === 'unavailable').length).toBe(12);
  });

  test('an outage lets nobody in', async () => {
    const check = reviewing();
    await new Promise((resolve) => server.close(resolve));
    expect((await check('theirs', '/nftscope/agent')).kind).toBe('unavailable');
  });
});
