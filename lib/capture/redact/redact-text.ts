/** Texts of nft and iptables → the same with replaced names and addresses. */
import { parseAddress } from '../../net/address';
import { formatIp, prefixesOf } from './address-map';
import type { Words } from './words';

const TOKEN = /"(?:[^"\\]|\\.)*"|@?[\w./:+-]+/g;
const RANGE = /^([0-9a-fA-F.:]+)-([0-9a-fA-F.:]+)$/;
/** Bytes of a header by their offset: their values are numbers, which may be addresses. */
const RAW_HEADER = /@(?:nh|ll),\d+,\d+/;

/** @param identifiers names of tables, chains, sets and other objects, by which they are known in the text */
export function redactNftText(text: string, words: Words, identifiers: ReadonlySet<string>): string {
  return text
    .split('\n')
    .map((line) => redactNftLine(line, words, identifiers))
    .join('\n');
}

function redactNftLine(line: string, words: Words, identifiers: ReadonlySet<string>): string {
  if (RAW_HEADER.test(line)) return line.replace(/\S.*?(?=( # handle \d+)?$)/, 'redacted');
  return line.replace(TOKEN, (token, offset: number) => {
    if (token.startsWith('"')) {
      const text = token.slice(1, -1);
      const isFree = /\b(comment|prefix) $/.test(line.slice(0, offset));
      return `"${isFree ? words.comment(text) : words.scrub(text)}"`;
    }
    const name = token.startsWith('@') ? token.slice(1) : token;
    if (identifiers.has(name)) return `${token.startsWith('@') ? '@' : ''}${words.identifier(name)}`;
    const [, from = '', to = ''] = RANGE.exec(token) ?? [];
    const [first, last] = [parseAddress(from), parseAddress(to)];
    if (first === undefined || last === undefined) return words.scrub(words.iptables.replace(token));
    const { addresses } = words.renaming;
    const parts = prefixesOf(first, last).map(({ address, len }) => {
      const isHost = len === (address.family === 'ip' ? 32 : 128);
      return isHost ? formatIp(addresses.ip(address)) : `${formatIp(addresses.network(address, len))}/${len}`;
    });
    const before = line.slice(0, offset);
    const isInSet = line.startsWith('\t\t\t') || before.lastIndexOf('{') > before.lastIndexOf('}');
    return isInSet ? parts.join(', ') : `{ ${parts.join(', ')} }`;
  });
}

const VALUE = String.raw`("(?:[^"\\]|\\.)*"|\S+)`;
const FREE_TEXT = new RegExp(`(--(?:comment|log-prefix|nflog-prefix) )${VALUE}`, 'g');
const HIDDEN_TEXT = new RegExp(`(--(?:string|hex-string) )${VALUE}`, 'g');
/** Ranges and masks with holes: no range and no such mask is one afterwards. The trace then knows that it does not know. */
const RANGES = /(--(?:src-range|dst-range|to-source|to-destination) )\S*[0-9a-fA-F\]]-\[?[0-9a-fA-F]*[.:]\S*/g;
const MASKS = /(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}\/\d{1,3}(?:\.\d{1,3}){3}/g;
const NAMED = /(^:| ?-A | -j | -g | --match-set )(\S+)/g;
const PLACEHOLDER = 'redacted';

export function redactIptablesSave(text: string, words: Words): string {
  return text
    .split('\n')
    .map((line) => {
      if (line.startsWith('#') || line.startsWith('*')) return line;
      // What is replaced already is held back, so that it is not replaced again.
      const done: string[] = [];
      const hold = (text: string) => `\0${done.push(text) - 1}\0`;
      const rest = line
        .replace(FREE_TEXT, (_, option: string, value: string) => {
          const plain = value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, '$1') : value;
          return option + hold(`"${words.comment(plain)}"`);
        })
        .replace(HIDDEN_TEXT, `$1${PLACEHOLDER}`)
        .replace(RANGES, `$1${PLACEHOLDER}`)
        .replace(MASKS, PLACEHOLDER)
        .replace(/( -j NETMAP .*--to )\S+/, `$1${PLACEHOLDER}`)
        .replace(NAMED, (_, option: string, name: string) => option + hold(words.identifier(name)));
      return words
        .scrub(words.iptables.replace(rest))
        .replace(/\0(\d+)\0/g, (_, index: string) => done[Number(index)] ?? '');
    })
    .join('\n');
}
