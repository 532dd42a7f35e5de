/** The connection that somebody asks about, as JSON: `{from, srcIP, node, dst, dport, protocol}`. */
import { resolvePlace } from '../cluster/place';
import { failed, ok, type Result } from '../net/result';
import { entryNode, type PathQuestion, walkQuestion } from '../reach/named-question';
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

/** The same by names, as `nftscope trace --whole-path` takes them. Codes as {@link entryNode} and {@link walkQuestion}. */
export function namedAsked(asked: PathQuestion, { nodes, cluster, ...network }: Network): Result<Question> {
  const from = resolvePlace(asked.question.from, 'from', cluster);
  if (!from.ok) return from;
  const to = resolvePlace(asked.question.to, 'to', cluster);
  if (!to.ok) return to;
  const [only, ...others] = nodes.keys();
  const entry =
    only !== undefined && others.length === 0
      ? ok(only)
      : entryNode(asked, from.value, to.value, { nodes, cluster, ...network });
  if (!entry.ok) return entry;
  const node = nodes.get(entry.value);
  if (node === undefined)
    return failed({
      code: 'REF-011',
      say: `${entry.value}, on which the packet begins its way, is not in the capture.`,
      do: 'Capture the node, or name another.',
    });
  const question = walkQuestion({ node: node.name, world: node.prepared.world }, asked.question, cluster);
  return question.ok ? ok(question.value.walk) : question;
}
