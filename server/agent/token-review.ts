/** Tokens checked by the API server: who is it (TokenReview), and may they (SubjectAccessReview). */
import 'server-only';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import * as http from 'node:http';
import * as https from 'node:https';
import { at, decoding, parseJson } from '@/lib/net/json-cursor';
import type { AgentResource, TokenCheck, TokenVerdict } from './token-check';

const NEW_TOKEN = 'Make a new one: kubectl create token nftscope-reader --audience nftscope-agent.';

export interface ReviewOptions {
  /** `https://10.96.0.1:443` */
  readonly server: string;
  /** The agent's own token and the API server's CA; read again for each question, as the kubelet renews them. */
  readonly tokenFile: string;
  readonly caFile: string;
  readonly audiences: readonly string[];
  readonly milliseconds: number;
  readonly now: () => number;
}
export const REVIEW_DEFAULTS = { audiences: ['nftscope-agent'], milliseconds: 5000, now: () => Date.now() } as const;

const KEPT_MS = { allowed: 30_000, unknown: 5000, forbidden: 5000, unavailable: 1000 } as const;
const KEPT_MAX = 1000;
const AT_ONCE = 8;
const ANSWER_MAX = 1e6;

/** Verdicts are kept for a short time by the hash of the token; who asks while one is made waits for that one. */
export function tokenReviewCheck(options: ReviewOptions): TokenCheck {
  const kept = new Map<string, { readonly until: number; readonly verdict: TokenVerdict }>();
  /** Apart from the others, which anybody can make as many of as he likes. */
  const allowed = new Map<string, number>();
  const running = new Map<string, Promise<TokenVerdict>>();
  return (token, resource) => {
    const key = createHash('sha256').update(`${resource}\0${token}`).digest('base64');
    const until = allowed.get(key);
    if (until !== undefined && until > options.now()) return Promise.resolve({ kind: 'allowed' });
    const known = kept.get(key);
    if (known !== undefined && known.until > options.now()) return Promise.resolve(known.verdict);
    const under = running.get(key);
    if (under !== undefined) return under;
    // Who was allowed before does not wait for those who try tokens.
    if (running.size >= AT_ONCE && until === undefined)
      return Promise.resolve({ kind: 'unavailable', why: 'too many tokens at once' });
    const asked = ask(token, resource, options)
      .catch((error: Error): TokenVerdict => ({ kind: 'unavailable', why: error.message }))
      .then((verdict) => {
        const goodUntil = options.now() + KEPT_MS[verdict.kind];
        kept.delete(key);
        if (verdict.kind !== 'unavailable') allowed.delete(key);
        if (verdict.kind === 'allowed') put(allowed, key, goodUntil);
        else put(kept, key, { until: goodUntil, verdict });
        return verdict;
      })
      .finally(() => running.delete(key));
    running.set(key, asked);
    return asked;
  };
}

/** The oldest goes first: a Map keeps the order in which keys came. */
function put<T>(into: Map<string, T>, key: string, value: T): void {
  into.set(key, value);
  const [oldest] = into.keys();
  if (into.size > KEPT_MAX && oldest !== undefined) into.delete(oldest);
}

async function ask(token: string, resource: AgentResource, options: ReviewOptions): Promise<TokenVerdict> {
  const { audiences } = options;
  const review = await create('authentication.k8s.io', 'TokenReview', 'tokenreviews', { token, audiences }, options);
  const who = decoding(() => {
    const status = at(review).key('status');
    if (status.optional('authenticated')?.boolean() !== true) return undefined;
    const named = (status.optional('audiences')?.items() ?? []).map((item) => item.string());
    // An API server that knows nothing of audiences names none, and accepts its own tokens for ours.
    if (audiences.length > 0 && !named.some((audience) => audiences.includes(audience))) return undefined;
    return status.key('user').value;
  });
  if (!who.ok) return { kind: 'unavailable', why: 'the API server answers no TokenReview' };
  if (who.value === undefined) return { kind: 'unknown', advice: NEW_TOKEN };
  const { username, uid, groups, extra } = who.value as { readonly [key: string]: unknown };
  const access = await create(
    'authorization.k8s.io',
    'SubjectAccessReview',
    'subjectaccessreviews',
    { user: username, uid, groups, extra, nonResourceAttributes: { path: resource, verb: 'get' } },
    options,
  );
  const allowed = decoding(() => at(access).key('status').optional('allowed')?.boolean() === true);
  if (!allowed.ok) return { kind: 'unavailable', why: 'the API server answers no SubjectAccessReview' };
  return { kind: allowed.value ? 'allowed' : 'forbidden' };
}

async function create(
  group: string,
  kind: string,
  resource: string,
  spec: object,
  options: ReviewOptions,
): Promise<unknown> {
  const own = (await readFile(options.tokenFile, 'utf8')).trim();
  const url = new URL(`/apis/${group}/v1/${resource}`, options.server);
  const isTls = url.protocol === 'https:';
  const body = JSON.stringify({ apiVersion: `${group}/v1`, kind, spec });
  const headers = {
    authorization: `Bearer ${own}`,
    'content-type': 'application/json',
    accept: 'application/json',
    'content-length': Buffer.byteLength(body),
  };
  const common = { method: 'POST', headers, signal: AbortSignal.timeout(options.milliseconds) };
  const ca = isTls ? await readFile(options.caFile) : undefined;
  return new Promise((resolve, reject) => {
    const request = isTls ? https.request(url, { ...common, ca }) : http.request(url, common);
    request.once('error', (error) => reject(new Error(`the API server does not answer (${error.message})`)));
    request.once('response', (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > ANSWER_MAX) request.destroy(new Error('its answer is too long'));
        else chunks.push(chunk);
      });
      response.once('error', reject);
      response.once('end', () => {
        const { statusCode = 0 } = response;
        const json = parseJson(Buffer.concat(chunks).toString());
        if (statusCode !== 200 && statusCode !== 201)
          reject(new Error(`the API server refuses a ${kind} with status ${statusCode}`));
        else if (!json.ok) reject(new Error('the API server answers no JSON'));
        else resolve(json.value);
      });
    });
    request.end(body);
  });
}
