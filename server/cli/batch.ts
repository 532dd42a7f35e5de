/** `--cases`: each line one record, each record one line of answer with the same id; errors do not stop the run. */
import 'server-only';
import { parseExact } from '@/lib/decode/parse-exact';
import type { Problem, Result } from '@/lib/net/result';
import { EXIT, type ExitStatus } from './cli-error';
import { linesOf, print, readerIsGone } from './lines';

export interface LineProblem {
  readonly code: string;
  readonly message: string;
}

/** A record: its id, or its name where it has none, and its members as JSON. Integers beyond 2^53 are bigints. */
export interface BatchRecord {
  readonly id: unknown;
  readonly members: { readonly [name: string]: unknown };
}

/**
 * @param failure the line for a record that cannot be answered
 * @returns status 2 when there was such a record
 */
export async function runBatch(
  path: string,
  answer: (record: BatchRecord) => Promise<Result<object>> | Result<object>,
  failure: (id: unknown, error: LineProblem) => object,
): Promise<ExitStatus> {
  let status: ExitStatus = EXIT.done;
  let number = 0;
  for await (const line of linesOf(path)) {
    if (readerIsGone()) break;
    number += 1;
    const record = line.ok ? parseRecord(line.value) : line;
    const result = record.ok ? await answered(answer, record.value) : record;
    if (result.ok) {
      await print(`${JSON.stringify(result.value, jsonValue)}\n`);
      continue;
    }
    status = EXIT.wrong;
    const { code, say, path: at } = result.problem;
    const message = at === undefined || at === '' ? say : `${at}: ${say}`;
    // A record without an id is found by its place among the lines that are not empty.
    const id = record.ok ? record.value.id : null;
    const where = id === null ? `record ${number}: ` : '';
    await print(`${JSON.stringify(failure(id, { code, message: where + message }))}\n`);
  }
  return status;
}

/** A mistake of ours costs one record, not the run; it is told on standard error as well. */
async function answered(
  answer: (record: BatchRecord) => Promise<Result<object>> | Result<object>,
  record: BatchRecord,
): Promise<Result<object>> {
  try {
    return await answer(record);
  } catch (error) {
    process.stderr.write(
      `${String(record.id)}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    return refuse(
      'CASE-500',
      `nftscope failed on this record: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function parseRecord(line: string): Result<BatchRecord> {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (error) {
    return refuse('CASE-001', `not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  // 64-bit counters: read again with all their digits.
  if (/\d{16}/.test(line)) {
    const exact = parseExact(line);
    if (exact.ok) json = exact.value;
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    return refuse('CASE-002', 'a record is a JSON object');
  const members = json as BatchRecord['members'];
  return { ok: true, value: { id: members.id ?? members.name ?? null, members } };
}

export function refuse(code: string, say: string, path?: string): { readonly ok: false; readonly problem: Problem } {
  return { ok: false, problem: { code, say, do: '', ...(path !== undefined && { path }) } };
}

/** What JSON cannot hold: 64-bit integers become numbers where they fit, else decimal text. */
function jsonValue(_key: string, value: unknown): unknown {
  if (typeof value !== 'bigint') return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}
