/** The connection that somebody asks about, as JSON: `{from, srcIP, node, dst, dport, protocol}`. */
import { resolvePlace } from '../cluster/place';
import { failed, ok, type Result } from '../net/result';
import { entryNode, type PathQuestion, walkQuestion } from '../reach/named-question';
import type { Network } from '../reach/network';
import { decodeQuestion } from '../reach/query';
import type { Question } from '../reach/walk';

/** What a question may say; `via`, `dstNode` and the rest are those of `reach`. */
const FIELDS: ReadonlySet<string> = new Set([
  ...['from', 'srcIP', 'srcPort', 'node', 'dst', 'dport', 'protocol'],
  ...['id', 'via', 'dstNode', 'service', 'portName', 'kind'],
]);

/** `from`: a pod (`NAMESPACE/NAME`), a node, or `external` (also `external:ADDRESS`), whose packets come in by `node`. Codes as {@link decodeQuestion}. */
export function decodeAsked(json: { readonly [key: string]: unknown }, network: Network): Result<Question> {
  const unknown = Object.keys(json).find((key) => !FIELDS.has(key));
  if (unknown !== undefined)
    return failed({
      code: 'REACH-001',
      path: unknown,
      say: `There is no field ${JSON.stringify(unknown)}.`,
      do: 'Give from, srcIP, node, dst, dport and protocol.',
    });
  const { from, node, ...rest } = json;
  if (typeof from !== 'string')
    return failed({
      code: 'REACH-001',
      path: 'from',
      say: `from is ${JSON.stringify(from)}.`,
      do: 'Give a pod (NAMESPACE/NAME), a node, or "external".',
    });
  const outside = /^external:(.+)$/.exec(from)?.[1];
  if (outside !== undefined) return decodeQuestion({ srcIP: outside, ...rest, from: 'external', node }, network);
  if (from === 'external') return decodeQuestion({ ...rest, from, node }, network);
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
