/** Two listings of one ruleset, as JSON and as text, name the same tables; or one of them is wrong. */
import 'server-only';
import type { FileReading } from '@/lib/world/capture-files';

/** What is wrong, as a sentence; undefined where the two agree, or one of them failed and says so itself. */
export function disagreement(json: FileReading<Uint8Array>, text: FileReading<Uint8Array>): string | undefined {
  if (json.kind !== 'read' || text.kind !== 'read') return undefined;
  // Inside a string of JSON the quotes would be escaped.
  const inJson = tablesIn(json.content, /"table":\s*\{\s*"family":\s*"(\w+)",\s*"name":\s*"([^"]*)"/g);
  const inText = tablesIn(text.content, /^table (\w+) (\S+) \{/gm);
  const only = (a: ReadonlySet<string>, b: ReadonlySet<string>) => [...a].filter((table) => !b.has(table));
  const [jsonOnly, textOnly] = [only(inJson, inText), only(inText, inJson)];
  if (jsonOnly.length === 0 && textOnly.length === 0) return undefined;
  const say = (tables: readonly string[], where: string) =>
    tables.length === 0 ? [] : [`${tables.slice(0, 3).join(', ')} only in ${where}`];
  return `the listing as JSON and the one as text differ: ${[...say(jsonOnly, 'JSON'), ...say(textOnly, 'text')].join('; ')}`;
}

function tablesIn(bytes: Uint8Array, pattern: RegExp): ReadonlySet<string> {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  return new Set([...text.matchAll(pattern)].map(([, family, name]) => `${family} ${name}`));
}
