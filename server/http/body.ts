/** The body of a request within a limit: what is too large is not read to its end. */
import 'server-only';
import { failed, ok, type Problem, type Result } from '@/lib/net/result';

/** @param tooLarge the problem of a body beyond the limit */
export async function readBody(
  request: Request,
  limit: number,
  tooLarge: (limit: number) => Problem,
): Promise<Result<Uint8Array>> {
  if (Number(request.headers.get('content-length') ?? 0) > limit) return failed(tooLarge(limit));
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = request.body?.getReader();
  for (let part = await reader?.read(); part !== undefined && !part.done; part = await reader?.read()) {
    size += part.value.length;
    if (size > limit) {
      await reader?.cancel();
      return failed(tooLarge(limit));
    }
    chunks.push(part.value);
  }
  return ok(Buffer.concat(chunks));
}
