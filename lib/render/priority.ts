/**
 * Chain and flowtable priorities by name. Source: listings of every value from -420 to 420 in every family and hook, three nft
 * versions.
 */
import type { Family } from '../nft/model';
import type { Dialect } from './dialect';

/** A priority this near to a standard one is written relative to it. */
const NEAR = 10;

interface NamedPriority {
  readonly name: string;
  readonly value: number;
  /** Hooks that know the name; absent: all. */
  readonly hooks?: readonly string[];
}

const INET: readonly NamedPriority[] = [
  { name: 'raw', value: -300 },
  { name: 'mangle', value: -150 },
  { name: 'dstnat', value: -100, hooks: ['prerouting'] },
  { name: 'filter', value: 0 },
  { name: 'security', value: 50 },
  { name: 'srcnat', value: 100, hooks: ['postrouting'] },
];

const INET_LOCAL_NAT: readonly NamedPriority[] = [
  ...INET,
  { name: 'dstnat', value: -100, hooks: ['output'] },
  { name: 'srcnat', value: 100, hooks: ['input'] },
];

const BRIDGE: readonly NamedPriority[] = [
  { name: 'dstnat', value: -300, hooks: ['prerouting'] },
  { name: 'filter', value: -200 },
  { name: 'out', value: 100, hooks: ['output'] },
  { name: 'srcnat', value: 300, hooks: ['postrouting'] },
];

const FILTER: readonly NamedPriority[] = [{ name: 'filter', value: 0 }];

function namesOf(family: Family, dialect: Dialect): readonly NamedPriority[] {
  switch (family) {
    case 'ip':
    case 'ip6':
    case 'inet':
      return dialect.natPriorityOnLocalHooks ? INET_LOCAL_NAT : INET;
    case 'bridge':
      return BRIDGE;
    case 'arp':
    case 'netdev':
      return FILTER;
  }
}

/** `filter`, `filter + 10`, `dstnat - 5` or the number. */
export function formatPriority(value: number, family: Family, hook: string, dialect: Dialect): string {
  for (const { name, value: standard, hooks } of namesOf(family, dialect)) {
    const distance = value - standard;
    if (Math.abs(distance) > NEAR || (hooks !== undefined && !hooks.includes(hook))) continue;
    if (distance === 0) return name;
    return `${name} ${distance > 0 ? '+' : '-'} ${Math.abs(distance)}`;
  }
  return String(value);
}
