import { MOST_ELEMENTS } from '@/lib/api/set-page';
import { nodeRoute } from '@/server/http/node-route';

export const dynamic = 'force-dynamic';

export const { GET, POST, PUT, PATCH, DELETE, OPTIONS } = nodeRoute('set', (params) => {
  const filter = params.optional('filter');
  const sort = params.optional('sort');
  return {
    table: params.required('table'),
    name: params.required('name'),
    offset: params.integer('offset', 0),
    limit: params.limit(MOST_ELEMENTS, 100),
    ...(filter !== undefined && { filter }),
    ...(sort !== undefined && { sort }),
    descending: params.flag('descending'),
  };
});
