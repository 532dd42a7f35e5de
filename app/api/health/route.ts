import type { HealthView } from '@/lib/api/types';
import { json, route } from '@/server/http/route';
import manifest from '../../../package.json';

export const dynamic = 'force-dynamic';

export const { GET, POST, PUT, PATCH, DELETE, OPTIONS } = route({
  GET: async () => json({ status: 'ok', version: manifest.version } satisfies HealthView),
});
