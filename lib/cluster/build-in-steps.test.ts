import { describe, expect, test } from 'vitest';
import type { FileReading } from '../world/capture-files';
import { buildCluster } from './build-cluster';
import { buildInSteps, LIST_END, LIST_HEAD, type SteppedCluster } from './build-in-steps';

type Files = ReadonlyMap<string, FileReading<Uint8Array>>;
const read = (text: string): FileReading<Uint8Array> => ({ kind: 'read', content: new TextEncoder().encode(text) });
const lines = (items: readonly object[]) =>
  read(LIST_HEAD + items.map((one) => JSON.stringify(one)).join(',\n') + LIST_END);
const node = (name: string, address = '10.0.0.1') => ({
  metadata: { name, labels: { text: 'ä ] } ,' } },
  status: { addresses: [{ type: 'InternalIP', address }] },
});

function built(files: Files, before?: SteppedCluster) {
  const steps = buildInSteps(files, before);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
/** By the decoder that takes a file as a whole. */
function whole(files: Files) {
  const texts = new Map<string, FileReading>();
  for (const [name, one] of files)
    texts.set(name, one.kind === 'read' ? { kind: 'read', content: new TextDecoder().decode(one.content) } : one);
  return buildCluster(texts);
}
const files = (items: readonly object[]): Files => new Map([['nodes.json', lines(items)]]);
const MANY = Array.from({ length: 500 }, (_, i) => node(`node-${i}`, `10.0.${i >> 8}.${i & 255}`));

describe('what was decoded before is taken over, and the outcome is that of the whole', () => {
  test.each<[string, readonly object[]]>([
    ['nothing changed', MANY],
    ['one changed', MANY.with(250, node('node-250', '10.9.9.9'))],
    [
      'the first and the last changed',
      MANY.with(0, node('node-0', '10.9.9.9')).with(499, node('node-499', '10.9.9.8')),
    ],
    ['one put in', MANY.toSpliced(100, 0, node('node-new'))],
    ['one put in before the first', MANY.toSpliced(0, 0, node('a'))],
    ['one taken out', MANY.toSpliced(100, 1)],
    ['forty taken out', MANY.toSpliced(100, 40)],
    ['two neighbours changed, one put in', MANY.with(7, node('x')).with(8, node('y')).toSpliced(9, 0, node('z'))],
    ['none is left', []],
  ])('%s', (_, items) => {
    const before = built(files(MANY));
    const now = files(items);
    const after = built(now, before);
    const { cluster, problems } = whole(now);
    expect({ cluster: after.cluster, problems: after.problems }).toEqual({ cluster, problems });
  });

  test('objects that are the same are the same', () => {
    const before = built(files(MANY));
    const after = built(files(MANY.toSpliced(100, 1).with(300, node('other'))), before);
    if (!before.cluster.nodes.known || !after.cluster.nodes.known) throw new Error('not known');
    const known = new Set(before.cluster.nodes.value);
    expect(after.cluster.nodes.value.filter((one) => !known.has(one)).map(({ name }) => name)).toEqual(['other']);
  });
});

test.each<[string, FileReading<Uint8Array>]>([
  ['printed by kubectl', read(JSON.stringify({ kind: 'List', items: [node('a')] }, null, 4))],
  ['cut off', read(`${LIST_HEAD}${JSON.stringify(node('a'))},\n{"metadata":`)],
  ['one object makes no sense', lines([node('a'), { metadata: {} }])],
  ['a line is no JSON', read(`${LIST_HEAD}{},\nx${LIST_END}`)],
  ['empty', read('')],
  ['failed', { kind: 'failed', failure: { command: 'GET /', exitStatus: 1, stderr: 'no' } }],
])('another form, or a fault: %s', (_, reading) => {
  const now: Files = new Map([['nodes.json', reading]]);
  const after = built(now, built(files([node('a')])));
  const { cluster, problems } = whole(now);
  expect({ cluster: after.cluster, problems: after.problems }).toEqual({ cluster, problems });
});

test('it stops for others on its way', () => {
  let steps = 0;
  for (const _ of buildInSteps(files(MANY))) steps += 1;
  expect(steps).toBeGreaterThan(10);
});
