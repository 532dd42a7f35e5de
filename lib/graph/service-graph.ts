/** The chain graph of one port of a Service: from base chains over map elements and the Service's chains to its endpoints. */
import type { IptablesName } from '../explain/iptables-names';
import { type EndpointRef, endpointText, type ServicePortRef } from '../explain/kube-proxy-name';
import { type ObjectOwner, TableOwners } from '../explain/object-owner';
import type { Chain, Expression, NatStatement, Rule, SetElement, Statement, Table, Verdict } from '../nft/model';
import { type RenderContext, renderContext } from '../render/context';
import { renderExpression, renderRule, renderStatement } from '../render/render-rule';
import { isVerdict } from '../render/render-verdict';

/** The columns, from left to right; `end` is a verdict in the place of an endpoint. */
export const GRAPH_ROLES = ['base', 'chain', 'element', 'external', 'service', 'endpoint', 'end'] as const;
export type GraphRole = (typeof GRAPH_ROLES)[number];

/** Where a part stands in the ruleset. */
export type PartPlace =
  | { readonly kind: 'chain'; readonly chain: string; readonly handle: number }
  | { readonly kind: 'element'; readonly map: string; readonly key: string }
  | { readonly kind: 'rule'; readonly chain: string; readonly handle: number };

export interface GraphPart {
  /** Stays the same while other parts come and go. */
  readonly id: string;
  readonly role: GraphRole;
  readonly name: string;
  /** What it is or does, in a few words. */
  readonly note: string;
  /** Undefined for endpoints that have no chain of their own, and for verdicts. */
  readonly place: PartPlace | undefined;
  /** What it holds, as nft prints it: two parts are alike where this is. */
  readonly text: string;
  /** `NAMESPACE/NAME`: it is of another Service, to which something of this one leads. */
  readonly other?: string;
}

export interface GraphLink {
  readonly from: string;
  readonly to: string;
  /** The matches before it, each as nft prints them or by the rule's comment; none: always. */
  readonly when: readonly string[];
  /** Of those that come to `from`; undefined where the rules do not tell. */
  readonly probability: number | undefined;
  /** Clients that came before are sent there again. */
  readonly sticky: boolean;
}

/** Both in the order of their columns, then of their names. */
export interface ServiceGraph {
  readonly parts: readonly GraphPart[];
  readonly links: readonly GraphLink[];
}

const isPort = (a: ServicePortRef, b: ServicePortRef): boolean =>
  a.namespace === b.namespace && a.name === b.name && a.protocol === b.protocol && a.port === b.port;

/** Where a rule may send a packet. */
interface Exit {
  readonly to:
    | { readonly kind: 'chain'; readonly chain: string }
    | { readonly kind: 'map'; readonly map: string }
    | { readonly kind: 'endpoint'; readonly endpoint: EndpointRef }
    | { readonly kind: 'end'; readonly verdict: 'drop' | 'reject' };
  readonly when: readonly string[];
  readonly probability: number | undefined;
  readonly sticky: boolean;
}

/** Graphs of the Services in one table that kube-proxy writes. O(table) once, then O(Service) for each port. */
export class ServiceGraphs {
  readonly #owners: TableOwners;
  readonly #chains: ReadonlyMap<string, Chain>;
  readonly #ctx: RenderContext;

  /** @param iptables names of chains, for a table of kube-proxy's iptables mode */
  constructor(
    readonly table: Table,
    nftVersion: string | undefined,
    iptables: ReadonlyMap<string, IptablesName> = new Map(),
  ) {
    this.#owners = new TableOwners(table, iptables);
    this.#chains = new Map(table.chains.map((chain) => [chain.name, chain]));
    this.#ctx = renderContext(table, nftVersion);
  }

  /** Ports of a Service that this table has chains or elements for. */
  ports(namespace: string, name: string): readonly ServicePortRef[] {
    const found = new Map<string, ServicePortRef>();
    const add = ({ services }: ObjectOwner) => {
      for (const one of services)
        if (one.namespace === namespace && one.name === name) found.set(`${one.port} ${one.protocol}`, one);
    };
    for (const chain of this.table.chains) add(this.#owners.chain(chain.name));
    for (const set of this.table.sets)
      if (isLookedUp(set.name)) for (const element of set.elements) add(this.#owners.element(set.name, element));
    return [...found.values()];
  }

  /**
   * @param keys elements that count whatever they lead to, by {@link elementId}
   * @param shared chains for all Services that count whether or not they lead to this one
   */
  port(port: ServicePortRef, keys: ReadonlySet<string> = new Set(), shared: readonly string[] = []): ServiceGraph {
    return new PortGraph(this.table, this.#owners, this.#chains, this.#ctx, port, keys).graph(shared);
  }
}

/** Maps of kube-proxy by which a packet is led to a Service; its sets hold addresses only. */
const isLookedUp = (name: string): boolean => /^(service-ips|service-nodeports|no-endpoint-|firewall-ips)/.test(name);

class PortGraph {
  readonly #parts = new Map<string, GraphPart>();
  readonly #links = new Map<string, GraphLink>();
  /** Elements of the port by map. */
  readonly #elements = new Map<string, SetElement[]>();

  constructor(
    readonly table: Table,
    readonly owners: TableOwners,
    readonly chains: ReadonlyMap<string, Chain>,
    readonly ctx: RenderContext,
    readonly port: ServicePortRef,
    readonly keys: ReadonlySet<string>,
  ) {}

  graph(shared: readonly string[]): ServiceGraph {
    for (const { name, elements } of this.table.sets) {
      if (!isLookedUp(name)) continue;
      const own = elements.filter(
        (element) =>
          this.keys.has(elementId(name, this.#keyText(element))) ||
          this.owners.element(name, element).services.some((one) => isPort(one, this.port)),
      );
      if (own.length > 0) this.#elements.set(name, own);
    }
    const known = new Map<string, boolean>();
    for (const chain of this.table.chains) if (chain.base !== undefined) this.#shared(chain, known);
    this.#alsoShared(shared);
    // What nothing leads to is there all the same.
    for (const chain of this.table.chains) if (this.#isOwn(chain.name)) this.#own(chain);
    return sorted([...this.#parts.values()], [...this.#links.values()]);
  }

  #isOwn(name: string): boolean {
    return this.owners.chain(name).services.some((one) => isPort(one, this.port));
  }

  #keyText({ key }: SetElement): string {
    return renderExpression(key, this.ctx);
  }

  /** A chain for all Services: part of the graph where it leads to this one. */
  #shared(chain: Chain, known: Map<string, boolean>): boolean {
    const before = known.get(chain.name);
    if (before !== undefined) return before;
    known.set(chain.name, false);
    const id = chainId(chain.name);
    let leads = false;
    for (const rule of chain.rules) {
      for (const exit of this.#exits(rule)) {
        if (exit.to.kind === 'map') {
          for (const element of this.#elements.get(exit.to.map) ?? []) {
            this.#link(id, this.#element(exit.to.map, element), exit);
            leads = true;
          }
        } else if (exit.to.kind === 'chain') {
          const target = this.chains.get(exit.to.chain);
          if (target === undefined) continue;
          if (this.#isOwn(target.name)) {
            const entry = this.#entryRule(chain, rule);
            this.#link(id, entry, { when: [], probability: undefined, sticky: false });
            this.#link(entry, this.#own(target), { ...exit, when: [] });
            leads = true;
          } else if (this.owners.chain(target.name).services.length === 0 && this.#shared(target, known)) {
            this.#link(id, chainId(target.name), exit);
            leads = true;
          }
        }
      }
    }
    if (leads) this.#put(this.#chainPart(chain, chain.base === undefined ? 'chain' : 'base'));
    known.set(chain.name, leads);
    return leads;
  }

  #alsoShared(names: readonly string[]): void {
    const all = names.flatMap((name) => this.chains.get(name) ?? []);
    for (const chain of all)
      if (!this.#parts.has(chainId(chain.name)))
        this.#put(this.#chainPart(chain, chain.base === undefined ? 'chain' : 'base'));
    for (const chain of all)
      for (const exit of chain.rules.flatMap((rule) => this.#exits(rule)))
        if (exit.to.kind === 'chain' && names.includes(exit.to.chain))
          this.#link(chainId(chain.name), chainId(exit.to.chain), exit);
  }

  /** In iptables mode a rule stands where nftables mode has a map element. */
  #entryRule(chain: Chain, rule: Rule): string {
    const text = renderRule(rule, this.ctx);
    const place = { kind: 'rule', chain: chain.name, handle: rule.handle } as const;
    return this.#put({
      id: `rule:${chain.name}:${text}`,
      role: 'element',
      name: entryName(rule) ?? text,
      note: chain.name,
      place,
      text,
    });
  }

  #element(map: string, element: SetElement): string {
    const key = this.#keyText(element);
    const id = elementId(map, key);
    if (this.#parts.has(id)) return id;
    const { data } = element;
    this.#put({
      id,
      role: 'element',
      name: key,
      note: `@${map}`,
      place: { kind: 'element', map, key },
      text: elementText(element),
    });
    if (data !== undefined && isVerdict(data)) this.#verdict(id, data);
    return id;
  }

  #verdict(from: string, verdict: Verdict): void {
    const always = { when: [], probability: undefined, sticky: false };
    if (verdict.kind === 'drop') this.#link(from, this.#end('drop'), always);
    if (verdict.kind !== 'goto' && verdict.kind !== 'jump') return;
    const target = this.chains.get(verdict.target);
    if (target === undefined) return;
    const [first] = target.rules.flatMap(({ statements }) => statements);
    // reject is no verdict of a map: kube-proxy's reject-chain stands for it.
    if (first?.kind === 'reject') this.#link(from, this.#end('reject'), always);
    else this.#link(from, this.#own(target), always);
  }

  /** A chain of the Service with all that follows. Those of endpoints stand as the endpoint. */
  #own(chain: Chain): string {
    const { role, endpoints } = this.owners.chain(chain.name);
    const exits = chain.rules.flatMap((rule) => this.#exits(rule));
    if (role === 'endpoint') {
      const ends = exits.flatMap(({ to }) => (to.kind === 'endpoint' ? [to.endpoint] : []));
      const [endpoint] = ends.length > 0 ? ends : endpoints;
      const text = this.#texts(chain);
      const place = { kind: 'chain', chain: chain.name, handle: chain.handle } as const;
      const other = this.#otherOf(chain.name);
      return endpoint === undefined
        ? this.#put({ id: chainId(chain.name), role: 'endpoint', name: chain.name, note: '', place, text, ...other })
        : this.#endpoint(endpoint, chain, { place, text });
    }
    const id = chainId(chain.name);
    if (this.#parts.has(id)) return id;
    this.#put(this.#chainPart(chain, role === 'external' || role === 'firewall' ? 'external' : 'service'));
    for (const exit of exits) {
      const { to } = exit;
      if (to.kind === 'endpoint') this.#link(id, this.#endpoint(to.endpoint, chain), exit);
      else if (to.kind === 'end') this.#link(id, this.#end(to.verdict), exit);
      else if (to.kind === 'chain') {
        const target = this.chains.get(to.chain);
        if (target !== undefined && this.#isOfSame(chain.name, target.name)) this.#link(id, this.#own(target), exit);
      }
    }
    return id;
  }

  /** What a chain leads on to within its Service, this one or another that an element leads to by mistake. */
  #isOfSame(from: string, to: string): boolean {
    const own = this.owners.chain(from).services;
    return this.owners.chain(to).services.some((one) => own.some((of) => isPort(of, one)));
  }

  #otherOf(chain: string): Pick<GraphPart, 'other'> {
    const { services } = this.owners.chain(chain);
    const [one] = services;
    return one === undefined || this.#isOwn(chain) ? {} : { other: `${one.namespace}/${one.name}` };
  }

  #endpoint(endpoint: EndpointRef, by: Chain, of: Partial<Pick<GraphPart, 'place' | 'text'>> = {}): string {
    const name = endpointText(endpoint);
    const before = this.#parts.get(endpointId(name));
    // What a chain of this Service leads to is an endpoint of it, whoever else leads there.
    const isOther = before === undefined || before.other !== undefined;
    return this.#put({
      ...(isOther && this.#otherOf(by.name)),
      id: endpointId(name),
      role: 'endpoint',
      name,
      note: '',
      place: of.place ?? before?.place,
      text: of.text ?? before?.text ?? '',
    });
  }

  #end(verdict: 'drop' | 'reject'): string {
    const note = verdict === 'drop' ? 'dropped' : 'refused';
    return this.#put({ id: endId(verdict), role: 'end', name: verdict, note, place: undefined, text: verdict });
  }

  #chainPart(chain: Chain, role: GraphRole): GraphPart {
    return {
      id: chainId(chain.name),
      role,
      name: chain.name,
      note:
        (chain.base === undefined ? doesWhat(chain, this.owners.chain(chain.name)) : baseWords(chain.base)) ||
        handleWords(chain),
      place: { kind: 'chain', chain: chain.name, handle: chain.handle },
      text: this.#texts(chain),
      ...this.#otherOf(chain.name),
    };
  }

  #texts(chain: Chain): string {
    const { base } = chain;
    const head =
      base === undefined ? [] : [`type ${base.type} hook ${base.hook} priority ${base.prio}; policy ${base.policy};`];
    return [...head, ...chain.rules.map((rule) => renderRule(rule, this.ctx))].join('\n');
  }

  #put(part: GraphPart): string {
    this.#parts.set(part.id, part);
    return part.id;
  }

  #link(from: string, to: string, { when, probability, sticky }: Omit<Exit, 'to'>): void {
    const key = `${from} ${to}`;
    const before = this.#links.get(key);
    const text = when.join(' ');
    // What is sent there again is so beside the choice among all.
    const conditions = sticky || text === '' ? [] : [text];
    this.#links.set(key, {
      from,
      to,
      when: [...new Set([...(before?.when ?? []), ...conditions])],
      probability: before?.probability ?? probability,
      sticky: sticky || before?.sticky === true,
    });
  }

  /** Ways out of a rule, in its order. */
  #exits(rule: Rule): readonly Exit[] {
    const when: string[] = [];
    const exits: Exit[] = [];
    const put = (to: Exit['to'], probability?: number, sticky = false) =>
      exits.push({ to, when: rule.comment === undefined ? [...when] : [rule.comment], probability, sticky });
    for (const one of rule.statements) {
      switch (one.kind) {
        case 'match':
          if (!isProtocolOnly(one)) when.push(renderStatement(one, this.ctx));
          break;
        case 'jump':
        case 'goto':
          put({ kind: 'chain', chain: one.target }, undefined, isAffinity(rule));
          break;
        case 'drop':
        case 'reject':
          put({ kind: 'end', verdict: one.kind });
          break;
        case 'vmap':
          if (one.data.kind === 'setref') put({ kind: 'map', map: one.data.name });
          if (one.data.kind === 'set')
            for (const { data, share } of shares(one.key, one.data.elements))
              if (isVerdict(data) && 'target' in data) put({ kind: 'chain', chain: data.target }, share);
          break;
        case 'dnat':
          for (const { endpoint, share } of destinations(one as NatStatement))
            put({ kind: 'endpoint', endpoint }, share);
          break;
        default:
      }
    }
    return exits;
  }
}

export const chainId = (name: string): string => `chain:${name}`;
export const elementId = (map: string, key: string): string => `element:${map}:${key}`;
export const endpointId = (endpoint: string): string => `endpoint:${endpoint}`;
export const endId = (verdict: 'drop' | 'reject'): string => `end:${verdict}`;

/** `10.96.0.10 . udp . 53`, `tcp . 30080`: what a rule matches, as the key of a map element has it. */
function entryName({ statements }: Rule): string | undefined {
  let address: string | undefined;
  let port: string | undefined;
  for (const one of statements) {
    if (one.kind !== 'match' || one.op !== '==' || typeof one.left !== 'object' || one.left.kind !== 'payload')
      continue;
    const { left, right } = one;
    if (left.field === 'daddr' && typeof right === 'string') address = right;
    if (left.field === 'dport' && typeof right === 'number') port = `${left.protocol} . ${right}`;
  }
  if (port === undefined) return undefined;
  return address === undefined ? port : `${address} . ${port}`;
}

/** `meta l4proto tcp` before a dnat with a port says nothing about the way. */
const isProtocolOnly = (one: Statement): boolean =>
  one.kind === 'match' && typeof one.left === 'object' && one.left.kind === 'meta' && one.left.key === 'l4proto';

/** `ip saddr @affinity-… goto …`: known clients. */
const isAffinity = ({ statements: [first] }: Rule): boolean =>
  first?.kind === 'match' &&
  typeof first.right === 'object' &&
  first.right.kind === 'setref' &&
  first.right.name.startsWith('affinity-');

interface Share<T> {
  readonly data: T;
  readonly share: number | undefined;
}

/** What part of all numbers leads to each: a random one below `mod` is looked up; undefined for any other key. */
function shares(key: Expression, elements: readonly SetElement[]): readonly Share<Expression | Verdict>[] {
  const mod = typeof key === 'object' && key.kind === 'numgen' && key.offset === 0 ? key.mod : undefined;
  return elements.flatMap(({ key: at, data }) => {
    if (data === undefined) return [];
    const width = typeof at === 'number' ? 1 : rangeWidth(at);
    return [{ data, share: mod === undefined || width === undefined ? undefined : width / mod }];
  });
}

function rangeWidth(key: Expression): number | undefined {
  if (typeof key !== 'object' || key.kind !== 'range') return undefined;
  const { from, to } = key;
  return typeof from === 'number' && typeof to === 'number' ? to - from + 1 : undefined;
}

function destinations({
  addr,
  port,
}: NatStatement): readonly { readonly endpoint: EndpointRef; readonly share: number | undefined }[] {
  if (typeof addr === 'string' && typeof port === 'number') return [{ endpoint: { address: addr, port }, share: 1 }];
  if (typeof addr !== 'object' || addr.kind !== 'map' || addr.data.kind !== 'set') return [];
  return shares(addr.key, addr.data.elements).flatMap(({ data, share }) => {
    if (isVerdict(data) || typeof data !== 'object' || data.kind !== 'concat') return [];
    const [address, number] = data.parts;
    return typeof address === 'string' && typeof number === 'number'
      ? [{ endpoint: { address, port: number }, share }]
      : [];
  });
}

const elementText = ({ data, comment }: SetElement): string => {
  const verdict =
    data === undefined || !isVerdict(data) ? '' : 'target' in data ? `${data.kind} ${data.target}` : data.kind;
  return comment === undefined ? verdict : `comment "${comment}" : ${verdict}`;
};

/** What is computed has no handle. */
const handleWords = ({ handle }: Chain): string => (handle > 0 ? `#${handle}` : '');

const baseWords = ({ type, hook, prio }: NonNullable<Chain['base']>): string =>
  `${type} ${hook} ${prio}`.replace('-', '−');

/** What a chain of the Service does beside leading on. */
function doesWhat({ rules }: Chain, { role }: ObjectOwner): string {
  switch (role) {
    case 'external': {
      const marks = rules.flatMap(({ statements }) => {
        const at = statements.findIndex(isMark);
        return at === -1 ? [] : [at];
      });
      if (marks.length === 0) return 'source kept';
      return marks.includes(0) ? 'source is replaced' : "replaces the node's source";
    }
    case 'firewall':
      return 'source ranges';
    case 'service':
      return 'all endpoints';
    case 'local':
      return 'endpoints on this node';
    default:
      return '';
  }
}

/** Asks for masquerading: sets the mark, or leads to the chain that does. */
const isMark = (one: Statement): boolean =>
  (one.kind === 'mangle' && typeof one.key === 'object' && one.key.kind === 'meta' && one.key.key === 'mark') ||
  (one.kind === 'jump' && /^(mark-for-masquerade|KUBE-MARK-MASQ)$/.test(one.target));

const numeric = new Intl.Collator('en', { numeric: true });

function sorted(parts: readonly GraphPart[], links: readonly GraphLink[]): ServiceGraph {
  const ordered = parts.toSorted(compareParts);
  const place = new Map(ordered.map(({ id }, index) => [id, index]));
  const at = (id: string): number => place.get(id) ?? ordered.length;
  return { parts: ordered, links: links.toSorted((a, b) => at(a.from) - at(b.from) || at(a.to) - at(b.to)) };
}

/** By column, then by name; numbers in names count as numbers. */
export const compareParts = (a: Pick<GraphPart, 'role' | 'name'>, b: Pick<GraphPart, 'role' | 'name'>): number =>
  GRAPH_ROLES.indexOf(a.role) - GRAPH_ROLES.indexOf(b.role) || numeric.compare(a.name, b.name);
