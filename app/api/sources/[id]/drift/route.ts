import { currentStore } from '@/server/http/current-store';
import { Params } from '@/server/http/params';
import { answered, json, route } from '@/server/http/route';

export const dynamic = 'force-dynamic';

interface Context {
  readonly params: Promise<{ readonly id: string }>;
}

export const { GET, POST, PUT, PATCH, DELETE, OPTIONS } = route<Context>({
  GET: async (request, { params }) => {
    const { id } = await params;
    const { store } = await currentStore();
    const goOn = Params.read(request, (read) => read.flag('again'));
    return goOn.ok ? answered(await store.drift(id, goOn.value, request.signal), json) : answered(goOn, json);
  },
  /** Stops reading; the answer is what was read. */
  POST: async (request, { params }) => {
    const { id } = await params;
    const { store } = await currentStore();
    store.stopDrift(id);
    return answered(await store.drift(id, false, request.signal), json);
  },
});
