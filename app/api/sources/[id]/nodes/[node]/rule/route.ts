import { nodeRoute } from '@/server/http/node-route';

export const dynamic = 'force-dynamic';

export const { GET, POST, PUT, PATCH, DELETE, OPTIONS } = nodeRoute('rule', (params) => ({
  table: params.required('table'),
  chain: params.required('chain'),
  handle: Number(params.integer('handle', 0)),
}));
