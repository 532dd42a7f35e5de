import type { TraceAnswer } from '@/lib/api/types';
import { ok } from '@/lib/net/result';
import { currentStore } from '@/server/http/current-store';
import { Params } from '@/server/http/params';
import { askPath, type SourceContext } from '@/server/http/path-query';
import { answered, json, route } from '@/server/http/route';

export const dynamic = 'force-dynamic';

export const { GET, POST, PUT, PATCH, DELETE, OPTIONS } = route<SourceContext>({
  GET: async (request, context) => {
    const key = Params.read(request, (params) => params.required('stop'));
    if (!key.ok) return answered(key, json);
    const { id } = await context.params;
    return askPath(request, context, async (question, paths, described) => {
      const answer = await paths.stop(question, key.value, described, request.signal);
      if (!answer.ok) return answer;
      const source = await (await currentStore()).store.source(id, request.signal);
      return source.ok ? ok({ source: source.value, ...answer.value } satisfies TraceAnswer) : source;
    });
  },
});
