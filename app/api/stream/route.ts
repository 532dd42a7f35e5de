import { failed } from '@/lib/net/result';
import { currentStore } from '@/server/http/current-store';
import { Params } from '@/server/http/params';
import { answered, json, route } from '@/server/http/route';
import { currentHub } from '@/server/live/current-hub';
import { eventStream } from '@/server/live/event-stream';
import { storeProblems } from '@/server/sessions/store-problems';

export const dynamic = 'force-dynamic';

export const { GET, POST, PUT, PATCH, DELETE, OPTIONS } = route({
  GET: async (request) => {
    const source = Params.read(request, (params) => params.required('source'));
    if (!source.ok) return answered(source, json);
    const { store } = await currentStore();
    if (!store.has(source.value)) return answered(failed(storeProblems.noSource(source.value)), json);
    const hub = currentHub(store);
    return eventStream((tell) => hub.listen(source.value, tell), request.signal);
  },
});
