/** Routes about one node: /api/sources/[id]/nodes/[node]/QUESTION. */
import 'server-only';
import type { NodeAnswers, NodeQueries, QueryKind } from '@/lib/api/answer';
import type { SourceView } from '@/lib/api/types';
import { failed, ok, type Result } from '@/lib/net/result';
import { storeProblems } from '../sessions/store-problems';
import { currentStore } from './current-store';
import { Params } from './params';
import { answered, json, route } from './route';

export interface NodeContext {
  readonly params: Promise<{ readonly id: string; readonly node: string }>;
}

export interface Asked<A> {
  readonly answer: A;
  readonly source: SourceView;
  /** The request named the version, so the answer may be kept for ever. */
  readonly isFinal: boolean;
}

/** Opens the node and puts the question; `v` must be the version that is open. */
export async function askNode<K extends QueryKind>(
  request: Request,
  { params }: NodeContext,
  question: K,
  query: NodeQueries[K],
): Promise<Result<Asked<NodeAnswers[K]>>> {
  const { id, node } = await params;
  const url = new URL(request.url);
  const { store } = await currentStore();
  const session = await store.session(id, decoded(node), request.signal, url.searchParams.get('refresh') === '1');
  if (!session.ok) return session;
  const wanted = url.searchParams.get('v');
  if (wanted !== null && wanted !== session.value.version) return failed(storeProblems.versionGone(wanted));
  const answer = await session.value.ask(question, query, request.signal);
  if (!answer.ok) return answer;
  const source = await store.source(id, request.signal);
  return source.ok ? ok({ answer: answer.value, source: source.value, isFinal: wanted !== null }) : source;
}

/** A segment of the path; one that is no encoding stands for itself. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** The exports of a GET route whose parameters are the question. */
export function nodeRoute<K extends QueryKind>(
  question: K,
  read: (params: Params) => NodeQueries[K],
  encode: (asked: Asked<NodeAnswers[K]>) => Response = ({ answer, isFinal }) => json(answer, { isFinal }),
) {
  return route<NodeContext>({
    GET: async (request, context) => {
      const query = Params.read(request, read);
      if (!query.ok) return answered(query, json);
      return answered(await askNode(request, context, question, query.value), encode);
    },
  });
}
