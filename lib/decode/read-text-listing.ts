/** The blocks of `nft -a list ruleset`, with or without handles. Reads the layout only, not what the lines say. */

export interface TextListing {
  /** By family and name, `ip kube-proxy`. */
  readonly tables: ReadonlyMap<string, TextTable>;
}

export interface TextTable {
  readonly handle: number | undefined;
  /** Lines before the first block: flags and comment. */
  readonly lines: readonly string[];
  /** Chains, sets, maps and flowtables by kind and name, `chain services`. */
  readonly blocks: ReadonlyMap<string, TextBlock>;
}

export interface TextBlock {
  readonly handle: number | undefined;
  /** As they stand, with their tabs; a string that spans lines makes one line of them. */
  readonly lines: readonly string[];
}

const TABLE = /^table (\S+) (.*) \{(?: # handle (\d+))?$/;
const BLOCK = /^\t(chain|set|map|flowtable) (.*) \{(?: # handle (\d+))?$/;

const toHandle = (digits: string | undefined): number | undefined =>
  digits === undefined ? undefined : Number(digits);

/** Splits a listing. What does not look like one gives no tables. */
export function readTextListing(text: string): TextListing {
  const tables = new Map<string, TextTable>();
  let blocks = new Map<string, TextBlock>();
  let tableLines: string[] = [];
  /** Lines of the block that is open; undefined between blocks and in blocks of other kinds. */
  let blockLines: string[] | undefined;
  let isInBlock = false;
  for (const line of logicalLines(text)) {
    if (isInBlock) {
      if (line === '\t}' || line === '\t}}') isInBlock = false;
      else blockLines?.push(line);
    } else if (line.startsWith('table ')) {
      const [, family, name, handle] = TABLE.exec(line) ?? [];
      blocks = new Map();
      tableLines = [];
      if (family !== undefined)
        tables.set(`${family} ${name}`, { handle: toHandle(handle), lines: tableLines, blocks });
    } else if (line.startsWith('\t') && / \{( # handle \d+)?$/.test(line)) {
      const [, kind, name, handle] = BLOCK.exec(line) ?? [];
      isInBlock = true;
      blockLines = undefined;
      if (kind === undefined) continue;
      blockLines = [];
      blocks.set(`${kind} ${name}`, { handle: toHandle(handle), lines: blockLines });
    } else if (line.startsWith('\t')) {
      tableLines.push(line);
    }
  }
  return { tables };
}

/** Lines; one that ends inside a string in quotes goes on in the next. nft's strings have no escapes. */
function* logicalLines(text: string): Generator<string> {
  let open = '';
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start);
    const end = newline === -1 ? text.length : newline;
    const line = open + text.slice(start, end);
    start = end + 1;
    if (hasOpenQuote(line) && start < text.length) {
      open = `${line}\n`;
      continue;
    }
    open = '';
    yield line;
  }
}

function hasOpenQuote(line: string): boolean {
  let isOpen = false;
  for (let at = line.indexOf('"'); at !== -1; at = line.indexOf('"', at + 1)) isOpen = !isOpen;
  return isOpen;
}

export interface TextChain {
  readonly comment: string | undefined;
  /** The line `type … hook … priority …; policy …;`. */
  readonly base: string | undefined;
  readonly rules: readonly TextRule[];
}

export interface TextRule {
  readonly handle: number | undefined;
  /** Without indentation, handle and comment; an anonymous chain keeps its lines. */
  readonly text: string;
  readonly comment: string | undefined;
}

/** The parts of a chain's block. */
export function readTextChain({ lines }: TextBlock): TextChain {
  let comment: string | undefined;
  let base: string | undefined;
  const rules: TextRule[] = [];
  for (const entry of entriesOf(lines)) {
    if (rules.length === 0 && base === undefined) {
      const own = /^\t\tcomment "([^"]*)"$/.exec(entry)?.[1];
      if (own !== undefined && comment === undefined) {
        comment = own;
        continue;
      }
      if (/^\t\ttype \w+ hook /.test(entry)) {
        base = entry;
        continue;
      }
    }
    rules.push(readRule(entry));
  }
  return { comment, base, rules };
}

/** A rule is a line of two tabs; deeper ones, and the brace that ends an anonymous chain, belong to it. */
function entriesOf(lines: readonly string[]): string[] {
  const entries: string[] = [];
  for (const line of lines) {
    const isContinued = line.startsWith('\t\t\t') || line.startsWith('\t\t}');
    if (isContinued && entries.length > 0) entries.push(`${entries.pop()}\n${line}`);
    else entries.push(line);
  }
  return entries;
}

function readRule(entry: string): TextRule {
  const handle = / # handle (\d+)$/.exec(entry);
  const whole = handle === null ? entry : entry.slice(0, handle.index);
  const comment = whole.endsWith('"') ? / comment "([^"]*)"$/.exec(whole) : null;
  const text = comment === null ? whole : whole.slice(0, comment.index);
  return { handle: toHandle(handle?.[1]), text: text.replace(/^\t\t/, ''), comment: comment?.[1] };
}
