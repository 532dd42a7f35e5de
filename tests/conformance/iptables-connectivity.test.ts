/** Rules made by iptables, traced on captured nodes, against what real connections through those nodes did. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openNode } from '@/lib/api/open-node';
import type { World } from '@/lib/world/world';
import { openPath } from '@/server/sources/open-source';
import { DEFAULT_LIMITS } from '@/server/sources/source';
import { describeShared } from '../shared';
import { judgeRow, podAddresses, type Row } from './iptables-rows';

/** Captures that hold iptables-save, and the node it was read on. `byNature`: rows that hang on a list no capture holds. */
const CAPTURES = [
  { path: 'shop-iptables-node', node: 'node-4', rows: 'connectivity.json', least: 200, byNature: 12 },
  { path: 'faults/node-in-iptables-mode', node: 'node-2', rows: 'symptom', least: 2, byNature: 0 },
  { path: 'faults/iptables-leftovers', node: 'node-1', rows: 'symptom', least: 2, byNature: 0 },
] as const;

async function read(path: string, node: string): Promise<{ readonly world: World; readonly pods: string }> {
  const source = await openPath(path, DEFAULT_LIMITS);
  if (!source.ok) throw new Error(source.problem.say);
  const { signal } = new AbortController();
  const captured = await source.value.node(node, signal);
  const cluster = await source.value.cluster(signal);
  if (!captured.ok || !cluster.ok) throw new Error(`cannot read ${node} of ${path}`);
  const pods = cluster.value.files.get('pods.json');
  if (pods?.kind !== 'read') throw new Error('no pods.json');
  const input = {
    node,
    version: 'test',
    capturedAt: undefined,
    files: captured.value.files,
    cluster: cluster.value.files,
  };
  return { world: openNode(input).world, pods: new TextDecoder().decode(pods.content) };
}

interface Symptom extends Omit<Row, 'result'> {
  readonly after: string;
  readonly backendsAfter?: readonly string[];
}
function symptoms(file: string): readonly Row[] {
  const { symptom } = JSON.parse(readFileSync(file, 'utf8')) as { readonly symptom: readonly Symptom[] };
  return symptom.map((s) => ({ ...s, result: s.after, backends: s.backendsAfter ?? [] }));
}

describeShared('connections through nodes with rules made by iptables', (dir) => {
  test.each(CAPTURES)('$path $node', async ({ path, node, rows: kind, least, byNature }) => {
    const base = join(dir, 'captures', path);
    const { world, pods } = await read(kind === 'symptom' ? `${base}.tar.gz` : base, node);
    const rows =
      kind === 'symptom'
        ? symptoms(`${base}.fault.json`).map((r) => ({ ...r, via: node }))
        : (JSON.parse(readFileSync(join(base, kind), 'utf8')) as readonly Row[]);
    const addresses = podAddresses(pods);
    const judged = rows.flatMap((row) => judgeRow(row, node, world, addresses) ?? []);
    const open = judged.filter((j) => j.verdict === 'undecided-by-nature');
    const bad = judged.filter((j) => j.verdict === 'differs' || j.verdict === 'undecided');
    expect(bad.map((j) => `${j.name}: ${j.verdict}: ${j.say}`)).toEqual([]);
    expect(open.length).toBeLessThanOrEqual(byNature);
    expect(judged.length - open.length).toBeGreaterThanOrEqual(least);
  });
});
