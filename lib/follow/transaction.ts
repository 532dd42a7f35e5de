/**
 * The lines of two monitors, as transactions.
 *
 * `nft -j --debug=netlink monitor` prints each message of the kernel as `netlink event: NFT_MSG_NEWRULE` and then, where nft has
 * words for it, one line of JSON; `NFT_MSG_NEWGEN` ends the transaction. The JSON leaves out where a rule stands. The text of
 * `nft -a monitor` has it: `add rule ip t c handle 14 tcp dport 80 accept # handle 13` stands behind rule 14. The kernel tells the
 * rule before it, as the chain is when the transaction is committed, and none for the first and the last rule of the chain
 * (nf_tables_rule_notify). Seen with nft 1.0.6 and 1.1.3.
 */
import { parseJson } from '../net/json-cursor';
import type { Told } from './held-listing';

export type Verb = 'add' | 'insert' | 'delete';
export interface Message {
  /** `NEWRULE`, `DELSETELEM` and so on. */
  readonly type: string;
  /** Undefined where nft printed nothing for it. */
  readonly verb: Verb | undefined;
  readonly told: Told | undefined;
}
export interface Transaction {
  readonly messages: readonly Message[];
}
export type MonitorEvent =
  | { readonly kind: 'transaction'; readonly transaction: Transaction }
  /** What follows cannot be trusted. */
  | { readonly kind: 'broken'; readonly why: string };

const MESSAGE = /^netlink event: NFT_MSG_(\w+)$/;
const MESSAGES_MAX = 50_000;

/** Reads the lines of `nft -j --debug=netlink monitor`. */
export class TransactionReader {
  #messages: Message[] = [];

  /** Forgets what was heard of a transaction that has not ended. */
  clear(): void {
    this.#messages = [];
  }

  /** One line without its end; undefined while nothing is complete. */
  read(line: string): MonitorEvent | undefined {
    const type = MESSAGE.exec(line)?.[1];
    if (type === 'NEWGEN') {
      const messages = this.#messages;
      this.#messages = [];
      return { kind: 'transaction', transaction: { messages } };
    }
    if (type !== undefined) {
      this.#messages.push({ type, verb: undefined, told: undefined });
      if (this.#messages.length <= MESSAGES_MAX) return undefined;
      this.#messages = [];
      return { kind: 'broken', why: `a transaction has more than ${MESSAGES_MAX} messages` };
    }
    // Besides, --debug=netlink prints elements in its own notation. `# ERROR` tells of lost messages.
    if (!line.startsWith('{') && !line.startsWith('#')) return undefined;
    const last = this.#messages.pop();
    const words = wordsOf(line);
    if (last === undefined || last.verb !== undefined || words === undefined) {
      this.#messages = [];
      return { kind: 'broken', why: `the monitor said ${JSON.stringify(line.slice(0, 80))}` };
    }
    this.#messages.push({ type: last.type, ...words });
    return undefined;
  }
}

function wordsOf(line: string): { readonly verb: Verb; readonly told: Told } | undefined {
  const json = parseJson(line);
  if (!json.ok || typeof json.value !== 'object' || json.value === null) return undefined;
  const [entry] = Object.entries(json.value) as [string, unknown][];
  if (entry === undefined || !isVerb(entry[0]) || typeof entry[1] !== 'object' || entry[1] === null) return undefined;
  const [inner] = Object.entries(entry[1]) as [string, unknown][];
  if (inner === undefined || typeof inner[1] !== 'object' || inner[1] === null) return undefined;
  const text = line.slice(line.indexOf('{', line.indexOf('{') + 1), line.lastIndexOf('}')).trimEnd();
  return { verb: entry[0], told: { kind: inner[0], body: inner[1] as Told['body'], text } };
}

const isVerb = (word: string): word is Verb => word === 'add' || word === 'insert' || word === 'delete';

/** Where a rule stands: behind the rule of this handle; null for the first or the last of its chain. */
export type Place = number | null;
const RULE = /^(?:add|insert) rule (\S+) (\S+) (\S+) (?:handle (\d+) )?.*# handle (\d+)$/;

/** What a line of `nft -a monitor` tells of a new rule. */
export function placeIn(line: string): { readonly rule: string; readonly place: Place } | undefined {
  const match = RULE.exec(line);
  if (match === null) return undefined;
  const [, family, table, chain, before, handle] = match;
  return { rule: `${family} ${table} ${chain} ${handle}`, place: before === undefined ? null : Number(before) };
}

/** The name of a rule in the places of its transaction. */
export const ruleName = ({ body }: Told): string => `${body.family} ${body.table} ${body.chain} ${body.handle}`;

/** The new rules of a transaction, whose places must be known before it can be worked in. */
export const newRules = ({ messages }: Transaction): readonly string[] =>
  messages.flatMap(({ type, told }) => (type === 'NEWRULE' && told !== undefined ? [ruleName(told)] : []));
