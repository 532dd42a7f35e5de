/** The question of the routes about whole paths. */
import 'server-only';
import { failed, ok, type Result } from '@/lib/net/result';
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

interface AskedPath {
  readonly question: PathQuestion;
  readonly paths: Paths;
  readonly described: Described;
}

/** What a request asks, of which source. */
export async function pathOf(request: Request, { params }: SourceContext): Promise<Result<AskedPath>> {
  const { id } = await params;
  const query = queryOfRequest(request);
  if (!query.ok) return query;
  const { question } = query.value;
  const via = Params.read(request, (read) => read.optional('via'));
  if (!via.ok) return via;
  if (question === undefined)
    return failed({ code: 'REQ-002', say: 'There is no path to follow.', do: 'Give from and to.' });
  const { store } = await currentStore();
  const found = await store.paths(id, request.signal);
  return found.ok ? ok({ question: { question, via: via.value }, ...found.value }) : found;
}

/** Reads the question and puts it. */
export async function askPath<T>(
  request: Request,
  context: SourceContext,
  ask: (question: PathQuestion, paths: Paths, described: Described) => Promise<Result<T>>,
): Promise<Response> {
  const asked = await pathOf(request, context);
  if (!asked.ok) return answered(asked, json);
  const { question, paths, described } = asked.value;
  return answered(await ask(question, paths, described), json);
}
