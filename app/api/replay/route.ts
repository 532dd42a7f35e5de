import type { ReplayView } from '@/lib/api/types';
import { json, route } from '@/server/http/route';
import { whyNotOffered } from '@/server/replay/available';

export const dynamic = 'force-dynamic';

export const { GET, POST, PUT, PATCH, DELETE, OPTIONS } = route({
  GET: async (request) => {
    const missing = await whyNotOffered(request.signal);
    return json({ offered: missing === undefined, problem: missing ?? null } satisfies ReplayView);
  },
});
