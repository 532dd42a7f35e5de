import { MOST_RULES } from '@/lib/api/ruleset-page';
import { nodeRoute } from '@/server/http/node-route';

export const dynamic = 'force-dynamic';

export const { GET, POST, PUT, PATCH, DELETE, OPTIONS } = nodeRoute('ruleset', (params) => {
  const chain = params.optional('chain');
  return {
    table: params.required('table'),
    ...(chain !== undefined && { chain }),
    offset: params.integer('offset', 0),
    limit: params.limit(MOST_RULES),
  };
});
