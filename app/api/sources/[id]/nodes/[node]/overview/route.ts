import type { NodeOverview } from '@/lib/api/types';
import { nodeRoute } from '@/server/http/node-route';
import { json } from '@/server/http/route';

export const dynamic = 'force-dynamic';

export const { GET, POST, PUT, PATCH, DELETE, OPTIONS } = nodeRoute(
  'overview',
  () => ({}),
  ({ answer, source, isFinal }) => json({ source, ...answer } satisfies NodeOverview, { isFinal }),
);
