/** The question of the routes about whole paths. */
import 'server-only';
import { failed, type Result } from '@/lib/net/result';
import type { PathQuestion } from '@/lib/reach/named-question';
import type { Described } from '../sessions/look-at';
import type { Paths } from '../sessions/paths';
import { currentStore } from './current-store';
import { Params } from './params';
import { answered, json } from './route';
import { queryOfRequest } from './trace-query';

export interface SourceContext {
  readonly params: Promise<{ readonly id: string }>;
}

/** Reads the question and puts it. */
export async function askPath<T>(
  request: Request,
  { params }: SourceContext,
  ask: (question: PathQuestion, paths: Paths, described: Described) => Promise<Result<T>>,
): Promise<Response> {
  const { id } = await params;
  const query = queryOfRequest(request);
  if (!query.ok) return answered(query, json);
  const { question } = query.value;
  const via = Params.read(request, (read) => read.optional('via'));
  if (!via.ok) return answered(via, json);
  if (question === undefined)
    return answered(failed({ code: 'REQ-002', say: 'There is no path to follow.', do: 'Give from and to.' }), json);
  const { store } = await currentStore();
  const found = await store.paths(id, request.signal);
  if (!found.ok) return answered(found, json);
  const { paths, described } = found.value;
  return answered(await ask({ question, via: via.value }, paths, described), json);
}
