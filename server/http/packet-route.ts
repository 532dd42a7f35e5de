/** The exports of a route about one packet on one node: asked by parameters, or by one JSON object that is posted. */
import 'server-only';
import type { NodeAnswers } from '@/lib/api/answer';
import type { TraceQuery } from '@/lib/api/trace-answer';
import type { Result } from '@/lib/net/result';
import { readBody } from './body';
import { type Asked, askNode, type NodeContext } from './node-route';
import { requestProblems } from './request-problems';
import { answered, json, route } from './route';
import { queryOfBody, queryOfRequest } from './trace-query';

const BODY_BYTES = 1e6;

/** The question of a posted body. */
export async function postedQuery(request: Request): Promise<Result<TraceQuery>> {
  const body = await readBody(request, BODY_BYTES, requestProblems.bodyTooLarge);
  return body.ok ? queryOfBody(body.value) : body;
}

export function packetRoute<K extends 'trace' | 'deliver'>(
  question: K,
  encode: (asked: Asked<NodeAnswers[K]>) => Response = ({ answer, isFinal }) => json(answer, { isFinal }),
) {
  const respond = async (request: Request, context: NodeContext, query: Result<TraceQuery>): Promise<Response> =>
    query.ok ? answered(await askNode(request, context, question, query.value), encode) : answered(query, json);
  return route<NodeContext>({
    GET: (request, context) => respond(request, context, queryOfRequest(request)),
    POST: async (request, context) => respond(request, context, await postedQuery(request)),
  });
}
