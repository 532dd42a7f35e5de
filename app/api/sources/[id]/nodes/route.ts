import type { NodesView } from '@/lib/api/types';
import { currentStore } from '@/server/http/current-store';
import { answered, json, route } from '@/server/http/route';

export const dynamic = 'force-dynamic';

export const { GET, POST, PUT, PATCH, DELETE, OPTIONS } = route<{ readonly params: Promise<{ readonly id: string }> }>({
  GET: async (request, { params }) => {
    const { id } = await params;
    const { store } = await currentStore();
    const source = await store.source(id, request.signal);
    if (!source.ok) return answered(source, json);
    const readings = await store.readings(id, request.signal);
    return answered(readings, (read) => json({ source: source.value, readings: read } satisfies NodesView));
  },
});
