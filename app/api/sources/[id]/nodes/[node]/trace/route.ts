import type { TraceAnswer } from '@/lib/api/types';
import { packetRoute } from '@/server/http/packet-route';
import { json } from '@/server/http/route';

export const dynamic = 'force-dynamic';

export const { GET, POST, PUT, PATCH, DELETE, OPTIONS } = packetRoute('trace', ({ answer, source, isFinal }) =>
  json({ source, ...answer } satisfies TraceAnswer, { isFinal }),
);
