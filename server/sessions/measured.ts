/** Connections that were measured beside a capture, read and decoded once. */
import 'server-only';
import { decodeMeasured, type MeasuredRow } from '@/lib/reach/measured';
import type { Source } from '../sources/source';

const decoded = new WeakMap<Source, Promise<readonly MeasuredRow[]>>();

/** None where the source has no such file, or one that cannot be read: nothing depends on it. */
export function measuredOf(source: Source): Promise<readonly MeasuredRow[]> {
  const known = decoded.get(source) ?? read(source);
  decoded.set(source, known);
  return known;
}

async function read(source: Source): Promise<readonly MeasuredRow[]> {
  const content = await source.measured?.(new AbortController().signal);
  if (content?.ok !== true || content.value === undefined) return [];
  try {
    const rows = decodeMeasured(JSON.parse(new TextDecoder().decode(content.value)));
    return rows.ok ? rows.value : [];
  } catch {
    // Not JSON.
    return [];
  }
}
