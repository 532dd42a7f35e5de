import { expect, test } from 'vitest';
import type { World } from '../world/world';
import { trace } from './index';
import { drop, SYN, xtWorld } from './testing/xt-world';

/** The node with one more interface. */
function withLink(name: string): World {
  const world = xtWorld({ rules: [[drop]] });
  const [first] = world.links.known ? world.links.value : [];
  if (!world.links.known || first === undefined) throw new Error('the world has no interface');
  const more = { ...first, name, index: 99, addresses: [] };
  return { ...world, links: { ...world.links, value: [...world.links.value, more] } };
}

test.each([
  ['cilium_host', 'another-data-plane'],
  ['bpfin.cali', 'another-data-plane'],
  ['cali1234', undefined],
  ['cilium', undefined],
])('an interface %s: %s', (name, code) => {
  const [branch] = trace(withLink(name), SYN).branches;
  const { outcome, steps } = branch ?? { outcome: undefined, steps: [] };
  expect(outcome?.kind === 'undecided' ? outcome.reasons.map((r) => r.code) : []).toEqual(
    code === undefined ? [] : [code],
  );
  // What the rules would do is told all the same.
  expect(steps.some((step) => step.kind === 'rule' && step.verdict === 'drop')).toBe(true);
});
