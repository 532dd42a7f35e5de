/** Connections that were measured beside a capture (`connectivity.json`, docs/captures.md), against the predicted ends of the same one. */
import { at, decoding } from '../net/json-cursor';
import type { Result } from '../net/result';
import type { Network } from './network';
import { decodeQuestion } from './query';
import type { Client, Question } from './walk';

/** One client and target, tried several times. */
export interface MeasuredRow {
  /** As it stands: {@link decodeQuestion} reads from it who asks. */
  readonly asked: { readonly [key: string]: unknown };
  /** How often each result was seen: ok, refused, timeout, …. */
  readonly results: ReadonlyMap<string, number>;
  readonly backends: readonly string[];
  readonly sourceSeen: readonly string[];
}

/** What a path ends as; `result` is null where it is not known. */
export interface PredictedEnd {
  readonly result: string | null;
  readonly backend: string | null;
  readonly sourceSeen: string | null;
}

export interface MeasuredAgreement {
  /** Connections that were measured. */
  readonly of: number;
  /** Those whose end is one of the predicted. */
  readonly agree: number;
  /** The path is not known to its end, so that nothing can be said of agreement. */
  readonly isUndecided: boolean;
  /** What was measured: `ok` 20 times. */
  readonly results: readonly { readonly word: string; readonly count: number }[];
}

export const decodeMeasured = (json: unknown): Result<readonly MeasuredRow[]> =>
  decoding(() =>
    at(json)
      .items()
      .map((row): MeasuredRow => {
        const strings = (key: string) =>
          row
            .optional(key)
            ?.items()
            .map((one) => one.string()) ?? [];
        const { value } = row;
        const results = row.key('results');
        return {
          asked: value as MeasuredRow['asked'],
          results: new Map(
            Object.keys(results.value as object).map((word) => [word, results.key(word).integer(0, 1e9)]),
          ),
          backends: strings('backends'),
          sourceSeen: strings('sourceSeenByBackend'),
        };
      }),
  );

/** The rows that measured this connection: the same client, target, port and protocol. One of an earlier connection is another. */
export function rowsFor(
  rows: readonly MeasuredRow[],
  { client, packet }: Question,
  network: Network,
): readonly MeasuredRow[] {
  return rows.filter(({ asked }) => {
    const { dport, protocol, srcPort } = asked;
    if (dport !== packet.dport || srcPort !== undefined) return false;
    if (typeof protocol !== 'string' || protocol.toLowerCase() !== packet.protocol) return false;
    const question = decodeQuestion(asked, network);
    if (!question.ok) return false;
    const { daddr, saddr } = question.value.packet;
    return daddr === packet.daddr && saddr === packet.saddr && isSame(question.value.client, client);
  });
}

const isSame = (one: Client, other: Client): boolean =>
  one.kind === other.kind &&
  (one.kind === 'outside' ? one.via === (other as typeof one).via : one.node === (other as typeof one).node);

/** Undefined where nothing was measured. Chance may take other ways than it took: a predicted end need not have been seen. */
export function agreementOf(
  rows: readonly MeasuredRow[],
  ends: readonly PredictedEnd[],
): MeasuredAgreement | undefined {
  const results = new Map<string, number>();
  let agree = 0;
  for (const row of rows)
    for (const [word, count] of row.results) {
      results.set(word, (results.get(word) ?? 0) + count);
      if (isPredicted(word, row, ends)) agree += count;
    }
  const of = [...results.values()].reduce((sum, count) => sum + count, 0);
  if (of === 0) return undefined;
  return {
    of,
    agree,
    isUndecided: ends.some(({ result }) => result === null),
    results: [...results].map(([word, count]) => ({ word, count })).toSorted((a, b) => b.count - a.count),
  };
}

/** Which of several backends each connection reached was not noted: where one of them is not predicted, none counts. */
function isPredicted(word: string, { backends, sourceSeen }: MeasuredRow, ends: readonly PredictedEnd[]): boolean {
  const same = ends.filter(({ result }) => result === word);
  if (word !== 'ok') return same.length > 0;
  return (
    same.length > 0 &&
    backends.every((one) => same.some(({ backend }) => backend === one)) &&
    sourceSeen.every((one) => same.some((end) => end.sourceSeen === one))
  );
}
