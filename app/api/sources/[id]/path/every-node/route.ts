import { failed } from '@/lib/net/result';
import { askPath, type SourceContext } from '@/server/http/path-query';
import { route } from '@/server/http/route';

export const dynamic = 'force-dynamic';

/** More nodes take too long for one request. */
const NODES_MAX = 100;

export const { GET, POST, PUT, PATCH, DELETE, OPTIONS } = route<SourceContext>({
  GET: (request, context) =>
    askPath(request, context, async ({ question }, paths, described) =>
      described.nodes.length > NODES_MAX
        ? failed({
            code: 'VIEW-011',
            say: `The source has ${described.nodes.length} nodes; at most ${NODES_MAX} are asked at once here.`,
            do: 'Use nftscope trace --from every-node.',
          })
        : paths.everyNode(question, described, request.signal),
    ),
});
