import { expect, test } from 'vitest';
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
