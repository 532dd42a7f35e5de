/** The demo capture with changes that a test makes to its files. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openNode } from '@/lib/api/open-node';
import { buildNetwork, type Network } from '@/lib/reach/network';
import { decodeQuestion, type ReachResult, reach } from '@/lib/reach/query';
import type { World } from '@/lib/world/world';
import { openPath } from '@/server/sources/open-source';
import { DEFAULT_LIMITS, type RawFiles } from '@/server/sources/source';

const DEMO = fileURLToPath(new URL('../public/demo/shop-3node.tar.gz', import.meta.url));
const NODES = ['node-1', 'node-2', 'node-3'];

/** A pod on node-1, and one on node-2. */
export const WEB_1 = { pod: 'shop/web-6d4f8b7c9-2hxkz', ip: '10.244.1.3', ip6: 'fd00:10:244:1::3' };
export const WEB_2 = { pod: 'shop/web-6d4f8b7c9-7pqrs', ip: '10.244.2.3', ip6: 'fd00:10:244:2::3' };

export const drop = { drop: null };
export const match = (left: object, right: unknown, op = '==') => ({ match: { op, left, right } });
export const field = (protocol: string, name: string) => ({ payload: { protocol, field: name } });
export const meta = (key: string) => ({ meta: { key } });

export class DemoCluster {
  readonly #parts = new Map<string, Map<string, Uint8Array>>();

  static async open(): Promise<DemoCluster> {
    const { signal } = new AbortController();
    const source = await openPath(DEMO, DEFAULT_LIMITS);
    if (!source.ok) throw new Error(source.problem.say);
    const made = new DemoCluster();
    const cluster = await source.value.cluster(signal);
    if (!cluster.ok) throw new Error(cluster.problem.say);
    made.#take('cluster', cluster.value.files);
    for (const node of NODES) {
      const capture = await source.value.node(node, signal);
      if (!capture.ok) throw new Error(capture.problem.say);
      made.#take(`nodes/${node}`, capture.value.files);
    }
    return made;
  }

  #take(folder: string, files: RawFiles): void {
    const read = [...files].flatMap(([name, file]) => (file.kind === 'read' ? [[name, file.content] as const] : []));
    this.#parts.set(folder, new Map(read));
  }

  #folder(path: string): readonly [Map<string, Uint8Array>, string] {
    const folder = this.#parts.get(dirname(path));
    if (folder === undefined) throw new Error(`no folder of ${path}`);
    return [folder, path.slice(dirname(path).length + 1)];
  }

  text(path: string): string {
    const [folder, name] = this.#folder(path);
    return new TextDecoder().decode(folder.get(name));
  }

  write(path: string, text: string): this {
    const [folder, name] = this.#folder(path);
    folder.set(name, new TextEncoder().encode(text));
    return this;
  }

  without(path: string): this {
    const [folder, name] = this.#folder(path);
    folder.delete(name);
    return this;
  }

  withoutNode(name: string): this {
    this.#parts.delete(`nodes/${name}`);
    return this;
  }

  /** Changes what a JSON file holds: in place, or to what `change` returns. */
  edit<T>(path: string, change: (json: T) => T | undefined): this {
    const json = JSON.parse(this.text(path)) as T;
    return this.write(path, JSON.stringify(change(json) ?? json));
  }

  /** Changes the items of a list of objects. */
  // biome-ignore lint/suspicious/noExplicitAny: objects of Kubernetes as kubectl prints them
  objects(file: string, change: (items: any[]) => void): this {
    // biome-ignore lint/suspicious/noExplicitAny: as above
    return this.edit<{ items: any[] }>(`cluster/${file}`, ({ items }) => {
      change(items);
      return undefined;
    });
  }

  /** A copy of a pod in its node's network, named `name`, with these ports. */
  hostPod(name: string, node: string, ports: readonly object[], change: (pod: HostPod) => void = () => {}): this {
    return this.objects('pods.json', (items) => {
      const model = items.find(({ spec }) => spec.nodeName === node && spec.hostNetwork === true);
      const pod: HostPod = structuredClone(model);
      pod.metadata = { ...pod.metadata, name, namespace: 'kube-system' };
      const [container] = pod.spec.containers;
      if (container !== undefined) container.ports = ports;
      change(pod);
      items.unshift(pod);
    });
  }

  /** A table of its own with one chain, after all others of the hook's place. */
  chain(node: string, base: object, rules: readonly (readonly object[])[]): this {
    const table = `own-${this.text(`nodes/${node}/nft.json`).length}`;
    const at = { family: 'inet', table };
    const chain = { ...at, name: 'c', handle: 1, type: 'filter', prio: 0, policy: 'accept', ...base };
    this.without(`nodes/${node}/nft.txt`);
    return this.edit<{ nftables: object[] }>(`nodes/${node}/nft.json`, ({ nftables }) => {
      nftables.push({ table: { family: 'inet', name: table, handle: 900 } }, { chain });
      rules.forEach((expr, i) => {
        nftables.push({ rule: { ...at, chain: 'c', handle: 10 + i, expr } });
      });
      return undefined;
    });
  }

  network(): Network {
    const cluster = asRead(this.#parts.get('cluster'));
    const worlds = new Map<string, World>();
    let built: ReturnType<typeof openNode>['cluster'] | undefined;
    for (const node of NODES) {
      const files = this.#parts.get(`nodes/${node}`);
      if (files === undefined) continue;
      const input = { node, files: asRead(files), cluster, capturedAt: undefined, version: '' };
      const open = openNode(input, built);
      built = open.cluster;
      worlds.set(node, open.world);
    }
    if (built === undefined) throw new Error('no node');
    return buildNetwork(built.cluster, worlds);
  }

  ask(question: object, network = this.network()): ReachResult {
    const asked = decodeQuestion({ ...question }, network);
    if (!asked.ok) throw new Error(`${asked.problem.path}: ${asked.problem.say}`);
    return reach(network, asked.value);
  }

  /** Writes it as a folder, for those who read captures. */
  folder(): string {
    const root = mkdtempSync(join(tmpdir(), 'nftscope-demo-'));
    for (const [folder, files] of this.#parts) {
      mkdirSync(join(root, folder), { recursive: true });
      for (const [name, content] of files) writeFileSync(join(root, folder, name), content);
    }
    return root;
  }
}

interface HostPod {
  metadata: { name: string; namespace: string };
  spec: { containers: { ports: readonly object[] }[] };
  status: { phase: string; conditions: { type: string; status: string }[] };
}

const asRead = (files: ReadonlyMap<string, Uint8Array> = new Map()): RawFiles =>
  new Map([...files].map(([name, content]) => [name, { kind: 'read', content }]));

/** What an answer comes to: the result, or the codes of why it is undecided. */
export const resultOf = (answer: ReachResult): string =>
  'undecided' in answer ? answer.undecided.map(({ code }) => code).join(' ') : answer.result;
export const assumedOf = (answer: ReachResult): string => ('undecided' in answer ? '' : answer.assumed.join(' '));
export const backendsOf = (answer: ReachResult): readonly string[] => ('undecided' in answer ? [] : answer.backends);
