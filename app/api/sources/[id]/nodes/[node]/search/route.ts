import { MOST_PLACES } from '@/lib/api/search';
import { nodeRoute } from '@/server/http/node-route';

export const dynamic = 'force-dynamic';

export const GET = nodeRoute('search', (params) => ({
  q: params.required('q'),
  limit: params.integer('limit', MOST_PLACES),
}));
