import type { TraceQuery } from '@/lib/api/trace-answer';
import type { Result } from '@/lib/net/result';
import { readBody } from '@/server/http/body';
import { askNode, type NodeContext } from '@/server/http/node-route';
import { requestProblems } from '@/server/http/request-problems';
import { answered, json, route } from '@/server/http/route';
import { queryOfBody, queryOfRequest } from '@/server/http/trace-query';

export const dynamic = 'force-dynamic';

const BODY_BYTES = 1e6;

export const { GET, POST, PUT, PATCH, DELETE, OPTIONS } = route<NodeContext>({
  GET: (request, context) => respond(request, context, queryOfRequest(request)),
  POST: async (request, context) => {
    const body = await readBody(request, BODY_BYTES, requestProblems.bodyTooLarge);
    return body.ok ? respond(request, context, queryOfBody(body.value)) : answered(body, json);
  },
});

async function respond(request: Request, context: NodeContext, query: Result<TraceQuery>): Promise<Response> {
  if (!query.ok) return answered(query, json);
  return answered(await askNode(request, context, 'deliver', query.value), ({ answer, isFinal }) =>
    json(answer, { isFinal }),
  );
}
