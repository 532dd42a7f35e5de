import { expect, test } from 'vitest';
import { initialState, traceFrom } from '../sim';
import { prepare } from '../sim/environment';
import { drop, match, SYN, xtWorld } from '../sim/testing/xt-world';
import { alike } from './alike';

const RANDOM = { numgen: { mode: 'random', mod: 20, offset: 0 } };
const set = (key: unknown, value: unknown = RANDOM) => ({ mangle: { key, value } });
const META = { meta: { key: 'mark' } };
const CT = { ct: { key: 'mark' } };
const DSCP = { payload: { protocol: 'ip', field: 'dscp' } };
const none = () => false;

test.each<readonly [string, readonly (readonly unknown[])[], (dev: string) => boolean, readonly number[]]>([
  ['a mark that nothing asks for ends with the node', [[set(META)]], none, [1]],
  ['what leaves by a tunnel is marked around as well', [[set(META)]], (dev) => dev === 'eth1', Array(20).fill(0.05)],
  ['the mark of a connection stays', [[set(CT)]], none, Array(20).fill(0.05)],
  ['a header that differs is another packet', [[set(DSCP)]], none, Array(20).fill(0.05)],
  ['some of the marks are dropped', [[set(META)], [match(META, 5, '<'), drop]], none, [0.25, 0.75]],
])('%s', (_, rules, isTunnel, want) => {
  const p = prepare(xtWorld({ rules, table: 'mangle' }));
  const traced = traceFrom(p, SYN, initialState(p), { verdictOnly: true });
  expect(traced.trace.branches).toHaveLength(20);
  expect(alike(traced, isTunnel).map(({ probability }) => Number(probability.toFixed(9)))).toEqual(want);
});
