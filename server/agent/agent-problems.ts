/** What the agent answers when it cannot: stable codes, RFC 9457 (docs/agent.md). */
import 'server-only';
import { describeFailure, type Failure } from '@/lib/world/capture-files';

export interface AgentProblem {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly failure?: Failure;
  readonly headers?: { readonly [name: string]: string };
}
const SEE = 'docs/agent.md lists the paths.';

export const agentProblems = {
  noToken: (): AgentProblem => ({
    status: 401,
    code: 'AGENT-401',
    title: 'A token is needed.',
    detail: 'Send Authorization: Bearer TOKEN, or Nftscope-Authorization through the pod proxy.',
    headers: { 'www-authenticate': 'Bearer' },
  }),
  unknownToken: (advice: string): AgentProblem => ({
    status: 401,
    code: 'AGENT-401',
    title: 'The token is not known here, has expired, or is not for this audience.',
    detail: advice,
    headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
  }),
  forbidden: (resource: string): AgentProblem => ({
    status: 403,
    code: 'AGENT-403',
    title: `The owner of this token may not get ${resource}.`,
    detail: `Bind a ClusterRole with nonResourceURLs ["${resource}"] and verbs ["get"] to it.`,
  }),
  cannotCheck: (why: string): AgentProblem => ({
    status: 503,
    code: 'AGENT-503',
    title: `The token cannot be checked: ${why.replace(/\.+$/, '')}.`,
    detail: 'The agent needs the API server, and the rights to create tokenreviews and subjectaccessreviews.',
    headers: { 'retry-after': '2' },
  }),
  busy: (what: string): AgentProblem => ({
    status: 503,
    code: 'AGENT-503',
    title: `There are too many ${what} at once.`,
    detail: 'Ask again later.',
    headers: { 'retry-after': '2' },
  }),
  noPath: (): AgentProblem => ({ status: 404, code: 'AGENT-404', title: 'There is no such path.', detail: SEE }),
  noFile: (file: string): AgentProblem => ({
    status: 404,
    code: 'AGENT-404',
    title: `${file} is no file that an agent reads.`,
    detail: 'docs/captures.md lists the files of a node.',
  }),
  notRead: (file: string): AgentProblem => ({
    status: 404,
    code: 'AGENT-404',
    title: `${file} was not read: this node does not have it.`,
    detail: 'Do without it.',
  }),
  method: (method: string): AgentProblem => ({
    status: 405,
    code: 'AGENT-405',
    title: `The agent does not answer ${method}.`,
    detail: 'It only reads: GET and HEAD.',
    headers: { allow: 'GET, HEAD' },
  }),
  parameter: (name: string, wanted: string): AgentProblem => ({
    status: 400,
    code: 'AGENT-400',
    title: `The parameter ${name} is wrong.`,
    detail: `Give ${wanted}.`,
  }),
  failedReading: (failure: Failure): AgentProblem => ({
    status: 502,
    code: 'AGENT-502',
    title: describeFailure(failure),
    detail: 'The reading failed on this node; failure has its command, status and error output.',
    failure,
  }),
  ours: (): AgentProblem => ({
    status: 500,
    code: 'AGENT-500',
    title: 'The agent failed.',
    detail: 'This is a mistake of its own: its log says where.',
  }),
} as const;
