/** The objects of a cluster, followed or listed: files as under cluster/ of a capture, and the pods that can read nodes. */
import 'server-only';
import { setMaxListeners } from 'node:events';
import type { FileReading } from '@/lib/world/capture-files';
import type { RawFiles } from '../sources/source';
import type { KubeClient } from './kube-client';
import { ListText } from './list-text';
import { type ListState, ListWatch, type ListWatchOptions, type Resource, type Times } from './list-watch';
import { MINIMAL, type Minimal } from './minimal-objects';
import { type NamedPods, type NodePod, type PodUse, podUse, type RefusedPod } from './node-pods';
import { type ProxyConfig, readProxyConfig } from './proxy-config';
import { describeTrouble, passes, type Trouble } from './trouble';

/** What is kept of an object. */
interface Kept {
  readonly text: string;
  readonly use?: PodUse | undefined;
}
interface Followed {
  readonly file: string;
  readonly resource: Resource;
  readonly minimal: Minimal;
}
const core = (resource: string) => ({ group: '', resource, path: `/api/v1/${resource}` });
const grouped = (group: string, resource: string) => ({ group, resource, path: `/apis/${group}/v1/${resource}` });
const FOLLOWED: readonly Followed[] = [
  { file: 'services.json', resource: core('services'), minimal: MINIMAL.service },
  {
    file: 'endpointslices.json',
    resource: grouped('discovery.k8s.io', 'endpointslices'),
    minimal: MINIMAL.endpointSlice,
  },
  { file: 'nodes.json', resource: core('nodes'), minimal: MINIMAL.node },
  { file: 'pods.json', resource: core('pods'), minimal: MINIMAL.pod },
  { file: 'namespaces.json', resource: core('namespaces'), minimal: MINIMAL.namespace },
  {
    file: 'networkpolicies.json',
    resource: grouped('networking.k8s.io', 'networkpolicies'),
    minimal: MINIMAL.networkPolicy,
  },
];
const SERVICE_CIDRS = grouped('networking.k8s.io', 'servicecidrs');
const SIDE_MS = 60_000;

export interface ClusterObjectsOptions {
  readonly client: KubeClient;
  readonly named: NamedPods;
  readonly times?: Partial<Times>;
  readonly random?: () => number;
}
export type ObjectsChange =
  | { readonly kind: 'changed'; readonly file: string }
  /** Undefined: everything is heard again. */
  | { readonly kind: 'lost'; readonly why: string | undefined };

export class ClusterObjects {
  readonly #client: KubeClient;
  readonly #lists = new Map<string, ListWatch<Kept>>();
  readonly #files = new Map<string, Uint8Array>();
  readonly #changes = new Map<string, number>();
  readonly #texts = new Map<string, ListText>();
  readonly #listeners = new Set<(change: ObjectsChange) => void>();
  readonly #side = new Map<string, FileReading<Uint8Array>>();
  #proxy: ProxyConfig | undefined;
  /** Made anew when pods change, or nodes. */
  #uses: { readonly pods: readonly NodePod[]; readonly refused: readonly RefusedPod[] } | undefined;
  #nodes: readonly string[] | undefined;
  #sideAt = Number.NEGATIVE_INFINITY;
  #why: string | undefined;
  #following = 0;
  #controller = new AbortController();
  #first: Promise<void> | undefined;

  constructor({ client, named, ...more }: ClusterObjectsOptions) {
    this.#client = client;
    for (const { file, resource, minimal } of FOLLOWED) {
      const isPods = resource.resource === 'pods';
      const options: ListWatchOptions<Kept> = {
        ...more,
        client,
        resource,
        keep: (object) => ({
          text: JSON.stringify(minimal(object)),
          ...(isPods && { use: podUse(object, named) }),
        }),
        same: (a, b) => a.text === b.text && JSON.stringify(a.use) === JSON.stringify(b.use),
        changed: (key) => {
          this.#files.delete(file);
          this.#texts.get(file)?.changed(key);
          this.#changes.set(file, (this.#changes.get(file) ?? 0) + 1);
          if (isPods) this.#uses = undefined;
          if (file === 'nodes.json') this.#nodes = undefined;
          this.#tell({ kind: 'changed', file });
        },
        turned: () => this.#turned(),
      };
      this.#lists.set(file, new ListWatch(options));
      this.#texts.set(file, new ListText());
    }
  }

  get isFollowing(): boolean {
    return this.#following > 0;
  }

  /** Watches until the signal. */
  follow(signal: AbortSignal): void {
    if (signal.aborted) return;
    this.#following += 1;
    const leave = () => {
      this.#following -= 1;
      if (this.#following === 0) this.#controller.abort();
    };
    signal.addEventListener('abort', leave, { once: true });
    if (this.#following > 1) return;
    this.#controller = new AbortController();
    setMaxListeners(0, this.#controller.signal);
    for (const list of this.#lists.values()) void list.run(this.#controller.signal);
  }

  listen(listener: (change: ObjectsChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Lists everything anew, unless it is followed and was read. Who asks meanwhile waits for the same. */
  refresh(signal: AbortSignal): Promise<void> {
    const open = [...this.#lists.values()].filter(
      ({ state }) => !this.isFollowing || state.kind === 'unread' || (state.kind === 'read' && !state.watching),
    );
    if (open.length === 0) return this.#readSide(signal);
    this.#first ??= Promise.all([...open.map((list) => list.list(signal)), this.#readSide(signal)])
      .then(() => undefined)
      .finally(() => {
        this.#first = undefined;
      });
    return this.#first;
  }

  state(file: string): ListState {
    return this.#lists.get(file)?.state ?? { kind: 'unread' };
  }

  /** Names of the Node objects. */
  get nodes(): readonly string[] {
    this.#nodes ??= [...(this.#lists.get('nodes.json')?.held.keys() ?? [])].map((key) => key.slice(1)).sort();
    return this.#nodes;
  }

  /** Those that can read nodes, and those that only look so. */
  get pods(): { readonly pods: readonly NodePod[]; readonly refused: readonly RefusedPod[] } {
    if (this.#uses === undefined) {
      const uses = [...(this.#lists.get('pods.json')?.held.values() ?? [])].flatMap(({ use }) => use ?? []);
      this.#uses = {
        pods: uses.flatMap((use) => (use.kind === 'reads' ? use.pod : [])),
        refused: uses.flatMap((use) => (use.kind === 'refused' ? use.pod : [])),
      };
    }
    return this.#uses;
  }

  /** Pods were listed, now or before. */
  get hasPods(): boolean {
    return (this.#lists.get('pods.json')?.held.size ?? 0) > 0;
  }

  /** What is told as lost now. */
  get lost(): string | undefined {
    return this.#why;
  }

  /** Why the API server cannot be asked for anything now: no list can, but those that may not be seen. */
  get outage(): string | undefined {
    const states = [...this.#lists.values()].map(({ state }) => state);
    const asked = states.filter((state) => state.kind !== 'lost' || state.trouble.kind !== 'forbidden');
    const troubles = asked.flatMap((state) => (state.kind === 'lost' && passes(state.trouble) ? [state.trouble] : []));
    const [first] = troubles;
    return first === undefined || troubles.length < asked.length ? undefined : describeTrouble(first);
  }

  get proxy(): ProxyConfig | undefined {
    return this.#proxy;
  }

  /** As under cluster/ of a capture, in steps. What is held of before a break is given as it was: the loss is told by `listen`. */
  *files(): Generator<void, RawFiles> {
    const files = new Map<string, FileReading<Uint8Array>>(this.#side);
    for (const [file, list] of this.#lists) {
      const { state, held } = list;
      const isForbidden = state.kind === 'lost' && state.trouble.kind === 'forbidden';
      if (state.kind === 'unread') continue;
      if (state.kind === 'lost' && (held.size === 0 || isForbidden))
        files.set(file, failure(FOLLOWED.find((one) => one.file === file)?.resource.path ?? file, state.trouble));
      else files.set(file, { kind: 'read', content: yield* this.#content(file, list) });
    }
    return files;
  }

  *#content(file: string, list: ListWatch<Kept>): Generator<void, Uint8Array> {
    const known = this.#files.get(file);
    if (known !== undefined) return known;
    const changes = this.#changes.get(file);
    const content = yield* (this.#texts.get(file) ?? new ListText()).content(list.held);
    // Something changed meanwhile: that is told, and makes another one.
    if (changes === this.#changes.get(file)) this.#files.set(file, content);
    return content;
  }

  /** What is not watched: the version, ServiceCIDRs and kube-proxy's configuration. */
  async #readSide(signal: AbortSignal): Promise<void> {
    if (performance.now() - this.#sideAt < SIDE_MS) return;
    this.#sideAt = performance.now();
    const get = { verb: 'get', resource: '/version', group: '' };
    const [version, cidrs, proxy] = await Promise.all([
      this.#client.json('/version', { signal, right: get }),
      this.#client.json(SERVICE_CIDRS.path, { signal, right: { verb: 'list', ...SERVICE_CIDRS } }),
      readProxyConfig(this.#client, signal),
    ]);
    const put = (file: string, value: object) => {
      const content = Buffer.from(`${JSON.stringify(value)}\n`);
      const known = this.#side.get(file);
      // What is the same stays the same body.
      if (known?.kind !== 'read' || !content.equals(known.content)) this.#side.set(file, { kind: 'read', content });
    };
    if (version.ok) put('version.json', version.value as object);
    else this.#side.set('version.json', failure('/version', version.trouble));
    if (cidrs.ok) {
      const { items = [] } = cidrs.value as { readonly items?: readonly unknown[] };
      put('servicecidrs.json', { apiVersion: 'v1', kind: 'List', items: items.map(MINIMAL.serviceCidr) });
    }
    // API servers before 1.33 have none.
    else if (cidrs.trouble.kind === 'status' && cidrs.trouble.status === 404) this.#side.delete('servicecidrs.json');
    else this.#side.set('servicecidrs.json', failure(SERVICE_CIDRS.path, cidrs.trouble));
    if (proxy.ok) {
      this.#proxy = proxy.value;
      if (proxy.value === undefined) this.#side.delete('kube-proxy.json');
      else put('kube-proxy.json', proxy.value);
    } else this.#side.set('kube-proxy.json', failure('/api/v1/namespaces/kube-system/configmaps', proxy.trouble));
    // Asked again soon: the API server was not there.
    if (!version.ok) this.#sideAt = Number.NEGATIVE_INFINITY;
  }

  #turned(): void {
    const troubles = [...this.#lists.values()].flatMap(({ state }) =>
      state.kind === 'lost' && state.trouble.kind !== 'forbidden' ? [state.trouble] : [],
    );
    const why = troubles[0] === undefined ? undefined : describeTrouble(troubles[0]);
    if (why === this.#why) return;
    const wasLost = this.#why !== undefined;
    this.#why = why;
    if (why !== undefined || wasLost) this.#tell({ kind: 'lost', why });
  }

  #tell(change: ObjectsChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}

/** `GET PATH`: nothing was run, so it has the exit status of a kubectl that is refused. */
function failure(path: string, trouble: Trouble): FileReading<Uint8Array> {
  return { kind: 'failed', failure: { command: `GET ${path}`, exitStatus: 1, stderr: describeTrouble(trouble) } };
}
