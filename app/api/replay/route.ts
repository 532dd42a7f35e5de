import type { ReplayView } from '@/lib/api/types';
import { guarded, json } from '@/server/http/route';
import { whyNotOffered } from '@/server/replay/available';

export const dynamic = 'force-dynamic';

export const GET = guarded(async (request) => {
  const missing = await whyNotOffered(request.signal);
  return json({ offered: missing === undefined, problem: missing ?? null } satisfies ReplayView);
});
