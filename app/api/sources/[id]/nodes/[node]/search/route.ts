import { MOST_PLACES } from '@/lib/api/search';
import { nodeRoute } from '@/server/http/node-route';

export const dynamic = 'force-dynamic';

export const { GET, POST, PUT, PATCH, DELETE, OPTIONS } = nodeRoute('search', (params) => ({
  q: params.required('q'),
  limit: params.limit(MOST_PLACES),
}));
