import type { TraceQuery } from '@/lib/api/trace-answer';
import type { TraceAnswer } from '@/lib/api/types';
import type { Result } from '@/lib/net/result';
import { readBody } from '@/server/http/body';
import { askNode, type NodeContext } from '@/server/http/node-route';
import { answered, guarded, json } from '@/server/http/route';
import { queryOfBody, queryOfRequest } from '@/server/http/trace-query';

export const dynamic = 'force-dynamic';

const BODY_BYTES = 1e6;

export const GET = guarded<NodeContext>((request, context) => respond(request, context, queryOfRequest(request)));

export const POST = guarded<NodeContext>(async (request, context) => {
  const body = await readBody(request, BODY_BYTES);
  return body.ok ? respond(request, context, queryOfBody(body.value)) : answered(body, json);
});

async function respond(request: Request, context: NodeContext, query: Result<TraceQuery>): Promise<Response> {
  if (!query.ok) return answered(query, json);
  return answered(await askNode(request, context, 'trace', query.value), ({ answer, source, isFinal }) =>
    json({ source, ...answer } satisfies TraceAnswer, { isFinal }),
  );
}
