/** Rules of kube-proxy's own in chains that hold no other's, unless somebody added some. */
import type { Rule } from '../nft/model';
import type { OpenNode } from './open-node';

/** Where a rule stands in a table `kube-proxy`. */
interface RulePlace {
  readonly family: string;
  readonly chain: string;
  readonly handle?: number;
}

/**
 * False where the rule has not the form that kube-proxy writes in this chain: `ip saddr != … drop` in firewall-NAME, and
 * `ip daddr … reject` or `drop` in cluster-ips-check (pkg/proxy/nftables/proxier.go). Of two that look alike neither is known to
 * be kube-proxy's.
 */
export function isKubeProxyRule({ ruleset }: OpenNode, { family, chain, handle }: RulePlace): boolean {
  const table = ruleset.ok ? ruleset.value.table(`${family} kube-proxy`) : undefined;
  const rules = table?.chains.get(chain)?.rules ?? [];
  const rule = rules.find((one) => one.handle === handle);
  if (rule === undefined) return false;
  if (chain === 'cluster-ips-check') return asks(rule, '==', 'daddr');
  // What leads there is a look-up without a verdict of its own.
  if (chain === 'firewall-check') return false;
  return asks(rule, '!=', 'saddr') && rules.filter((one) => asks(one, '!=', 'saddr')).length === 1;
}

/** `ip saddr != … drop`, and nothing besides. */
function asks({ statements }: Rule, op: string, field: string): boolean {
  const [asked, verdict, ...more] = statements.filter(({ kind }) => kind !== 'counter');
  if (asked?.kind !== 'match' || more.length > 0) return false;
  const { left } = asked;
  const isField = typeof left === 'object' && left.kind === 'payload' && left.field === field;
  return isField && asked.op === op && (verdict?.kind === 'drop' || verdict?.kind === 'reject');
}
