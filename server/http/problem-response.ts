/** Problems as RFC 9457 problem details. */
import 'server-only';
import type { ProblemDetails } from '@/lib/api/types';
import type { Problem } from '@/lib/net/result';

/** Statuses by code; a code ending in a dash stands for its family. */
const STATUS: readonly (readonly [code: string, status: number])[] = [
  ['HTTP-403', 403],
  ['HTTP-500', 500],
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
  ['DOC-', 422],
  ['REPLAY-004', 429],
  // Not offered here: root, a program or the permission is missing.
  ['REPLAY-', 501],
];

function statusOf(code: string): number {
  const found = STATUS.find(([key]) => (key.endsWith('-') ? code.startsWith(key) : code === key));
  return found?.[1] ?? 400;
}

function problemDetails(problem: Problem & { readonly near?: readonly string[] }): ProblemDetails {
  const { code, say, do: remedy, path, near } = problem;
  return {
    type: 'about:blank',
    status: statusOf(code),
    title: say,
    detail: remedy,
    code,
    ...(path !== undefined && path !== '' && { path }),
    ...(near !== undefined && near.length > 0 && { near }),
  };
}

export function problemResponse(problem: Problem): Response {
  const body = problemDetails(problem);
  return new Response(JSON.stringify(body), {
    status: body.status,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store' },
  });
}
