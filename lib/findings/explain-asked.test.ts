import { describe, expect, test } from 'vitest';
import type { Table } from '../nft/model';
import { diagnose } from './diagnose';
import { explainAsked } from './explain-asked';
import { questionOf, smallCluster } from './testing/small-cluster';

const emptied = (table: Table): Table => ({
  ...table,
  sets: table.sets.map((set) => (set.name === 'nodeport-ips' ? { ...set, elements: [] } : set)),
});
const ask = { from: 'external', node: 'node-1', dst: '10.240.0.11', dport: 30080, protocol: 'TCP' };

test('what somebody did explains a NodePort that is not served before what follows from it', () => {
  const context = smallCluster({ edit: emptied, ask });
  const found = diagnose(context);
  const { explainedBy } = explainAsked(context, questionOf(context), found);
  expect(explainedBy.map(({ code }) => code)).toEqual(['proxy-rules-altered', 'nodeport-address-not-served']);
  const [cause, served] = explainedBy;
  expect(served?.causes).toEqual([{ code: cause?.code, nodes: cause?.nodes, services: cause?.services }]);
  expect(served?.remedy).not.toContain('nodePortAddresses');
});

describe('what somebody changed for all Services explains what met it', () => {
  const connection = { from: 'shop/pod-1-2', dst: '10.96.0.10', dport: 80, protocol: 'TCP' };
  const codesOf = (edit: (table: Table) => Table, asked: object = connection) => {
    const context = smallCluster({ edit, ask: { ...asked } });
    const { explainedBy, results } = explainAsked(context, questionOf(context), diagnose(context));
    expect(results.ok).toBeUndefined();
    return explainedBy.map(({ code }) => code);
  };
  const chains =
    (name: string, rules: Table['chains'][number]['rules'] = []) =>
    (table: Table): Table => ({
      ...table,
      chains: table.chains.map((chain) => (chain.name === name ? { ...chain, rules } : chain)),
    });
  const drop: Table['chains'][number] = {
    name: 'mine',
    handle: 99,
    rules: [],
    base: { type: 'filter', hook: 'forward', prio: 5, policy: 'drop', devices: [] },
  };
  test('an emptied chain on the way', () => {
    expect(codesOf(chains('services'))).toEqual(['proxy-rules-altered']);
  });
  test('the policy of an added chain', () => {
    expect(codesOf((table) => ({ ...table, chains: [...table.chains, drop] }))).toEqual(['proxy-rules-altered']);
  });
  test('a pod among the ClusterIPs, asked for itself', () => {
    const edit = (table: Table): Table => ({
      ...table,
      sets: table.sets.map((set) =>
        set.name === 'cluster-ips' ? { ...set, elements: [...set.elements, { key: '10.244.2.2' }] } : set,
      ),
    });
    expect(codesOf(edit, { ...connection, dst: '10.244.2.2', dport: 8080 })).toEqual(['proxy-rules-altered']);
  });
  test('after what is wrong with the Service itself, and not at all where the packet never met it', () => {
    const codes = (chain: string) => {
      const context = smallCluster({ edit: chains(chain), endpoints: [], ask: connection });
      return explainAsked(context, questionOf(context), diagnose(context)).explainedBy.map(({ code }) => code);
    };
    expect(codes('firewall-check')).toEqual(['no-endpoints', 'proxy-rules-altered']);
    expect(codes('masquerading')).toEqual(['no-endpoints']);
  });
});

test('a pod that is no endpoint of the Service asked for is named, and what leads there', () => {
  const connection = { from: 'shop/pod-1-3', dst: '10.96.0.10', dport: 80, protocol: 'TCP' };
  const astrayOf = (seen: readonly string[]) => {
    const context = smallCluster({ endpoints: ['10.244.1.3'], seen, ask: connection });
    const { astray, explainedBy } = explainAsked(context, questionOf(context), diagnose(context));
    return [astray, explainedBy.map(({ code }) => code)];
  };
  expect(astrayOf(['10.244.1.3'])).toEqual([[], []]);
  const [astray, codes] = astrayOf(['10.244.1.2']);
  expect(astray).toEqual(['shop/pod-1-2']);
  expect(codes).toContain('endpoint-stale-on-node');
});
