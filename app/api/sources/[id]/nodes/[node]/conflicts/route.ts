import { nodeRoute } from '@/server/http/node-route';

export const dynamic = 'force-dynamic';

export const { GET, POST, PUT, PATCH, DELETE, OPTIONS } = nodeRoute('conflicts', () => ({}));
