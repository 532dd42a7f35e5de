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

/** 128 bytes are taken by nft, 129 are not. Short names become longer when they are replaced. */
test.each([
  { namespace: 'n', service: 's'.repeat(63), port: 'p', bytes: 67 },
  { namespace: 'n'.repeat(63), service: 's'.repeat(62), port: 'p', bytes: 128 },
  { namespace: 'n'.repeat(62), service: 's'.repeat(63), port: 'p', bytes: 128 },
  { namespace: `${'n'.repeat(54)}-x2k4p`, service: 's'.repeat(63), port: '', bytes: 124 },
  { namespace: 'n'.repeat(63), service: 's'.repeat(63), port: 'p', bytes: 129 },
])('the comment of a port of $bytes bytes fits into nft as before, and is that of the objects', (one) => {
  const { namespace, service, port, bytes } = one;
  const metadata = { name: service, namespace };
  const cluster = filesOf({
    'services.json': {
      kind: 'List',
      items: [{ metadata, spec: { ports: [{ ...(port !== '' && { name: port }), port: 80 }] } }],
    },
  });
  const redactor = new Redactor(hashesOf('a key'), cluster);
  const comment = `${namespace}/${service}${port === '' ? '' : `:${port}`}`;
  expect(comment.length).toBe(bytes);
  const redacted = redactor.nodeFiles(
    filesOf({ 'nft.json': { nftables: [{ element: { elem: [{ elem: { val: '10.0.0.1', comment } }] } }] } }),
  );
  const { nftables } = contentOf(redacted, 'nft.json') as {
    nftables: { element: { elem: { elem: { comment: string } }[] } }[];
  };
  const written = nftables[0]?.element.elem[0]?.elem.comment ?? '';
  const { items } = contentOf(redactor.clusterFiles(cluster), 'services.json') as {
    items: { metadata: typeof metadata; spec: { ports: { name?: string }[] } }[];
  };
  const [object] = items;
  const name = object?.spec.ports[0]?.name;
  expect(written).toBe(`${object?.metadata.namespace}/${object?.metadata.name}${name === undefined ? '' : `:${name}`}`);
  expect(written.length <= 128).toBe(bytes <= 128);
  expect(written).not.toMatch(/nnn|sss/);
});

test('a comment that kube-proxy cut is cut from the other names', () => {
  const [namespace, service, port] = ['n'.repeat(63), 's'.repeat(63), 'portname'];
  const cluster = filesOf({
    'services.json': {
      kind: 'List',
      items: [{ metadata: { name: service, namespace }, spec: { ports: [{ name: port, port: 80 }] } }],
    },
  });
  const redactor = new Redactor(hashesOf('a key'), cluster);
  const comment = `${namespace}/${service}:${port}`.slice(0, 128);
  const node = filesOf({ 'nft.json': { nftables: [{ element: { elem: [{ elem: { val: '10.0.0.1', comment } }] } }] } });
  const objects = contentOf(redactor.clusterFiles(cluster), 'services.json') as {
    items: { metadata: { name: string; namespace: string }; spec: { ports: { name: string }[] } }[];
  };
  const whole = objects.items.map(
    ({ metadata, spec }) => `${metadata.namespace}/${metadata.name}:${spec.ports[0]?.name}`,
  );
  const written = contentOf(redactor.nodeFiles(node), 'nft.json');
  expect(JSON.stringify(written)).toContain(JSON.stringify(whole[0]?.slice(0, 128)));
});
