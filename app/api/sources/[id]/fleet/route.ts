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
    const asked = Params.read(request, (read) => ({ goOn: read.flag('again'), since: read.optional('since') }));
    if (!asked.ok) return answered(asked, json);
    const { goOn, since } = asked.value;
    if (since !== undefined && !goOn) return answered(await store.fleetSince(id, since, request.signal), json);
    return answered(await store.fleet(id, goOn, request.signal), json);
  },
  /** Stops reading; the answer is what was read. */
  POST: async (request, { params }) => {
    const { id } = await params;
    const { store } = await currentStore();
    store.stopFleet(id);
    return answered(await store.fleet(id, false, request.signal), json);
  },
});
