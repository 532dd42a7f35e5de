/**
 * Where the nodes of one source are decoded for views of all of them: in this thread as long as listings are small, in a thread of
 * its own from the first one on that is not.
 */
import 'server-only';
import { createHash } from 'node:crypto';
import { type DeskNode, type DriftReply, type FleetReply, NodesDesk } from '@/lib/api/nodes-desk';
import type { FleetGroup } from '@/lib/fleet/groups';
import { failed, ok, type Result } from '@/lib/net/result';
import { limited } from '../kube/limited';
import type { RawFiles } from '../sources/source';
import { inTurns } from './in-turns';
import type { Described } from './look-at';
import { storeProblems } from './store-problems';
import { workerFile } from './worker-file';
import { WorkerPort } from './worker-session';

/** Decoding a listing of this size holds a thread for about 10 ms. */
const DESK_BYTES = 200e3;

/** Of what there is in the worker, in the order of requests. */
interface Remote {
  readonly port: WorkerPort;
  clusterFiles: RawFiles | undefined;
}

export class Desk {
  readonly #here = new NodesDesk();
  #remote: Remote | undefined;
  /** One question at a time: which of them is too much for the worker is then certain. */
  readonly #inTurn = limited(1);
  /** Listings that the worker died of. */
  readonly #tooLarge = new Set<string>();

  /**
   * @param onLost what was asked before is no longer known: every node has to be asked about again
   * @param worker the bundled worker, if there is one
   */
  constructor(
    readonly onLost: () => void = () => undefined,
    readonly worker: () => string | undefined = workerFile,
    readonly heapMb?: number,
  ) {}

  fleet(node: string, files: RawFiles, described: Described): Promise<Result<FleetReply>> {
    return this.#ask('desk-fleet', node, files, described, (one) => this.#here.fleet(one));
  }

  drift(node: string, files: RawFiles, described: Described): Promise<Result<DriftReply>> {
    return this.#ask('desk-drift', node, files, described, (one) => this.#here.drift(one));
  }

  async groups(names: readonly string[]): Promise<readonly FleetGroup[]> {
    const { port } = this.#remote ?? {};
    if (port === undefined) return inTurns(this.#here.groups(names));
    return this.#inTurn(async () => (await port.request({ kind: 'desk-groups', names })) as readonly FleetGroup[]);
  }

  close(): void {
    this.#remote?.port.close();
    this.#remote = undefined;
  }

  async #ask<T>(
    kind: 'desk-fleet' | 'desk-drift',
    node: string,
    files: RawFiles,
    described: Described,
    here: (one: DeskNode) => T,
  ): Promise<Result<T>> {
    const one = { node, files, listing: keyOf(files) };
    if (one.listing !== undefined && this.#tooLarge.has(one.listing)) return failed(storeProblems.tooLarge());
    this.#settle(files);
    if (this.#remote === undefined) {
      this.#here.setCluster(described.cluster);
      return ok(here(one));
    }
    return this.#inTurn(() => this.#askRemote<T>(kind, one, described));
  }

  /** Changes over to a worker where this listing asks for one, and there is one. */
  #settle(files: RawFiles): void {
    const listing = files.get('nft.json');
    if (this.#remote !== undefined || listing?.kind !== 'read' || listing.content.length <= DESK_BYTES) return;
    const file = this.worker();
    if (file === undefined) return;
    this.#remote = { port: new WorkerPort(file, this.heapMb), clusterFiles: undefined };
    this.onLost();
  }

  async #askRemote<T>(kind: 'desk-fleet' | 'desk-drift', one: DeskNode, described: Described): Promise<Result<T>> {
    if (one.listing !== undefined && this.#tooLarge.has(one.listing)) return failed(storeProblems.tooLarge());
    // It was closed, or died of another listing, while this one waited for its turn.
    const file = this.#remote === undefined ? this.worker() : undefined;
    if (file !== undefined) this.#remote = { port: new WorkerPort(file, this.heapMb), clusterFiles: undefined };
    const remote = this.#remote;
    if (remote === undefined) throw new Error('there is no worker any longer');
    try {
      await this.#sendCluster(remote, described.clusterFiles);
      const holds =
        one.listing !== undefined && (await remote.port.request({ kind: 'desk-holds', listing: one.listing })) === true;
      const files = holds ? withoutListing(one.files) : one.files;
      return ok((await remote.port.request({ kind, node: { ...one, files } })) as T);
    } catch (error) {
      if (!remote.port.isGone) throw error;
      if (this.#remote === remote) this.#remote = undefined;
      this.onLost();
      if ((error as NodeJS.ErrnoException).code !== 'ERR_WORKER_OUT_OF_MEMORY') throw error;
      if (one.listing !== undefined) this.#tooLarge.add(one.listing);
      return failed(storeProblems.tooLarge());
    }
  }

  /** Only what is another file than before is sent. */
  async #sendCluster(remote: Remote, files: RawFiles): Promise<void> {
    const before = remote.clusterFiles;
    if (before === files) return;
    const changed = new Map([...files].filter(([name, one]) => before?.get(name) !== one));
    const gone = [...(before?.keys() ?? [])].filter((name) => !files.has(name));
    await remote.port.request({ kind: 'desk-cluster', changed, gone });
    remote.clusterFiles = files;
  }
}

const withoutListing = (files: RawFiles): RawFiles =>
  new Map([...files].filter(([name]) => name !== 'nft.json' && name !== 'nft.txt'));

/** Equal for equal listings; undefined where there is none. */
function keyOf(files: RawFiles): string | undefined {
  if (files.get('nft.json')?.kind !== 'read') return undefined;
  let key = '';
  for (const name of ['nft.json', 'nft.txt']) {
    const reading = files.get(name);
    if (reading?.kind === 'read') key += `${name} ${hashOfBody(reading.content)} `;
  }
  return key;
}

/** Equal listings of a cluster are one body: hashed once. */
const hashes = new WeakMap<Uint8Array, string>();
function hashOfBody(content: Uint8Array): string {
  const hash = hashes.get(content) ?? createHash('sha256').update(content).digest('hex');
  hashes.set(content, hash);
  return hash;
}
