import { nodeRoute } from '@/server/http/node-route';
import { text } from '@/server/http/route';

export const dynamic = 'force-dynamic';

export const { GET, POST, PUT, PATCH, DELETE, OPTIONS } = nodeRoute(
  'text',
  (params) => {
    const table = params.optional('table');
    return { ...(table !== undefined && { table }), handles: params.flag('handles') };
  },
  ({ answer, isFinal }) => text(answer, isFinal),
);
