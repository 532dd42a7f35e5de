import { expect, test } from 'vitest';
import type { Table } from '../../nft/model';
import { fleet, type Objects, service, slice } from '../testing/fleet';
import { heldClients } from './connections';
import { affinityFindings } from './node-findings';

const WEB = service('web', { sessionAffinity: 'ClientIP' });
const TWO: Objects = { services: [WEB], slices: [slice('web', ['10.244.1.5', '10.244.2.5'])] };
const ONE: Objects = { services: [WEB], slices: [slice('web', ['10.244.2.5'])] };

/** A client in every affinity set; `more` stay without a rule that reads them. */
const held =
  (...more: Table['sets']) =>
  (table: Table): Table => ({
    ...table,
    sets: [...table.sets, ...more].map((set) =>
      set.name.startsWith('affinity-')
        ? { ...set, elements: [{ key: '10.244.1.9', timeout: 10_800, expires: 9 }] }
        : set,
    ),
  });
const endpoints = (now: Objects, seen: Objects, ...more: Table['sets']): readonly string[] =>
  heldClients(fleet(now, [{ name: 'node-1', seen, edit: held(...more) }]).network).map(
    ({ endpoint }) => endpoint.address,
  );

test('a client that is sent to an endpoint that is gone', () => {
  expect(endpoints(ONE, TWO)).toEqual(['10.244.1.5']);
  expect(endpoints(TWO, TWO)).toEqual([]);
});

test('one without a timeout is held for good', () => {
  const summary = (element: Table['sets'][number]['elements'][number]) => {
    const edit = (table: Table): Table => ({
      ...table,
      sets: table.sets.map((set) => (set.name.startsWith('affinity-') ? { ...set, elements: [element] } : set)),
    });
    return affinityFindings(fleet(ONE, [{ name: 'node-1', seen: TWO, edit }]))[0]?.summary;
  };
  expect(summary({ key: '10.244.1.9' })).toContain('every new connection, for good');
  expect(summary({ key: '10.244.1.9', expires: 12 })).toContain('until the affinity runs out');
  expect(summary({ key: { kind: 'elem', val: '10.244.1.9', expires: 12 } })).toContain('until the affinity runs out');
});

test('a set that no rule reads any more holds nobody', () => {
  const old = fleet(TWO).nodes[0]?.ruleset?.tables[0]?.sets.filter(({ name }) => name.includes('__10.244.1.5'));
  expect(old).toHaveLength(1);
  expect(endpoints(ONE, ONE, ...(old ?? []))).toEqual([]);
});
