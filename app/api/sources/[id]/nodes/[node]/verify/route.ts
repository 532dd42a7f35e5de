import type { VerifyAnswer } from '@/lib/api/types';
import { failed } from '@/lib/net/result';
import { askNode, type NodeContext } from '@/server/http/node-route';
import { postedQuery } from '@/server/http/packet-route';
import { answered, json, route } from '@/server/http/route';
import { oneReplay, whyNotOffered } from '@/server/replay/available';
import { replay } from '@/server/replay/replay';

export const dynamic = 'force-dynamic';

export const { GET, POST, PUT, PATCH, DELETE, OPTIONS } = route<NodeContext>({
  POST: async (request, context) => {
    const missing = await whyNotOffered(request.signal);
    if (missing !== undefined) return answered(failed(missing), json);
    const query = await postedQuery(request);
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
