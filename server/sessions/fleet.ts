/** All nodes of one source side by side, for the Fleet view. */
import 'server-only';
import { randomBytes } from 'node:crypto';
import { type FleetAnswer, FleetLog } from '@/lib/api/fleet-changes';
import { type FleetView, fleetView, type ReadNode } from '@/lib/api/fleet-view';
import type { NodeSummary } from '@/lib/api/types';
import type { FleetGroup } from '@/lib/fleet/groups';
import type { Problem } from '@/lib/net/result';
import type { NodeCapture, Source } from '../sources/source';
import type { Desk } from './desk';
import type { Described } from './look-at';
import { Sweep } from './sweep';

export class Fleet {
  readonly #sweep: Sweep<ReadNode>;
  readonly #log = new FleetLog(randomBytes(6).toString('hex'));
  /** Of what was read; begun once for all who ask. */
  #groups: Promise<readonly FleetGroup[]> | undefined;

  constructor(
    readonly source: Source,
    readonly desk: Desk,
  ) {
    this.#sweep = new Sweep(source, {
      what: 'fleet',
      read: async (name, capture, described) =>
        capture.ok
          ? { ...(await this.#facts(name, capture.value, described)), ...beside(capture.value) }
          : unread(name, capture.problem),
      again: (known, capture) => ({ ...known, capturedAt: capture.capturedAt, ...beside(capture) }),
      onNew: () => {
        this.#groups = undefined;
      },
    });
  }

  /** What is known now; starts reading what is not. @param goOn also after it was stopped */
  async view(id: string, nodes: readonly NodeSummary[], described: Described, goOn: boolean): Promise<FleetView> {
    const { read, state } = this.#sweep.ask(nodes, described, goOn);
    const whole = nodes.every((node) => node.state === 'absent' || read.has(node.name));
    if (whole) this.#groups ??= this.desk.groups([...read.keys()]);
    const groups = whole ? await this.#groups : undefined;
    const { services, pods } = described.cluster.cluster;
    const view = fleetView({
      source: id,
      state,
      nodes,
      read,
      following: this.source.following?.(),
      groups: groups ?? [],
      services: services.known ? services.value.length : null,
      pods: pods.known ? pods.value.length : null,
    });
    return this.#log.note(view);
  }

  /** What is new in a view since an earlier one. */
  since(view: FleetView, since: string): FleetAnswer {
    return this.#log.since(view, since);
  }

  stop(): void {
    this.#sweep.stop();
  }

  /** A node is not as it was read; without a name: none is, for the cluster changed. */
  changed(node?: string): void {
    this.#sweep.changed(node);
  }

  /** The desk has lost what nodes are compared by. */
  forget(): void {
    this.#sweep.forget();
  }

  async #facts(name: string, { files, hash, capturedAt }: NodeCapture, described: Described): Promise<ReadNode> {
    const reply = await this.desk.fleet(name, files, described);
    if (!reply.ok) return unread(name, reply.problem, hash);
    const { facts, problem, capturedAt: noted } = reply.value;
    return { version: hash, capturedAt: noted ?? capturedAt, facts, problem };
  }
}

/** What is told of a reading beside its contents. */
const beside = ({ cost, reader }: NodeCapture) => ({ cost, reader });

function unread(node: string, problem: Problem, version = ''): ReadNode {
  const versions = { nft: undefined, kernel: undefined, kubeProxy: undefined };
  const proxy = { kind: 'unknown', how: problem.say, beside: null } as const;
  const facts = { node, versions, listedBy: undefined, proxy, owners: [], counts: undefined };
  return { version, capturedAt: undefined, facts, problem };
}
