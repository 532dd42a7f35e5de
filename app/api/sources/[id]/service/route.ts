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
    const asked = Params.read(request, (read) => ({ name: read.service('service'), goOn: read.flag('again') }));
    if (!asked.ok) return answered(asked, json);
    return answered(await store.service(id, asked.value.name, asked.value.goOn, request.signal), json);
  },
  /** Stops reading; the answer is what was read. */
  POST: async (request, { params }) => {
    const { id } = await params;
    const { store } = await currentStore();
    const asked = Params.read(request, (read) => read.service('service'));
    if (!asked.ok) return answered(asked, json);
    store.stopDrift(id);
    return answered(await store.service(id, asked.value, false, request.signal), json);
  },
});
