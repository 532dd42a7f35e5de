/** Problems as RFC 9457 problem details. */
import 'server-only';
import type { ProblemDetails } from '@/lib/api/types';
import type { Problem } from '@/lib/net/result';

/** Statuses by code; a code ending in a dash stands for its family. */
const STATUS: readonly (readonly [code: string, status: number])[] = [
  ['HTTP-400', 400],
  ['HTTP-403', 403],
  ['HTTP-404', 404],
  ['HTTP-405', 405],
  ['HTTP-500', 500],
  ['REQ-005', 413],
  ['REQ-', 400],
  ['PKT-', 400],
  ['REF-', 400],
  ['VIEW-001', 404],
  ['VIEW-002', 404],
  ['VIEW-003', 404],
  ['VIEW-004', 404],
  ['VIEW-', 400],
  ['SRC-003', 413],
  ['SRC-004', 413],
  ['SRC-005', 413],
  ['SRC-008', 404],
  // The client went away; nobody reads this.
  ['SRC-009', 499],
  ['SRC-010', 409],
  ['SRC-011', 404],
  ['SRC-', 422],
  ['NFT-JSON-', 422],
  // The API server, or what it leads to, does not answer.
  ['KUBE-004', 502],
  ['KUBE-005', 502],
  ['KUBE-006', 502],
  ['KUBE-', 422],
  ['DOC-', 422],
  ['REPLAY-004', 429],
  // Not offered here: root, a program or the permission is missing.
  ['REPLAY-', 501],
];

function statusOf(code: string): number {
  const found = STATUS.find(([key]) => (key.endsWith('-') ? code.startsWith(key) : code === key));
  return found?.[1] ?? 400;
}

/** An answer of the API is data: nothing in it is to be run or framed, should a browser show it as a page. */
export const API_POLICY = "default-src 'none'; frame-ancestors 'none'";

/** A problem may quote what was sent; more of it than this helps nobody. */
const LONGEST = 600;
const shortened = (words: string): string => (words.length > LONGEST ? `${words.slice(0, LONGEST)}…` : words);

function problemDetails(problem: Problem & { readonly near?: readonly string[] }): ProblemDetails {
  const { code, near } = problem;
  const [say, remedy, path] = [problem.say, problem.do, problem.path ?? ''].map(shortened) as [string, string, string];
  return {
    type: 'about:blank',
    status: statusOf(code),
    title: say,
    detail: remedy,
    code,
    ...(path !== '' && { path }),
    ...(near !== undefined && near.length > 0 && { near }),
  };
}

/** @param more headers of this status */
export function problemResponse(problem: Problem, more: { readonly [header: string]: string } = {}): Response {
  const body = problemDetails(problem);
  return new Response(JSON.stringify(body), {
    status: body.status,
    headers: {
      'content-type': 'application/problem+json',
      'content-security-policy': API_POLICY,
      'cache-control': 'no-store',
      ...more,
    },
  });
}
