/** The node with one thing changed. */

import { chainsAt, passings } from '../conflicts/order';
import { editTable } from '../nft/edit';
import type { Hook, NftSet, Ruleset, SetElement, Table } from '../nft/model';
import { unreachable } from '../nft/model';
import { type Prepared, preparedOf } from '../sim';
import type { ProgramChain } from '../sim/program';
import type { Step } from '../sim/trace';
import { worldWithoutRule } from '../world/without-rule';
import type { World } from '../world/world';
import { type ChainRef, type Change, PACKET_FAMILIES, type SetRef } from './change';
import { type Proxied, withObjects } from './proxied';
import { editObjects } from './service-edits';

/**
 * Undefined where the change is not possible on this node.
 *
 * @param proxied undefined where kube-proxy's tables are not known to follow from the objects
 */
export function changed(p: Prepared, change: Change, proxied: Proxied | undefined): Prepared | undefined {
  switch (change.kind) {
    case 'rule-dropped':
      return preparedOf(worldWithoutRule(p.world, change.at));
    case 'element-removed':
      return withElements(p, change.set, (elements) => elements.filter((_, index) => index !== change.index));
    case 'element-added': {
      const { key, data } = change;
      return withElements(p, change.set, (elements) => [...elements, { key, ...(data !== undefined && { data }) }]);
    }
    case 'policy-accept':
      return withRuleset(p, (ruleset) => editTable(ruleset, tableOf(change.chain), accepting(change.chain.chain)));
    case 'priority':
      return withPriority(p, change.chain, change.past);
    case 'sysctl': {
      const { sysctl } = p.world;
      if (!sysctl.known) return undefined;
      const value = new Map(sysctl.value).set(change.key, change.to);
      return prepared({ ...p.world, sysctl: { known: true, value } });
    }
    case 'conntrack-gone': {
      const { conntrack } = p.world;
      if (!conntrack.known) return undefined;
      const value = conntrack.value.filter((entry) => entry !== change.entry);
      // Connection tracking does not end with its last entry.
      return prepared({ ...p.world, conntrack: { known: true, value }, conntrackAlways: true });
    }
    case 'service':
      if (proxied === undefined) return undefined;
      return withRuleset(p, (ruleset) => withObjects(ruleset, proxied, editObjects(proxied.objects, change)));
    default:
      return unreachable(change);
  }
}

const prepared = (world: World): Prepared => preparedOf(world);

const tableOf = ({ family, table }: ChainRef | SetRef) => ({ family, name: table });

function withRuleset(p: Prepared, edit: (ruleset: Ruleset) => Ruleset): Prepared | undefined {
  const { ruleset } = p.world;
  return ruleset.known ? prepared({ ...p.world, ruleset: { known: true, value: edit(ruleset.value) } }) : undefined;
}

function withElements(
  p: Prepared,
  set: SetRef,
  edit: (elements: readonly SetElement[]) => readonly SetElement[],
): Prepared | undefined {
  const change = (one: NftSet): NftSet => (one.name === set.set ? { ...one, elements: edit(one.elements) } : one);
  return withRuleset(p, (ruleset) =>
    editTable(ruleset, tableOf(set), (table) => ({ ...table, sets: table.sets.map(change) })),
  );
}

const accepting =
  (name: string) =>
  (table: Table): Table => ({
    ...table,
    chains: table.chains.map((chain) =>
      chain.name === name && chain.base !== undefined ? { ...chain, base: { ...chain.base, policy: 'accept' } } : chain,
    ),
  });

const find = (p: Prepared, { family, table, chain }: ChainRef): ProgramChain | undefined =>
  p.program.tables.find((one) => one.family === family && one.name === table)?.chains.get(chain);

/** In every family in which the two meet. */
function withPriority(p: Prepared, chain: ChainRef, past: ChainRef): Prepared | undefined {
  const [one, other] = [find(p, chain), find(p, past)];
  const hook = one?.base?.hook as Hook | undefined;
  if (one === undefined || other === undefined || hook === undefined) return undefined;
  let out: Prepared | undefined;
  for (const family of PACKET_FAMILIES) {
    const from: Prepared = out ?? p;
    const order = chainsAt(from, family, hook);
    const [i, j] = [order.indexOf(one), order.indexOf(other)];
    if (i < 0 || j < 0) continue;
    const ways = passings(from, family, hook, i < j ? one : other, i < j ? other : one);
    // The first way moves the earlier of the two, the last the later.
    out = (i < j ? ways[0] : ways.at(-1))?.passed ?? out;
  }
  return out;
}

/** Whether a step belongs to the packet itself. */
export const isOwn = ({ skb }: Step): boolean => skb === 0;
