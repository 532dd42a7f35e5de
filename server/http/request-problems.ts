/** What can be wrong with a request as such, whatever it asks. */
import 'server-only';
import type { Problem } from '@/lib/net/result';

const SEE = 'docs/api.md lists the routes.';

export const requestProblems = {
  noRoute: (): Problem => ({ code: 'HTTP-404', say: 'The API has no such route.', do: SEE }),
  encoding: (): Problem => ({
    code: 'HTTP-400',
    say: 'The address is not UTF-8 in percent-encoding.',
    do: 'Encode each segment of the path by encodeURIComponent.',
  }),
  method: (method: string, allow: string): Problem => ({
    code: 'HTTP-405',
    say: `This route does not answer ${method}.`,
    do: `It answers ${allow}. ${SEE}`,
  }),
  bodyNotJson: (complaint: string): Problem => ({
    code: 'REQ-003',
    say: `The body of the request is not JSON: ${complaint}.`,
    do: 'Send one JSON object with from and to, or with packet: {"packet": {"iif": "eth0", …}}.',
  }),
  member: (path: string, say: string): Problem => ({
    code: 'REQ-001',
    path,
    say: `${path === '' ? 'The body of the request' : `The member ${path}`}: ${say}.`,
    do: 'Send one JSON object with the members of docs/api.md: from and to, or packet.',
  }),
  tooDeep: (path: string, levels: number): Problem => ({
    code: 'REQ-004',
    path,
    say: `${path} is nested deeper than ${levels} levels, which no question is.`,
    do: 'Send the members that docs/api.md and docs/cases.md name.',
  }),
  bodyTooLarge: (limit: number): Problem => ({
    code: 'REQ-005',
    say: `The body of the request is larger than ${limit / 1e6} MB.`,
    do: 'Send one question: from and to, or one packet.',
  }),
} as const;
