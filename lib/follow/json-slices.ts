/**
 * The texts of the items of a JSON array and of the members of a JSON object, as they stand in the document: what is held and
 * written again keeps its digits. For JSON that has been parsed before, so that it is known to be well formed.
 */

/** Index just behind the value that begins at `from`. */
function endOfValue(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case 0x22: // "
        at = endOfString(text, at) - 1;
        break;
      case 0x5b: // [
      case 0x7b: // {
        depth += 1;
        break;
      case 0x5d: // ]
      case 0x7d: // }
        if (depth === 0) return at;
        depth -= 1;
        break;
      case 0x2c: // ,
        if (depth === 0) return at;
        break;
    }
    if (depth === 0 && isClosing(text.charCodeAt(at))) return at + 1;
  }
  return text.length;
}

const isClosing = (code: number): boolean => code === 0x22 || code === 0x5d || code === 0x7d;

function endOfString(text: string, quote: number): number {
  for (let at = quote + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x5c) at += 1;
    else if (code === 0x22) return at + 1;
  }
  return text.length;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && text.charCodeAt(at) <= 0x20) at += 1;
  return at;
}

/** The items of the array that begins at `from`. */
export function itemsOf(text: string, from: number): readonly string[] {
  const items: string[] = [];
  for (let at = skipSpace(text, from + 1); at < text.length && text[at] !== ']'; ) {
    const end = endOfValue(text, at);
    items.push(text.slice(at, end).trimEnd());
    at = skipSpace(text, end);
    if (text[at] === ',') at = skipSpace(text, at + 1);
  }
  return items;
}

/** Where the value of a member of the object that begins at `from` begins and ends; undefined where there is no such member. */
export function memberOf(text: string, from: number, name: string): readonly [begin: number, end: number] | undefined {
  for (let at = skipSpace(text, from + 1); at < text.length && text[at] === '"'; ) {
    const keyEnd = endOfString(text, at);
    const begin = skipSpace(text, text.indexOf(':', keyEnd) + 1);
    const end = endOfValue(text, begin);
    if (text.slice(at + 1, keyEnd - 1) === name) return [begin, end];
    at = skipSpace(text, end);
    if (text[at] === ',') at = skipSpace(text, at + 1);
  }
  return undefined;
}
