/**
 * Names like the one asked for, the nearest first: those that hold it, then those that a few edits apart are the same.
 * At most `most` of them.
 */
export function nearNames(wanted: string, names: Iterable<string>, most = 5): readonly string[] {
  const word = wanted.toLowerCase();
  const scored: { readonly name: string; readonly score: number }[] = [];
  for (const name of names) {
    const lower = name.toLowerCase();
    const isPart = word.length > 1 && lower.includes(word);
    const score = isPart ? 0.5 : distance(word, lower);
    if (score <= Math.max(1, Math.floor(word.length / 4))) scored.push({ name, score });
  }
  return scored
    .sort((a, b) => a.score - b.score || (a.name < b.name ? -1 : 1))
    .slice(0, most)
    .map(({ name }) => name);
}

/** Levenshtein's distance; O(a × b). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + cost));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
