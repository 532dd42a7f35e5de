import { expect, test } from 'vitest';
import { decodeDiagnosis, diagnosisView, type RawDiagnosis } from './diagnosis';
import { LISTING } from './testing/node';

const read = (value: unknown) => ({ kind: 'read', content: new TextEncoder().encode(JSON.stringify(value)) }) as const;

const service = (name: string, clusterIP: string) => ({
  metadata: { namespace: 'shop', name },
  spec: {
    type: 'ClusterIP',
    clusterIP,
    clusterIPs: [clusterIP],
    ipFamilies: ['IPv4'],
    selector: { app: name },
    ports: [{ name: 'http', port: 80, targetPort: 80, protocol: 'TCP' }],
  },
});
const raw: RawDiagnosis = {
  cluster: new Map([
    ['services.json', read({ items: [service('api', '10.96.0.7'), service('web', '10.96.0.8')] })],
    ['endpointslices.json', read({ items: [] })],
    ['pods.json', read({ items: [] })],
    ['nodes.json', read({ items: [] })],
  ]),
  nodes: [
    { name: 'node-1', files: { ok: true, value: new Map([['nft.json', read(LISTING)]]) } },
    { name: 'node-2', files: { ok: false, problem: { code: 'SRC-012', say: 'It crashed.', do: 'Look.' } } },
  ],
};
const view = (of: RawDiagnosis = raw) => {
  const found = diagnosisView(decodeDiagnosis(of), undefined);
  if (!found.ok) throw new Error(found.problem.say);
  return found.value;
};

test('two findings of one code have different ids, and the same ones when asked again', () => {
  const ids = view()
    .findings.filter(({ code }) => code === 'no-endpoints')
    .map(({ id }) => id);
  expect(ids).toHaveLength(2);
  expect(new Set(ids).size).toBe(2);
  const again = view({ ...raw, nodes: raw.nodes.slice(0, 1) }).findings.map(({ id }) => id);
  for (const id of ids) expect(again).toContain(id);
});

test('a node that could not be read is named with the reason; what was not read of the cluster is null', () => {
  expect(view().looked).toMatchObject({ nodes: 2, services: 2, unknown: [{ name: 'node-2', why: 'It crashed.' }] });
  expect(view({ ...raw, cluster: new Map() }).looked).toMatchObject({ services: null, pods: null });
});

test('a question that makes no sense is a problem', () => {
  expect(diagnosisView(decodeDiagnosis(raw), { kind: 'json', json: {} })).toMatchObject({
    ok: false,
    problem: { code: 'REACH-001', path: 'from' },
  });
});
