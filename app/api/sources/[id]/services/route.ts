import { currentStore } from '@/server/http/current-store';
import { answered, json, route } from '@/server/http/route';

export const dynamic = 'force-dynamic';

interface Context {
  readonly params: Promise<{ readonly id: string }>;
}

export const { GET, POST, PUT, PATCH, DELETE, OPTIONS } = route<Context>({
  GET: async (request, { params }) => {
    const { id } = await params;
    const { store } = await currentStore();
    return answered(await store.services(id, request.signal), json);
  },
});
