/** The connection that somebody asks about, as JSON: `{from, srcIP, node, dst, dport, protocol}`. */
import { failed, type Result } from '../net/result';
import type { Network } from '../reach/network';
import { decodeQuestion } from '../reach/query';
import type { Question } from '../reach/walk';

/** `from`: a pod (`NAMESPACE/NAME`), a node, or `external`, whose packets come in by `node`. Codes as {@link decodeQuestion}. */
export function decodeAsked(json: { readonly [key: string]: unknown }, network: Network): Result<Question> {
  const { from, node, ...rest } = json;
  if (typeof from !== 'string')
    return failed({
      code: 'REACH-001',
      path: 'from',
      say: `from is ${JSON.stringify(from)}.`,
      do: 'Give a pod (NAMESPACE/NAME), a node, or "external".',
    });
  if (from === 'external') return decodeQuestion({ ...rest, from, via: node }, network);
  return decodeQuestion({ ...rest, from: from.includes('/') ? { pod: from } : { node: from } }, network);
}
