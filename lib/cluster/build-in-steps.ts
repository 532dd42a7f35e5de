/**
 * As build-cluster, for a cluster that is followed: in steps between which others get their turn, and with what was decoded before of
 * objects that are the same. That needs lists of one object a line, as those that are followed are written; others are decoded whole.
 */
import { type At, at, decoding, parseJson } from '../net/json-cursor';
import type { Problem, Result } from '../net/result';
import type { FileReading } from '../world/capture-files';
import type { Known } from '../world/world';
import { type BuiltCluster, clusterOf, type DecodeFile, decodePart } from './build-cluster';

type Reading = FileReading<Uint8Array>;
interface Part {
  readonly reading: Reading;
  readonly known: Known<unknown>;
  readonly problem?: Problem | undefined;
  /** Where each object begins and ends; undefined where the file is no list of lines. */
  readonly places?: Uint32Array | undefined;
}
export interface SteppedCluster extends BuiltCluster {
  readonly parts: ReadonlyMap<string, Part>;
}

/** The head and the end of a list of one object a line. */
export const LIST_HEAD = '{"apiVersion":"v1","kind":"List","items":[';
export const LIST_END = ']}\n';
/** Objects between two turns of others. */
const STEP = 50;
/** How far objects are looked for that were put in or taken out. */
const AHEAD = 32;

/**
 * @param before what it was; `parts` of the same files are taken over
 * @returns yields where others may have their turn
 */
export function* buildInSteps(
  files: ReadonlyMap<string, Reading>,
  before?: SteppedCluster,
): Generator<void, SteppedCluster> {
  const parts = new Map<string, Part>();
  const decode: DecodeFile = function* <T>(
    name: string,
    whole: (json: unknown) => Result<T>,
    item?: (at: At) => unknown,
  ) {
    const reading = files.get(name) ?? { kind: 'absent' };
    const old = before?.parts.get(name);
    let made: Part | undefined = old !== undefined && isSame(old.reading, reading) ? old : undefined;
    if (made === undefined && item !== undefined && reading.kind === 'read')
      made = yield* decodeLines(reading, item, old);
    if (made === undefined) {
      const { known, problem } = decodePart(name, textOf(reading), whole);
      made = { reading, known, problem };
      yield;
    }
    parts.set(name, made);
    // What was made of this file before was made by the same decoder.
    return made.known as Known<T>;
  };
  const cluster = yield* clusterOf(decode);
  const problems = new Map<string, Problem>();
  for (const [name, { problem }] of parts) if (problem !== undefined) problems.set(name, problem);
  return { cluster, problems, parts };
}

const isSame = (a: Reading, b: Reading): boolean =>
  a === b || (a.kind === 'read' && b.kind === 'read' && a.content === b.content);

const textOf = (reading: Reading): FileReading =>
  reading.kind === 'read' ? { kind: 'read', content: new TextDecoder().decode(reading.content) } : reading;

/** Undefined where it is no list of lines, or one of them makes no sense: the whole is decoded then, and tells what is wrong. */
function* decodeLines(
  reading: Extract<Reading, { readonly kind: 'read' }>,
  decode: (item: At) => unknown,
  before: Part | undefined,
): Generator<void, Part | undefined> {
  const { content } = reading;
  const decoder = new TextDecoder();
  const places = yield* placesOf(content, decoder);
  if (places === undefined) return undefined;
  const old = before?.places !== undefined && before.reading.kind === 'read' && before.known.known ? before : undefined;
  const oldPlaces = old?.places ?? new Uint32Array();
  const oldContent = old?.reading.kind === 'read' ? old.reading.content : content;
  const oldItems = (old?.known.known === true ? old.known.value : []) as readonly unknown[];
  const same = (line: number, oldLine: number): boolean =>
    isEqual(
      content,
      places[2 * line] ?? 0,
      places[2 * line + 1] ?? 0,
      oldContent,
      oldPlaces[2 * oldLine] ?? 0,
      oldPlaces[2 * oldLine + 1] ?? -1,
    );
  const items: unknown[] = [];
  let next = 0;
  for (let line = 0; 2 * line < places.length; line += 1) {
    if (line % STEP === STEP - 1) yield;
    let found = next;
    while (found < next + AHEAD && 2 * found < oldPlaces.length && !same(line, found)) found += 1;
    if (found < next + AHEAD && 2 * found < oldPlaces.length) {
      items.push(oldItems[found]);
      next = found + 1;
      continue;
    }
    const json = parseJson(decoder.decode(content.subarray(places[2 * line], places[2 * line + 1])));
    const item = json.ok ? decoding(() => decode(at(json.value))) : json;
    if (!item.ok) return undefined;
    items.push(item.value);
    // One that is new leaves the old ones where they are; one that was changed has taken the place of the next.
    if (2 * next < oldPlaces.length && line + 1 < places.length / 2 && same(line + 1, next + 1)) next += 1;
  }
  return { reading, known: { known: true, value: items }, places };
}

const NEWLINE = 10;
const COMMA = 44;

function* placesOf(content: Uint8Array, decoder: TextDecoder): Generator<void, Uint32Array | undefined> {
  const end = content.length - LIST_END.length;
  if (end < LIST_HEAD.length) return undefined;
  if (decoder.decode(content.subarray(0, LIST_HEAD.length)) !== LIST_HEAD) return undefined;
  if (decoder.decode(content.subarray(end)) !== LIST_END) return undefined;
  const places: number[] = [];
  for (let from = LIST_HEAD.length; from < end; ) {
    if (places.length % (2 * STEP) === 0) yield;
    const newline = content.indexOf(NEWLINE, from);
    const isLast = newline === -1 || newline >= end;
    if (!isLast && content[newline - 1] !== COMMA) return undefined;
    places.push(from, isLast ? end : newline - 1);
    from = isLast ? end : newline + 1;
  }
  // Out of the heap: it is as long as the list, and lives as long.
  return Uint32Array.from(places);
}

function isEqual(a: Uint8Array, aFrom: number, aEnd: number, b: Uint8Array, bFrom: number, bEnd: number): boolean {
  if (aEnd - aFrom !== bEnd - bFrom) return false;
  for (let i = 0; i < aEnd - aFrom; i += 1) if (a[aFrom + i] !== b[bFrom + i]) return false;
  return true;
}
