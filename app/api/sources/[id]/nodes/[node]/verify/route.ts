import type { VerifyAnswer } from '@/lib/api/types';
import { failed } from '@/lib/net/result';
import { readBody } from '@/server/http/body';
import { askNode, type NodeContext } from '@/server/http/node-route';
import { requestProblems } from '@/server/http/request-problems';
import { answered, json, route } from '@/server/http/route';
import { queryOfBody } from '@/server/http/trace-query';
import { oneReplay, whyNotOffered } from '@/server/replay/available';
import { replay } from '@/server/replay/replay';

export const dynamic = 'force-dynamic';

const BODY_BYTES = 1e6;

export const { GET, POST, PUT, PATCH, DELETE, OPTIONS } = route<NodeContext>({
  POST: async (request, context) => {
    const missing = await whyNotOffered(request.signal);
    if (missing !== undefined) return answered(failed(missing), json);
    const body = await readBody(request, BODY_BYTES, requestProblems.bodyTooLarge);
    if (!body.ok) return answered(body, json);
    const query = queryOfBody(body.value);
    if (!query.ok) return answered(query, json);
    const asked = await askNode(request, context, 'replay', query.value);
    if (!asked.ok) return answered(asked, json);
    const { answer: plan } = asked.value;
    const agreement = await oneReplay(() => replay(plan, request.signal));
    if ('code' in agreement) return answered(failed(agreement), json);
    const { version, node, packet } = plan;
    return json({ version, node, packet, agreement } satisfies VerifyAnswer);
  },
});
