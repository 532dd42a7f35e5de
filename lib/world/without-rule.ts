/** A node without one of its rules. */

import { withoutRule } from '../nft/edit';
import type { RuleRef } from '../nft/model';
import type { IptablesSave, Known, World } from './world';

/** The rule is taken out of the ruleset and, where iptables made it, out of iptables-save, so that the others keep their lines. */
export function worldWithoutRule(world: World, at: RuleRef): World {
  const { ruleset, iptables } = world;
  if (!ruleset.known) return world;
  const { family } = at;
  const save = family === 'ip' || family === 'ip6' ? { [family]: withoutLine(iptables[family], at) } : {};
  return {
    ...world,
    ruleset: { known: true, value: withoutRule(ruleset.value, at) },
    iptables: { ...iptables, ...save },
  };
}

/** The lines of a chain stand in the order of its rules. */
function withoutLine(save: Known<IptablesSave>, at: RuleRef): Known<IptablesSave> {
  if (!save.known) return save;
  let index = -1;
  const rules = save.value.rules.filter(({ table, chain }) => {
    if (table !== at.table || chain !== at.chain) return true;
    index++;
    return index !== at.index;
  });
  return { known: true, value: { ...save.value, rules } };
}
