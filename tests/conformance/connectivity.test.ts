import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { buildCluster } from '@/lib/cluster/build-cluster';
import { decodeBytes } from '@/lib/decode/decode-bytes';
import { supplementFromText } from '@/lib/decode/supplement';
import { buildNetwork, type Network } from '@/lib/reach/network';
import { decodeQuestion, reach } from '@/lib/reach/query';
import { buildParts } from '@/lib/world/build-world';
import type { FileReading } from '@/lib/world/capture-files';
import type { World } from '@/lib/world/world';
import { describeShared } from '../shared';

interface Row {
  readonly [key: string]: unknown;
  readonly result: string;
  readonly backends: readonly string[];
  readonly sourceSeenByBackend: readonly string[];
}

function filesIn(folder: string): ReadonlyMap<string, FileReading> {
  return new Map(
    readdirSync(folder).map((name) => [name, { kind: 'read', content: readFileSync(join(folder, name), 'utf8') }]),
  );
}

function networkOf(capture: string): Network {
  const worlds = new Map<string, World>();
  for (const node of readdirSync(join(capture, 'nodes'))) {
    const folder = join(capture, 'nodes', node);
    const decoded = decodeBytes(readFileSync(join(folder, 'nft.json')));
    if (!decoded.ok) throw new Error(decoded.problem.say);
    const ruleset = supplementFromText(decoded.value, readFileSync(join(folder, 'nft.txt'), 'utf8'));
    worlds.set(node, { ...buildParts(filesIn(folder)).parts, ruleset: { known: true, value: ruleset } });
  }
  return buildNetwork(buildCluster(filesIn(join(capture, 'cluster'))).cluster, worlds);
}

/** Rows that may stay undecided: the answer lies outside the capture, or in a pod's kernel. */
const UNDECIDED: { readonly [capture: string]: number } = {
  'shop-3node': 19,
  'shop-kube-proxy-1.33': 8,
  'shop-kube-proxy-1.34': 8,
  'shop-kube-proxy-1.35': 8,
  'shop-iptables-node': 27,
};

describeShared('connections measured on real clusters', (shared) => {
  test.each(Object.entries(UNDECIDED))('%s: no row wrong', (name, undecidedMax) => {
    const capture = join(shared, 'captures', name);
    const network = networkOf(capture);
    const rows = JSON.parse(readFileSync(join(capture, 'connectivity.json'), 'utf8')) as readonly Row[];
    const wrong: unknown[] = [];
    let undecided = 0;
    for (const row of rows) {
      const question = decodeQuestion(row, network);
      if (!question.ok) throw new Error(question.problem.say);
      const answer = reach(network, question.value);
      if ('undecided' in answer) {
        undecided++;
        continue;
      }
      const right =
        answer.result === row.result &&
        row.backends.every((b) => answer.backends.includes(b)) &&
        row.sourceSeenByBackend.every((s) => answer.sourceSeenByBackend.includes(s));
      if (!right) wrong.push({ row, answer });
    }
    expect(wrong).toEqual([]);
    expect(rows.length).toBeGreaterThan(200);
    expect(undecided).toBeLessThanOrEqual(undecidedMax);
  });
});
