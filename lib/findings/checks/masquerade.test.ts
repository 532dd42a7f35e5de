import { describe, expect, test } from 'vitest';
import type { Table } from '../../nft/model';
import { fleet, lines, type Objects, pod, service, slice, type TestNode } from '../testing/fleet';
import { masqueradeFindings } from './node-findings';

const NOW: Objects = {
  services: [service('web')],
  slices: [slice('web', ['10.244.1.5', '10.244.2.5'])],
  pods: [pod('web-1', '10.244.1.5'), pod('web-2', '10.244.2.5')],
};
type Edit = (table: Table) => Table;
const inChains =
  (name: RegExp, change: (rules: Table['chains'][number]['rules']) => Table['chains'][number]['rules']): Edit =>
  (table) => ({
    ...table,
    chains: table.chains.map((chain) => (name.test(chain.name) ? { ...chain, rules: change(chain.rules) } : chain)),
  });
/** From 1.36 the first rule of `services` tells pods from others. */
const untold = inChains(/^services$/, (rules) => rules.slice(1));
const emptied = inChains(/^(service|endpoint)-/, () => []);
/** That rule as masqueradeAll has it: without a look at the source. */
const all: Edit = inChains(/^services$/, ([first, ...rest]) =>
  first === undefined
    ? rest
    : [
        {
          ...first,
          statements: first.statements.filter((one) => !JSON.stringify(one).includes('saddr')),
        },
        ...rest,
      ],
);
const nodes = (...edits: readonly (Edit | undefined)[]): readonly TestNode[] =>
  edits.map((edit, at) => ({ name: `node-${at + 1}`, ...(edit && { edit }) }));

describe('whose traffic is local', () => {
  test.each<readonly [string, readonly TestNode[], readonly string[]]>([
    ['nodes that tell it', nodes(undefined, undefined), []],
    ['one that does not', nodes(untold, undefined), ['masquerade-missing @node-1']],
    ['one whose chains of Services somebody emptied', nodes((t) => untold(emptied(t)), undefined), []],
    [
      'two such nodes',
      nodes(
        (t) => untold(emptied(t)),
        (t) => untold(emptied(t)),
        undefined,
      ),
      [],
    ],
    ['nowhere', nodes(untold, untold), []],
    ['one of three that masquerades all', nodes(undefined, all, undefined), ['masquerade-missing @node-2']],
    ['all that do: it is meant', nodes(all, all), []],
    ['most that do', nodes(all, all, undefined), []],
  ])('%s', (_, captured, want) => {
    expect(lines(masqueradeFindings(fleet(NOW, captured)))).toEqual(want);
  });
});
