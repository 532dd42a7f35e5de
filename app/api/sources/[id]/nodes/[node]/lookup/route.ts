import { nodeRoute } from '@/server/http/node-route';

export const dynamic = 'force-dynamic';

export const { GET, POST, PUT, PATCH, DELETE, OPTIONS } = nodeRoute('lookup', (params) => ({
  table: params.required('table'),
  name: params.required('name'),
  key: params.required('key'),
}));
