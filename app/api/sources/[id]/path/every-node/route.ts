import type { EveryNodeGroup, EveryNodeProgress } from '@/lib/api/whole-path';
import { askersLack } from '@/lib/cluster/askers';
import { ok } from '@/lib/net/result';
import { lineStream } from '@/server/http/line-stream';
import { pathOf, type SourceContext } from '@/server/http/path-query';
import { answered, json, route } from '@/server/http/route';

export const dynamic = 'force-dynamic';

/** Lines come no faster. */
const LINE_MS = 250;

export const { GET, POST, PUT, PATCH, DELETE, OPTIONS } = route<SourceContext>({
  GET: async (request, context) => {
    const asked = await pathOf(request, context);
    if (!asked.ok) return answered(asked, json);
    const { question, paths, described } = asked.value;
    const lacks = askersLack(described.cluster.cluster);
    return lineStream(async (send, signal) => {
      let sent = performance.now();
      let news: readonly EveryNodeGroup[] = [];
      const found = await paths.everyNode(question.question, described, signal, (done, of, groups) => {
        const isLast = done === of;
        if (!isLast && performance.now() - sent < LINE_MS) return;
        sent = performance.now();
        news = [...news, ...groups.news()];
        if (send({ done, of, news, lacks } satisfies EveryNodeProgress, isLast)) news = [];
      });
      return found.ok ? ok(undefined) : found;
    }, request.signal);
  },
});
