/** How a rule is cited: `ip kube-proxy services #52`. */
export function ruleName(at: {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly handle?: number;
}): string {
  const chain = `${at.family} ${at.table} ${at.chain}`;
  return at.handle === undefined ? chain : `${chain} #${at.handle}`;
}
