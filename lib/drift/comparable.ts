/** Whether a listing says enough of kube-proxy's tables to call them as they should be. */
import { perhapsDormant } from '../decode/omissions';
import { failed, ok, type Result } from '../net/result';
import type { Ruleset } from '../nft/model';

/** Code: EXP-004, a table of kube-proxy has a flag, and nothing says which: it may be dormant, and none of its rules runs. */
export function comparable<T extends { readonly name: string; readonly ruleset: Ruleset }>(node: T): Result<T> {
  const flagged = perhapsDormant(node.ruleset);
  const table = ['ip kube-proxy', 'ip6 kube-proxy'].find((one) => flagged.has(one));
  if (table === undefined) return ok(node);
  return failed({
    code: 'EXP-004',
    say: `Whether the table ${table} of ${node.name} is dormant is not known: it has a flag, and the listing does not say which.`,
    do: 'Capture nft.txt (nft -a list ruleset) too, or use nft 1.1 or newer.',
  });
}
