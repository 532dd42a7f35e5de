/**
 * A cluster of many nodes: copies of node-1 of the demo capture, with names and addresses of their own and a pod on each, beside the
 * three nodes that were captured. Every copy has the same rules; the captured nodes have routes to all.
 */
import { captureOf, entryOf } from '@/server/sources/capture';
import { openPath } from '@/server/sources/open-source';
import { sourceProblems } from '@/server/sources/problems';
import { DEFAULT_LIMITS, type NodeCapture, type RawFiles, type Source } from '@/server/sources/source';

const { signal } = new AbortController();
const encoder = new TextEncoder();

type Texts = ReadonlyMap<string, string>;
const textsOf = (files: RawFiles): Texts =>
  new Map(
    [...files].flatMap(([name, one]) =>
      one.kind === 'read' ? [[name, new TextDecoder().decode(one.content)] as const] : [],
    ),
  );
const bytesOf = (texts: Texts) => new Map([...texts].map(([name, text]) => [name, encoder.encode(text)]));
function must<T>(result: { readonly ok: true; readonly value: T } | { readonly ok: false }): T {
  if (!result.ok) throw new Error('the demo capture cannot be read');
  return result.value;
}

/** The copy's name, its address, and the first two numbers and third of its pod network. */
const copy = (i: number) => ({
  name: `copy-${String(i).padStart(4, '0')}`,
  address: `10.241.${i >> 8}.${i & 255}`,
  pods: `10.${100 + (i >> 8)}.${i & 255}`,
});

/** Rules keep their endpoints, which stay where they are. */
const asCopyOf = (file: string, text: string, i: number): string => {
  if (file.startsWith('nft')) return text.replaceAll('10.240.0.11', copy(i).address);
  if (file !== 'route4.json') return asCopy(text, i);
  const home = { dst: '10.244.1.0/24', gateway: '10.240.0.11', dev: 'eth0', flags: [] };
  const onLink = { dst: '10.240.0.0/16', dev: 'eth0', scope: 'link', flags: [] };
  return JSON.stringify([home, onLink, ...(JSON.parse(asCopy(text, i)) as object[])]);
};

/** node-1's words with those of a copy. IPv6 is left as it is: no question here is asked over it. */
const asCopy = (text: string, i: number): string =>
  text
    .replaceAll('10.240.0.11', copy(i).address)
    .replaceAll('10.244.1.', `${copy(i).pods}.`)
    .replaceAll('node-1', copy(i).name);

interface Item {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly nodeName?: string };
}

/** @param copies beside the three nodes of the demo capture */
export async function manyNodes(demo: string, copies: number): Promise<Source> {
  const source = must(await openPath(demo, DEFAULT_LIMITS));
  const names = must(await source.nodes(signal)).map(({ name }) => name);
  const own = new Map<string, Texts>();
  for (const name of names) own.set(name, textsOf(must(await source.node(name, signal)).files));
  const cluster = new Map(textsOf(must(await source.cluster(signal)).files));
  const all = Array.from({ length: copies }, (_, i) => i);
  const grown = (file: string, isOf: (item: Item) => boolean) => {
    const list = JSON.parse(cluster.get(file) ?? '') as { items: Item[] };
    const like = list.items.filter(isOf).map((item) => JSON.stringify(item));
    const items = all.flatMap((i) =>
      like.map((item) => JSON.parse(asCopy(item, i).replaceAll('web-6d4f8b7c9-2hxkz', `web-${copy(i).name}`))),
    );
    cluster.set(file, JSON.stringify({ ...list, items: [...list.items, ...items] }));
  };
  grown('nodes.json', ({ metadata }) => metadata.name === 'node-1');
  grown('pods.json', ({ metadata }) => metadata.name === 'web-6d4f8b7c9-2hxkz');
  const routes = all.map((i) => ({ dst: `${copy(i).pods}.0/24`, gateway: copy(i).address, dev: 'eth0', flags: [] }));
  const onLink = { dst: '10.241.0.0/16', dev: 'eth0', scope: 'link', flags: [] };
  const captured = new Map(
    [...own].map(([name, texts]) => {
      const known = JSON.parse(texts.get('route4.json') ?? '') as object[];
      return [
        name,
        captureOf(
          bytesOf(new Map([...texts, ['route4.json', JSON.stringify([onLink, ...routes, ...known])]])),
          undefined,
        ),
      ];
    }),
  );
  const model = new Map([...(own.get('node-1') ?? [])].filter(([file]) => file !== 'conntrack.txt'));
  const made = (i: number): NodeCapture =>
    captureOf(bytesOf(new Map([...model].map(([file, text]) => [file, asCopyOf(file, text, i)]))), undefined);
  const files = captureOf(bytesOf(cluster), undefined).files;
  return {
    describe: () => ({ kind: 'bundle', name: 'many', live: false }),
    nodes: async () => ({
      ok: true,
      value: [...names, ...all.map((i) => copy(i).name)]
        .sort()
        .map((name) => entryOf(name, undefined, new Map(), undefined))
        .map((entry) => ({ ...entry, listing: 'present' as const })),
    }),
    async node(name, at) {
      if (at.aborted) return { ok: false, problem: sourceProblems.cancelled() };
      const known = captured.get(name);
      return { ok: true, value: known ?? made(Number(name.slice('copy-'.length))) };
    },
    cluster: async () => ({ ok: true, value: { files } }),
  };
}
