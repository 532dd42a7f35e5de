import { expect, test } from 'vitest';
import type { FileReading } from '../../world/capture-files';
import { Redactor, type Texts } from './redactor';
import { hashesOf } from './testing/renamings';

const filesOf = (files: { readonly [name: string]: unknown }): Texts =>
  new Map(
    Object.entries(files).map(([name, value]): [string, FileReading] => [
      name,
      { kind: 'read', content: JSON.stringify(value) },
    ]),
  );
const contentOf = (files: Texts, name: string): unknown => {
  const file = files.get(name);
  return file?.kind === 'read' ? JSON.parse(file.content) : undefined;
};

const slice = { metadata: { name: 's' }, endpoints: [{ addresses: ['10.0.0.1'] }] };
const CLUSTER = filesOf({ 'endpointslices.json': { kind: 'List', items: [slice] } });
const dnat = {
  addr: {
    map: {
      key: { numgen: { mode: 'random', mod: 2 } },
      data: {
        set: [
          [0, '10.0.0.9'],
          [1, '10.0.0.10'],
        ],
      },
    },
  },
};
const rule = (table: string, address: string) => ({
  rule: { family: 'ip', table, chain: 'c', handle: 1, expr: [{ dnat: { addr: address } }] },
});
const NODE = filesOf({
  'nft.json': {
    nftables: [
      { rule: { family: 'ip', table: 'kube-proxy', chain: 'c', handle: 1, expr: [{ dnat }] } },
      rule('kube-proxy', '10.0.0.100'),
      rule('of-others', '10.0.0.50'),
    ],
  },
});

test('a node has the endpoints of its rules and of the cluster in the order of their own addresses', () => {
  const redactor = new Redactor(hashesOf('a key'), CLUSTER);
  // As texts with `:` behind them.
  const order = ['10.0.0.100', '10.0.0.10', '10.0.0.1', '10.0.0.9'];
  const redacted = redactor.nodeFiles(NODE);
  expect(contentOf(redacted, 'endpoint-order.json')).toEqual(order.map((address) => redactor.address(address)));
  // Redacted again, it has the order of the first originals.
  const again = new Redactor(hashesOf('another key'), redactor.clusterFiles(CLUSTER));
  expect(contentOf(again.nodeFiles(redacted), 'endpoint-order.json')).toEqual(
    order.map((address) => again.address(redactor.address(address) ?? '')),
  );
});

test('a node without endpoints has no such file', () => {
  const redactor = new Redactor(hashesOf('a key'), new Map());
  expect([...redactor.nodeFiles(filesOf({ 'nft.json': { nftables: [] } })).keys()]).toEqual(['nft.json']);
});
