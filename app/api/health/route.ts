import type { HealthView } from '@/lib/api/types';
import { guarded, json } from '@/server/http/route';
import manifest from '../../../package.json';

export const dynamic = 'force-dynamic';

export const GET = guarded(async () => json({ status: 'ok', version: manifest.version } satisfies HealthView));
