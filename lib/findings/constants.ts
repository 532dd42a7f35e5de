/** The addresses, ports and interfaces that rules of others than kube-proxy name: what they do not name, they do not tell apart. */
import { type Literal, visitElementLiterals, visitStatementLiterals } from '../explain/literals';
import { parseAddress } from '../net/address';
import { parsePrefix } from '../net/prefix';
import type { DataType } from '../nft/datatypes';
import type { Immediate, Ruleset, Table } from '../nft/model';
import type { World } from '../world/world';
import { isProxyChain, isProxyTable } from './foreign';

interface Interval {
  readonly family: 'ip' | 'ip6';
  readonly first: bigint;
  readonly last: bigint;
}

/** Classes of addresses and ports: two of one class are equal to every rule that names constants. */
export class Constants {
  readonly #addresses: Interval[] = [];
  readonly #ports: (readonly [number, number])[] = [];
  readonly #interfaces = new Set<string>();
  readonly #classes = new Map<string, string>();

  constructor(worlds: Iterable<World>) {
    for (const { ruleset, iptables } of worlds) {
      if (!ruleset.known) continue;
      for (const table of ruleset.value.tables) if (!isProxyTable(table)) this.#addTable(table, ruleset.value);
      for (const family of ['ip', 'ip6'] as const) {
        const save = iptables[family];
        for (const { table, chain, args } of save.known ? save.value.rules : []) {
          if (isProxyChain(ruleset.value, family, table, chain)) continue;
          for (const word of args) this.#addWord(word);
        }
      }
    }
  }

  #addTable(table: Table, ruleset: Ruleset): void {
    const visit = (literal: Literal) => this.#add(literal);
    const others = table.chains.filter(({ name }) => !isProxyChain(ruleset, table.family, table.name, name));
    for (const { rules } of others)
      for (const { statements } of rules) for (const one of statements) visitStatementLiterals(one, visit);
    for (const set of table.sets) {
      const visitElement = visitElementLiterals(set);
      for (const element of set.elements) visitElement(element, visit);
    }
  }

  #add(literal: Literal): void {
    const { type } = literal;
    if (type === undefined) return;
    if (type.name === 'ifname' || type.name === 'iface_index') {
      if (literal.kind === 'value') this.#interfaces.add(String(literal.value));
      return;
    }
    if (type.name === 'inet_service') this.#addPorts(literal);
    else if (type.base === 'address') this.#addAddresses(literal, type);
  }

  #addPorts(literal: Literal): void {
    if (literal.kind === 'value') this.#ports.push([Number(literal.value), Number(literal.value)]);
    if (literal.kind === 'range') this.#ports.push([Number(literal.from), Number(literal.to)]);
  }

  #addAddresses(literal: Literal, { name }: DataType): void {
    if (name !== 'ipv4_addr' && name !== 'ipv6_addr') return;
    const family = name === 'ipv4_addr' ? 'ip' : 'ip6';
    const number = (value: Immediate) => {
      const found = typeof value === 'string' ? parseAddress(value)?.value : undefined;
      return found === undefined ? undefined : BigInt(found);
    };
    if (literal.kind === 'prefix') {
      const addr = number(literal.addr);
      if (addr !== undefined) this.#addPrefix(family, addr, literal.len);
      return;
    }
    const [first, last] = literal.kind === 'range' ? [literal.from, literal.to] : [literal.value, literal.value];
    const ends = [number(first), number(last)] as const;
    if (ends[0] !== undefined && ends[1] !== undefined) this.#addresses.push({ family, first: ends[0], last: ends[1] });
  }

  #addPrefix(family: 'ip' | 'ip6', addr: bigint, len: number): void {
    const host = (1n << BigInt((family === 'ip' ? 32 : 128) - len)) - 1n;
    this.#addresses.push({ family, first: addr & ~host, last: addr | host });
  }

  /** A word of a rule of iptables: an address, ports (`80`, `80:90`, `22,80`), or perhaps an interface. */
  #addWord(word: string): void {
    const prefix = parsePrefix(word);
    if (prefix !== undefined) {
      this.#addPrefix(prefix.family, BigInt(prefix.addr), prefix.len);
      return;
    }
    if (/^[\d,:]+$/.test(word)) {
      for (const one of word.split(',')) {
        const [from, to = from] = one.split(':').map(Number);
        if (from !== undefined && to !== undefined) this.#ports.push([from, to]);
      }
      return;
    }
    this.#interfaces.add(word);
  }

  address(text: string): string {
    return this.#class(text, () => {
      const found = parseAddress(text);
      if (found === undefined) return text;
      const value = BigInt(found.value);
      return this.#places(this.#addresses, ({ family, first, last }) => {
        return family === found.family && first <= value && value <= last;
      });
    });
  }

  port(port: number): string {
    return this.#class(`:${port}`, () => this.#places(this.#ports, ([from, to]) => from <= port && port <= to));
  }

  /** The interface where a rule names it, else nothing. */
  iface(name: string | undefined): string {
    return name !== undefined && this.names(name) ? name : '';
  }

  names(iface: string): boolean {
    if (this.#interfaces.has(iface)) return true;
    return [...this.#interfaces].some((one) => /[*+]$/.test(one) && iface.startsWith(one.slice(0, -1)));
  }

  #places<T>(items: readonly T[], holds: (item: T) => boolean): string {
    const found: number[] = [];
    items.forEach((item, at) => {
      if (holds(item)) found.push(at);
    });
    return found.join(',');
  }

  #class(key: string, make: () => string): string {
    let found = this.#classes.get(key);
    if (found === undefined) {
      found = make();
      this.#classes.set(key, found);
    }
    return found;
  }
}
