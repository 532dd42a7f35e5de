/** The body of a request within a limit: what is too large is not read to its end. */
import 'server-only';
import { failed, ok, type Result } from '@/lib/net/result';
import { sourceProblems } from '../sources/problems';

export async function readBody(request: Request, limit: number): Promise<Result<Uint8Array>> {
  if (Number(request.headers.get('content-length') ?? 0) > limit) return failed(sourceProblems.packedTooLarge(limit));
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = request.body?.getReader();
  for (let part = await reader?.read(); part !== undefined && !part.done; part = await reader?.read()) {
    size += part.value.length;
    if (size > limit) {
      await reader?.cancel();
      return failed(sourceProblems.packedTooLarge(limit));
    }
    chunks.push(part.value);
  }
  return ok(Buffer.concat(chunks));
}
