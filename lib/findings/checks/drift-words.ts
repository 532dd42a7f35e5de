/** What findings about kube-proxy's tables say: the sentence, the remedy, and the command that shows it. */
import type { DriftCode } from '../../drift/judge';
import { hostPort } from '../../explain/verdict-sentence';
import type { Evidence } from '../finding';
import { listed } from '../show';

interface About {
  readonly services: readonly string[];
  readonly nodes: readonly string[];
  readonly evidence: readonly Evidence[];
  readonly isIdle: boolean;
}

export function driftSummary(code: DriftCode, { services, nodes, evidence, isIdle }: About): string {
  const names = services.length > 4 ? `${services.length} Services` : services.join(', ');
  const where = listed(nodes);
  switch (code) {
    case 'service-missing-on-node': {
      const addresses = addressesMissing(evidence);
      const what = addresses.length === 0 ? '' : ` ${listed(addresses)}`;
      return `kube-proxy's table on ${where} does not lead${what} to ${names}.`;
    }
    case 'service-stale-on-node':
      return `kube-proxy's table on ${where} still serves ${names}, or an address or port of it, which is gone.`;
    case 'endpoint-missing-on-node':
      return `Usable endpoints of ${names} are not among the choices of ${where}.`;
    case 'endpoint-stale-on-node':
      return `${where} still ${nodes.length === 1 ? 'sends' : 'send'} traffic of ${names} to endpoints that are gone or not usable.`;
    case 'proxy-rules-altered': {
      const idle = isIdle ? '. Nothing uses it, so no packet meets it' : '';
      const concerns = names === '' ? '' : `. It concerns ${names}`;
      return `Somebody other than kube-proxy changed its table on ${where}: ${changeText(evidence)}${idle}${concerns}.`;
    }
  }
}

/** Where elements alone are missing, what they stand for: `[fd00::1]:80/tcp`, `NodePort 31080/tcp`. None where more is missing. */
function addressesMissing(evidence: readonly Evidence[]): readonly string[] {
  const missing = evidence.filter((one) => one.kind !== 'difference' || one.expected !== null);
  const names = missing.map((one) => {
    const parts = one.kind === 'difference' ? (one.expected ?? '').split(/ comment | : /)[0]?.split(' . ') : undefined;
    if (one.kind !== 'difference' || parts === undefined) return undefined;
    const [port, protocol, address] = parts.toReversed();
    if (one.name === 'service-nodeports') return parts.length === 2 ? `NodePort ${port}/${protocol}` : undefined;
    return one.name === 'service-ips' && parts.length === 3 ? `${hostPort(address, port)}/${protocol}` : undefined;
  });
  const known = names.flatMap((name) => name ?? []);
  return known.length < names.length ? [] : [...new Set(known)];
}

/** The first difference in words, and how many more there are. */
function changeText([first, ...more]: readonly Evidence[]): string {
  const others = more.length === 0 ? '' : `, and ${more.length} more difference${more.length === 1 ? '' : 's'}`;
  return first === undefined ? 'it differs' : `${oneChange(first)}${others}`;
}

function oneChange(one: Evidence): string {
  if (one.kind === 'rule') return `the rule ${clip(one.text)} was added to chain ${one.chain}`;
  if (one.kind !== 'difference') return 'it differs';
  const { name, expected, actual } = one;
  const isWhole = (text: string) => /^(chain|set|map) /.test(text);
  if (expected === null)
    return isWhole(actual ?? '') ? `there is ${clip(actual)}` : `${name} has ${clip(actual)} in addition`;
  if (actual === null)
    return isWhole(expected) ? `${clip(expected)} is gone` : `${clip(expected)} is gone from ${name}`;
  if (isWhole(actual) && isWhole(expected))
    return `${name} is declared ${clip(declaration(actual))} instead of ${clip(declaration(expected))}`;
  const [has, should] = apart(actual, expected);
  return `${name} has ${has} instead of ${should}`;
}

/** Two texts, or what differs of long ones, by whole words. */
function apart(a: string, b: string): readonly [string, string] {
  if (a.length <= CLIPPED && b.length <= CLIPPED) return [a, b];
  const [left, right] = [a.split(' '), b.split(' ')];
  let before = 0;
  while (before < left.length && left[before] === right[before]) before++;
  let after = 0;
  const shorter = Math.min(left.length, right.length) - before;
  while (after < shorter && left.at(-1 - after) === right.at(-1 - after)) after++;
  // A word or two of what is the same, to find the place.
  const from = Math.max(0, before - 2);
  const shown = (words: readonly string[]): string =>
    clip(`${from > 0 ? '… ' : ''}${words.slice(from, words.length - after).join(' ')}${after > 0 ? ' …' : ''}`);
  return [shown(left), shown(right)];
}

/** What stands between the braces. */
const declaration = (text: string): string => text.replace(/^[^{]*/, '') || 'without a hook';

const CLIPPED = 120;
const clip = (text: string | null): string =>
  text === null ? '' : text.length > CLIPPED ? `${text.slice(0, CLIPPED)}…` : text;

/** @param meanings as drift says them: one story for the same difference */
export function driftRemedy(code: DriftCode, isIdle: boolean, meanings: readonly string[]): string {
  if (isIdle) return 'Find out who wrote it (nft monitor), and delete it: kube-proxy owns its table.';
  return code === 'proxy-rules-altered' ? RESTART : `${meanings[0] ?? ''} ${BEHIND}`;
}

const BEHIND = 'See whether its pod runs on the node and what it logs about syncs. A restart writes everything anew.';
const RESTART =
  'Find out who writes there (nft monitor), and restart kube-proxy on the node: it writes its table anew when it starts.';

export function changeCommand(one: Evidence): string {
  switch (one.kind) {
    case 'rule':
      return `nft -a list chain ${one.family} ${one.table} ${one.chain}`;
    case 'difference':
      return differenceCommand(one);
    default:
      return 'nft list ruleset';
  }
}

const ELEMENTS: ReadonlyMap<string, 'set' | 'map'> = new Map([
  ['cluster-ips', 'set'],
  ['nodeport-ips', 'set'],
  ['hairpin-connections', 'set'],
  ['service-ips', 'map'],
  ['service-nodeports', 'map'],
  ['no-endpoint-services', 'map'],
  ['no-endpoint-nodeports', 'map'],
  ['firewall-ips', 'map'],
]);

/** Where it should be, or is; what is not there is looked for by its name. */
function differenceCommand({
  family,
  table,
  name,
  expected,
  actual,
}: Extract<Evidence, { kind: 'difference' }>): string {
  const text = expected ?? actual ?? '';
  const isWhole = /^(chain|set|map) /.test(text);
  const kind = ELEMENTS.get(name);
  if (kind !== undefined && !isWhole) {
    const [key = ''] = text.split(/ comment | : /);
    return `nft list ${kind} ${family} ${table} ${name} | grep -F -- '${key}'`;
  }
  if (isWhole && (actual === null || kind !== undefined))
    return `nft list table ${family} ${table} | grep -F -- '${name}'`;
  return `nft -a list ${name.startsWith('affinity-') ? 'set' : 'chain'} ${family} ${table} ${name}`;
}
