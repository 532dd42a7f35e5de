import { expect, test } from 'vitest';
import { trace } from './index';
import { drop, match, SYN, type XtCase, xtWorld } from './testing/xt-world';

const meta = (key: string, value: unknown) => match({ meta: { key } }, value, '!=');

const rows: readonly (XtCase & { readonly name: string; readonly want: readonly string[] })[] = [
  { name: 'a rule like any other', rules: [[match({ ip: 1 }, 1)], [drop]], want: [] },
  { name: 'a flow table', rules: [[{ flow: { op: 'add', flowtable: '@f' } }]], want: ['flow'] },
  { name: 'a VRF, in a rule that does not match', rules: [[meta('sdifname', 'x'), drop]], want: ['vrf'] },
  { name: 'the bridge of a port', rules: [[meta('ibrname', 'br0'), drop]], want: ['bridge-meta'] },
  {
    name: 'two, and nothing behind a verdict',
    rules: [
      [{ 'ct helper': 'ftp' }],
      [match({ ipsec: { key: 'reqid', dir: 'in', spnum: 0 } }, 1), drop],
      [drop],
      [meta('sdif', 1)],
    ],
    more: [
      {
        'ct helper': {
          family: 'ip',
          table: 'filter',
          name: 'ftp',
          handle: 9,
          type: 'ftp',
          protocol: 'tcp',
          l3proto: 'ip',
        },
      },
    ],
    want: ['helper', 'ipsec'],
  },
];

test.each(rows)('$name', ({ want, ...c }) => {
  const { branches } = trace(xtWorld(c), SYN);
  const codes = branches
    .flatMap(({ steps }) => steps.flatMap((step) => step.notMeasured ?? []))
    .map(({ code }) => code);
  expect([...new Set(codes)]).toEqual(want);
});
