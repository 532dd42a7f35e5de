/** The hand-made traces of tests/fixtures/traces, and the names that go with them. */
import delivered from '../../../tests/fixtures/traces/delivered.json';
import policyDrop from '../../../tests/fixtures/traces/policy-drop.json';
import rejected from '../../../tests/fixtures/traces/rejected.json';
import undecided from '../../../tests/fixtures/traces/undecided.json';
import type { Branch, Trace } from '../../sim/trace';
import { traceLegs } from '../trace-legs';
import type { TraceNames } from '../trace-names';
import type { Leg } from '../trace-steps';

export type TraceFixture = 'delivered' | 'rejected' | 'undecided' | 'policy-drop';

const FIXTURES: { readonly [F in TraceFixture]: unknown } = {
  delivered,
  rejected,
  undecided,
  'policy-drop': policyDrop,
};

export const fixtureTrace = (name: TraceFixture): Trace => FIXTURES[name] as Trace;

/** A branch of a fixture with its first leg. */
export function fixtureBranch(
  name: TraceFixture,
  index = 0,
): { trace: Trace; branch: Branch; legs: readonly Leg[]; leg: Leg } {
  const trace = fixtureTrace(name);
  const branch = trace.branches[index];
  if (!branch) throw new Error(`${name} has no branch ${index}`);
  const legs = traceLegs(branch);
  const [leg] = legs;
  if (!leg) throw new Error(`${name} has no leg`);
  return { trace, branch, legs, leg };
}

const PODS: Readonly<Record<string, string>> = {
  '10.244.1.3': 'shop/web-6d4f8b7c9-2hxkz node-1',
  '10.244.1.4': 'shop/api-5b8c9d6f7-8tqwn node-1',
  '10.244.2.4': 'shop/api-5b8c9d6f7-c2mvl node-2',
  '10.244.3.4': 'shop/api-5b8c9d6f7-zk94f node-3',
};
const NODES: Readonly<Record<string, string>> = {
  '10.240.0.11': 'node-1',
  '10.240.0.12': 'node-2',
  '10.240.0.13': 'node-3',
};
const SERVICES: Readonly<Record<string, string>> = { '10.99.151.112': 'shop/api', '10.106.32.181': 'shop/inventory' };

export const shopNames: TraceNames = {
  node: 'node-1',
  address(address) {
    const [pod, node] = PODS[address]?.split(' ') ?? [];
    if (pod !== undefined) return { kind: 'pod', name: pod, ...(node === undefined ? {} : { node }) };
    const name = NODES[address];
    return name === undefined ? undefined : { kind: 'node', name };
  },
  service(address, _protocol, port) {
    const service = SERVICES[address];
    if (service === undefined || (port !== undefined && port !== 80)) return undefined;
    return { service, port: port === undefined ? undefined : 'http' };
  },
};
