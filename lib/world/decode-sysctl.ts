import { decoding, fail } from '../net/json-cursor';
import type { Result } from '../net/result';

/** Lines `key = value` of sysctl(8) → settings. An absent key is one that the kernel does not have, or that was not asked for. */
export function decodeSysctl(text: string): Result<ReadonlyMap<string, string>> {
  return decoding(() => {
    const settings = new Map<string, string>();
    for (const [index, line] of text.split('\n').entries()) {
      if (line.trim() === '') continue;
      const equals = line.indexOf('=');
      if (equals < 1) fail(`line ${index + 1}`, `expected "key = value", got ${JSON.stringify(line.slice(0, 80))}`);
      settings.set(line.slice(0, equals).trim(), line.slice(equals + 1).trim());
    }
    return settings;
  });
}
