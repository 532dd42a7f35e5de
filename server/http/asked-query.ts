/** The connection that a diagnosis is asked to explain: `from` and `to` as for a trace, or `ask`, a JSON object. */
import 'server-only';
import type { AskedConnection } from '@/lib/api/diagnosis';
import { failed, ok, type Result } from '@/lib/net/result';
import { Params } from './params';
import { queryOfRequest } from './trace-query';

export function askedOfRequest(request: Request): Result<AskedConnection> {
  const ask = Params.read(request, (read) => ({ json: read.json('ask'), node: read.optional('node') }));
  if (!ask.ok) return ask;
  const { json, node } = ask.value;
  if (json !== undefined) {
    if (typeof json === 'object' && json !== null && !Array.isArray(json))
      return ok({ kind: 'json', json: json as { readonly [key: string]: unknown } });
    return failed({
      code: 'REQ-001',
      path: 'ask',
      say: 'ask is no JSON object.',
      do: 'Give {"from": "shop/web-1", "dst": "10.96.0.10", "dport": 53, "protocol": "UDP"}.',
    });
  }
  const query = queryOfRequest(request);
  if (!query.ok) return query;
  const { question } = query.value;
  if (question === undefined)
    return failed({ code: 'REQ-002', say: 'There is no connection to explain.', do: 'Give from and to, or ask.' });
  return ok({ kind: 'names', path: { question, via: node } });
}
