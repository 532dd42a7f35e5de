import { askPath, type SourceContext } from '@/server/http/path-query';
import { route } from '@/server/http/route';

export const dynamic = 'force-dynamic';

export const { GET, POST, PUT, PATCH, DELETE, OPTIONS } = route<SourceContext>({
  GET: (request, context) =>
    askPath(request, context, (question, paths, described) => paths.measured(question, described, request.signal)),
});
