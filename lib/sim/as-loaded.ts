/** What nft leaves out of its JSON, read from the nft text that was loaded: devices of netdev and inet chains, matches of protocols. */
import type { Chain, Ruleset, Table } from '../nft/model';

/** `TABLE CHAIN` → devices, from the `device` or `devices` words of each chain. */
function devicesIn(text: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  let table = '';
  let chain = '';
  for (const line of text.split(/\n|;/)) {
    const opened = /\btable\s+(?:(\w+)\s+)?(\S+)\s*\{/.exec(line);
    if (opened !== null) table = `${opened[1] ?? 'ip'} ${opened[2] ?? ''}`;
    const inside = /\bchain\s+(\S+)\s*\{/.exec(line);
    if (inside !== null) chain = inside[1] ?? '';
    const one = /\bhook\s+\w+\s+device\s+"?([^\s"]+)"?/.exec(line);
    if (one !== null) found.set(`${table} ${chain}`, [one[1] ?? '']);
    const several = /\bhook\s+\w+\s+devices\s*=\s*\{([^}]*)\}/.exec(line);
    if (several !== null) {
      const names = (several[1] ?? '').split(',').map((w) => w.trim().replaceAll('"', ''));
      found.set(
        `${table} ${chain}`,
        names.filter((w) => w !== ''),
      );
    }
  }
  return found;
}

/** The ruleset, and with it what the text says and its listing does not: the devices of chains, and that no protocol is missing. */
export function withLoaded(ruleset: Ruleset, text: string): Ruleset {
  const plain = withDevices(ruleset, text);
  return asksForTcp(text) ? plain : { ...plain, protocolsListed: true };
}

/** True where a line matches a protocol and then asks for a TCP option to be missing: nft leaves the first match out. */
const asksForTcp = (text: string): boolean =>
  text.split('\n').some((line) => /\b(l4proto|protocol|nexthdr)\b.*\btcp option \S+ (missing|0)\b/.test(line));

/** The ruleset with the devices that the text names, for chains whose listing names none. */
function withDevices(ruleset: Ruleset, text: string): Ruleset {
  const devices = devicesIn(text);
  if (devices.size === 0) return ruleset;
  const chainOf = (t: Table, c: Chain): Chain => {
    const known = devices.get(`${t.family} ${t.name} ${c.name}`);
    return c.base === undefined || c.base.devices.length > 0 || known === undefined
      ? c
      : { ...c, base: { ...c.base, devices: known } };
  };
  return { ...ruleset, tables: ruleset.tables.map((t) => ({ ...t, chains: t.chains.map((c) => chainOf(t, c)) })) };
}
