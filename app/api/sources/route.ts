import type { SourcesView } from '@/lib/api/types';
import { readBody } from '@/server/http/body';
import { currentStore } from '@/server/http/current-store';
import { Params } from '@/server/http/params';
import { answered, json, route } from '@/server/http/route';
import { sourceProblems } from '@/server/sources/problems';

export const dynamic = 'force-dynamic';

export const { GET, POST, PUT, PATCH, DELETE, OPTIONS } = route({
  GET: async (request) => {
    const { store, broken } = await currentStore();
    const { packedBytes, unpackedBytes, entries } = store.limits;
    const view: SourcesView = {
      sources: await store.sources(request.signal),
      broken: [...broken, ...(await store.failing(request.signal))],
      limits: { uploadBytes: packedBytes, unpackedBytes, entries },
    };
    return json(view);
  },
  POST: async (request) => {
    const { store } = await currentStore();
    const name = Params.read(request, (params) => params.optional('name') ?? 'upload');
    if (!name.ok) return answered(name, json);
    const body = await readBody(request, store.limits.packedBytes, sourceProblems.packedTooLarge);
    if (!body.ok) return answered(body, json);
    return answered(await store.upload(name.value, body.value, request.signal), (view) => json(view, { status: 201 }));
  },
});
