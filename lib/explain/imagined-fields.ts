/**
 * A question by names says from where to where. What else a rule reads of the packet (its source port, TTL, options, length) is imagined,
 * and a real packet may differ: each such field is named as an assumption.
 */
import type { Rule, RuleRef, Ruleset } from '../nft/model';
import type { Assumption, Branch, Trace } from '../sim/trace';

/** Fields that the question gives, or that its first packet of a connection has by nature. */
const ASKED = new Set(['saddr', 'daddr', 'dport', 'protocol', 'nexthdr', 'version', 'flags', 'type', 'code']);
const PORTS = new Set(['tcp', 'udp', 'udplite', 'sctp', 'dccp', 'th']);

interface Field {
  readonly name: string;
  /** Members of a packet as JSON that give it. */
  readonly given: readonly string[];
  readonly value?: string | number | undefined;
  readonly otherwise: string;
}

const PLAIN = 'it is taken to be that of a plain packet';

type Node = { readonly [key: string]: unknown };

function fieldOf(e: Node, { packet }: Trace): Field | undefined {
  const protocol = String(packet.protocol ?? '');
  switch (e.kind) {
    case 'payload': {
      const [header, field] = [String(e.protocol), String(e.field)];
      if (ASKED.has(field) && header !== 'ether' && header !== 'arp') return undefined;
      if (header === 'ip' || header === 'ip6') {
        if (header !== packet.family) return undefined;
      } else if (header !== 'ether' && header !== protocol && !(header === 'th' && PORTS.has(protocol)))
        return undefined;
      const value = header === 'tcp' || header === 'udp' ? undefined : (packet as unknown as Node)[field];
      const read = field === 'sport' ? packet.sport : value;
      return {
        name: `${header} ${field}`,
        given: [field],
        value: typeof read === 'number' ? read : undefined,
        otherwise: PLAIN,
      };
    }
    case 'rawPayload':
      return { name: `@${e.base},${e.offset},${e.len}`, given: [], otherwise: PLAIN };
    case 'tcpOption':
    case 'rawTcpOption':
      if (protocol !== 'tcp') return undefined;
      return { name: 'tcp option', given: ['tcpOptionsHex'], otherwise: 'the packet is taken to have none' };
    case 'ipOption':
      return { name: 'ip option', given: ['ipOptionsHex'], otherwise: 'the packet is taken to have none' };
    case 'exthdr':
      return { name: 'exthdr', given: ['extHeaders'], otherwise: 'the packet is taken to have none' };
    case 'meta':
      return e.key === 'length'
        ? { name: 'meta length', given: ['payloadHex'], value: packet.length, otherwise: PLAIN }
        : undefined;
    default:
      return undefined;
  }
}

function fieldsIn(value: unknown, trace: Trace, found: Map<string, Field>): void {
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    for (const one of value) fieldsIn(one, trace, found);
    return;
  }
  const field = fieldOf(value as Node, trace);
  if (field !== undefined) found.set(field.name, field);
  for (const one of Object.values(value)) fieldsIn(one, trace, found);
}

/**
 * What the rules that the packet met read and the question does not give, for each branch. `given` holds the members of the packet that
 * somebody gave; with `hex` among them nothing is imagined.
 */
export function imaginedFields(
  trace: Trace,
  ruleset: Ruleset,
  given: ReadonlySet<string>,
): readonly (readonly Assumption[])[] {
  if (given.has('hex')) return trace.branches.map(() => []);
  const ruleAt = rulesOf(ruleset);
  return trace.branches.map((branch) => {
    const found = new Map<string, Field>();
    for (const { at, until } of met(branch)) fieldsIn(ruleAt(at)?.statements.slice(0, until), trace, found);
    return [...found.values()].flatMap((field) => (field.given.some((key) => given.has(key)) ? [] : assumption(field)));
  });
}

const assumption = ({ name, value, otherwise }: Field): Assumption => ({
  code: `field ${name}`,
  say: `A rule reads ${name}, which the question does not give: ${value === undefined ? otherwise : `it is taken to be ${value}`}.`,
});

interface Met {
  readonly at: RuleRef;
  /** How many of its statements were asked; undefined: all. */
  readonly until: number | undefined;
}

/** The rules that the packet itself was compared with. */
function met(branch: Branch): readonly Met[] {
  return branch.steps.flatMap((step): readonly Met[] => {
    if (step.skb !== 0) return [];
    if (step.kind === 'rule') return [{ at: step.at, until: undefined }];
    return step.kind === 'passed' ? [{ at: step.at, until: step.statement + 1 }] : [];
  });
}

function rulesOf(ruleset: Ruleset): (at: RuleRef) => Rule | undefined {
  const chains = new Map(
    ruleset.tables.flatMap((table) =>
      table.chains.map((chain) => [`${table.family} ${table.name} ${chain.name}`, chain.rules] as const),
    ),
  );
  return (at) => chains.get(`${at.family} ${at.table} ${at.chain}`)?.[at.index];
}
