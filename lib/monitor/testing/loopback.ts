/** The recorded node of tests/fixtures/monitor, and traces of the packets that were sent there. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeRuleset } from '../../decode/decode-ruleset';
import { supplementFromText } from '../../decode/supplement';
import type { PacketSpec } from '../../net/packet-spec';
import { renderRuleset } from '../../render/render-ruleset';
import { trace } from '../../sim';
import type { Trace } from '../../sim/trace';
import { buildParts, buildWorld } from '../../world/build-world';
import { type RuleText, RuleTexts } from '../rule-text';

const FOLDER = join(import.meta.dirname, '../../../tests/fixtures/monitor/loopback');
export const fixture = (name: string): string => readFileSync(join(FOLDER, name), 'utf8');

const FILES =
  'addr.json link.json route4.json route6.json rule4.json rule6.json sysctl.txt conntrack.txt sockets.txt'.split(' ');

function read() {
  const decoded = decodeRuleset(JSON.parse(fixture('nft.json')));
  if (!decoded.ok) throw new Error(decoded.problem.say);
  const ruleset = supplementFromText(decoded.value, fixture('nft.txt'));
  const { parts } = buildParts(new Map(FILES.map((name) => [name, { kind: 'read', content: fixture(name) }])));
  return { ruleset, world: buildWorld(parts, { known: true, value: ruleset }) };
}
const { ruleset, world } = read();

/** Rules as nft lists them: one rule a line, with its handle. */
function listed(): readonly RuleText[] {
  let chain = '';
  return renderRuleset(ruleset, { handles: true })
    .split('\n')
    .flatMap((line): readonly RuleText[] => {
      const head = /^\tchain (\S+) \{/.exec(line);
      if (head !== null) chain = head[1] ?? '';
      const rule = /^\t\t(.*) # handle (\d+)$/.exec(line);
      return rule === null
        ? []
        : [{ family: 'inet', table: 'filter', chain, handle: Number(rule[2]), text: rule[1] ?? '' }];
    });
}

export const OPTIONS = { texts: new RuleTexts(listed()), tables: new Set(['inet filter']) };

const base = { from: 'local', family: 'ip', saddr: '127.0.0.1', daddr: '127.0.0.1' } as const;
export const PACKETS = {
  dns: { ...base, protocol: 'udp', sport: 40001, dport: 53 },
  rejected: { ...base, protocol: 'tcp', sport: 40002, dport: 25 },
  six: { ...base, family: 'ip6', saddr: '::1', daddr: '::1', protocol: 'tcp', sport: 40003, dport: 443 },
  web: { ...base, protocol: 'tcp', sport: 40004, dport: 80 },
  translated: { ...base, protocol: 'tcp', sport: 40005, dport: 8080 },
} as const satisfies { readonly [name: string]: PacketSpec };

export const traceOf = (packet: PacketSpec): Trace => trace(world, packet);
