import { currentStore } from '@/server/http/current-store';
import { Params } from '@/server/http/params';
import type { SourceContext } from '@/server/http/path-query';
import { answered, json, route } from '@/server/http/route';

export const dynamic = 'force-dynamic';

export const { GET, POST, PUT, PATCH, DELETE, OPTIONS } = route<SourceContext>({
  GET: async (request, { params }) => {
    const { id } = await params;
    const { store } = await currentStore();
    const goOn = Params.read(request, (read) => read.flag('again'));
    return goOn.ok ? answered(store.findings(id, goOn.value), json) : answered(goOn, json);
  },
  /** Stops looking; the answer is what is known. */
  POST: async (_request, { params }) => {
    const { id } = await params;
    const { store } = await currentStore();
    store.stopFindings(id);
    return answered(store.findings(id, false), json);
  },
});
