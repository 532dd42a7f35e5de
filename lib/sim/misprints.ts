/** What nft lists otherwise than the kernel has it. */
import type { DataType } from '../nft/datatypes';
import { payloadField } from '../nft/fields';
import type { Expression, SetElement } from '../nft/model';
import { fieldName } from './program';

/**
 * In a concatenation, and where a rule adds it to a set, nft 1.0.6 lists a field that ends within a byte with the shift that puts it in
 * its place: the value is that of the field.
 */
export function placed(part: Expression): Expression {
  if (typeof part !== 'object' || part.kind !== 'binary' || part.op !== '>>' || part.operands.length !== 2) return part;
  const [field, by] = part.operands;
  if (typeof field !== 'object' || field.kind !== 'payload' || typeof by !== 'number' || by < 1 || by > 7) return part;
  const where = payloadField(field.protocol, field.field);
  return where !== undefined && (where.offset + where.len + by) % 8 === 0 ? field : part;
}

/** True for such a field that lies in two bytes: what nft puts in its place is another value, by the processor's byte order. */
export function torn(part: Expression): boolean {
  const field = placed(part);
  if (field === part || typeof field !== 'object' || field.kind !== 'payload') return false;
  const where = payloadField(field.protocol, field.field);
  return where !== undefined && (where.offset % 8) + where.len > 8;
}

/** Those of them whose values in the elements of a set are listed as they are. */
const LISTED_RIGHT = new Set(['ip dscp', 'ip6 ecn']);

const isTransport = (e: Expression): boolean => typeof e === 'object' && e.kind === 'payload' && e.protocol === 'th';

/**
 * True for a write of the type or the code of ICMP: nft lists it as one of the first half of the transport header, without the
 * protocol that it asks for before.
 */
export const writesIcmp = (key: Expression, value: Expression): boolean =>
  isTransport(key) && typeof value === 'object' && value.kind === 'binary';

const listsZero = (key: Expression, part: number): boolean =>
  typeof key === 'object' && key.kind === 'concat' && key.parts[part] === 0;

/**
 * The first part of a key that nft 1.0.6 lists as 0 in an anonymous set of ranges, because it takes a plain number beside a value of
 * the processor's byte order for one of no width: what stands behind it is shifted too. Undefined where the listing shows it is not so.
 */
export function widthless(
  key: Expression,
  types: readonly DataType[],
  elements: readonly SetElement[],
): Expression | undefined {
  if (typeof key !== 'object' || key.kind !== 'concat' || types.length !== key.parts.length) return undefined;
  if (!types.some((t) => t.byteOrder === 'host')) return undefined;
  const at = types.findIndex((t) => t.name === 'integer');
  return at >= 0 && elements.every((e) => listsZero(e.key, at)) ? key.parts[at] : undefined;
}

/** The first part of a key of which the elements are listed wrongly. */
export function misprinted(key: Expression): Expression | undefined {
  if (typeof key !== 'object' || key.kind !== 'concat') return undefined;
  return key.parts
    .map((p) => (placed(p) === p ? undefined : placed(p)))
    .find((f) => f && !LISTED_RIGHT.has(fieldName(f)));
}
