import { askedOfRequest } from '@/server/http/asked-query';
import { currentStore } from '@/server/http/current-store';
import type { SourceContext } from '@/server/http/path-query';
import { answered, json, route } from '@/server/http/route';

export const dynamic = 'force-dynamic';

export const { GET, POST, PUT, PATCH, DELETE, OPTIONS } = route<SourceContext>({
  GET: async (request, { params }) => {
    const { id } = await params;
    const asked = askedOfRequest(request);
    if (!asked.ok) return answered(asked, json);
    const { store } = await currentStore();
    return answered(await store.explain(id, asked.value, request.signal), json);
  },
});
