/** A packet mark that a rule set to a value the capture does not show: asking for it is an unknown, carrying it is not. */
import type { Context, Run } from './environment';
import type { Skb } from './skb';
import { Unknown } from './value';

const CODE = 'xt-mark-unknown';

/** True for a value that is unknown because the mark it was computed from is. */
export const isMarkUnknown = (v: unknown): boolean => v instanceof Unknown && v.reason.code === CODE;

/** The target `name` wrote the mark, and nobody can tell what. */
export function loseMark(c: Context, name: string): void {
  const { skb } = c;
  c.record?.writes.push({
    field: 'meta mark',
    before: skb.markUnknown === undefined ? `0x${skb.mark.toString(16).padStart(8, '0')}` : 'unknown',
    after: 'unknown',
  });
  skb.mark = 0;
  skb.markUnknown = new Unknown({
    code: CODE,
    say: `The target ${name} set the packet mark to a value that is not in the capture.`,
    settle: 'Capture iptables-save on the node, or assume a mark.',
    ...(c.at === undefined ? {} : { at: c.at }),
  });
}

/** The mark as a route look-up uses it. An unknown one matters only where a policy rule asks for marks. */
export function routingMark(run: Run, skb: Skb): number {
  const { markUnknown } = skb;
  if (markUnknown === undefined) return skb.mark;
  const rules = run.p.world.rules[skb.family === 'ip6' ? 'ip6' : 'ip'];
  if (rules.known && !rules.value.some((r) => r.fwmark !== undefined)) return 0;
  const { code, say, settle, at } = markUnknown.reason;
  return run.undecided(code, `${say} A routing rule of the node asks for it.`, settle, at);
}
