/** What every check looks at: a whole capture, opened once. What costs is computed when a check first asks for it. */
import type { Cluster } from '../cluster/cluster';
import { comparable } from '../drift/comparable';
import { driftOf, type NodeDrift } from '../drift/node-drift';
import { type CapturedNode, type ExpectedFamily, expectedOfNode } from '../expected/expected-of-node';
import { type ServiceProxy, serviceProxy } from '../fleet/service-proxy';
import type { Problem, Result } from '../net/result';
import type { Ruleset } from '../nft/model';
import { buildNetwork, type Network } from '../reach/network';
import type { Question } from '../reach/walk';
import type { Prepared } from '../sim/index';
import type { Versions } from '../world/build-world';
import type { FileReading } from '../world/capture-files';
import type { World } from '../world/world';
import { Survey } from './survey';

/** One node of the source. */
export interface NodeInput {
  readonly name: string;
  /** Why there is none: never an empty one. */
  readonly ruleset: Result<Ruleset>;
  readonly world: World;
  readonly versions: Versions;
  /** Outcomes by the file names of a capture. */
  readonly files: ReadonlyMap<string, FileReading<Uint8Array>>;
  /** Files that were read and make no sense. */
  readonly problems: ReadonlyMap<string, Problem>;
}

export interface DiagnosisInput {
  readonly cluster: Cluster;
  readonly nodes: readonly NodeInput[];
}

/** A node with what is worked out about it. */
export class NodeContext {
  #proxy: ServiceProxy | undefined;
  #drift: NodeDrift | undefined;
  #expected: Result<readonly ExpectedFamily[]> | undefined;

  constructor(
    readonly input: NodeInput,
    readonly context: Context,
  ) {}

  get name(): string {
    return this.input.name;
  }

  get world(): World {
    return this.input.world;
  }

  /** Undefined where the rules are not known. */
  get ruleset(): Ruleset | undefined {
    return this.input.ruleset.ok ? this.input.ruleset.value : undefined;
  }

  /** What serves Services here. */
  get proxy(): ServiceProxy {
    const why = this.input.ruleset.ok ? '' : this.input.ruleset.problem.say;
    this.#proxy ??= serviceProxy(this.ruleset, this.world, why);
    return this.#proxy;
  }

  /** Whether kube-proxy works, or should work, in nftables mode here. */
  get isNftables(): boolean {
    const { kind } = this.proxy;
    if (kind === 'nftables') return true;
    if (kind === 'iptables' || kind === 'ipvs') return false;
    const others = this.context.nodes.filter((other) => other !== this).map(({ proxy }) => proxy.kind);
    if (others.includes('nftables')) return true;
    // With rules of no mode, that it runs is all there is to go by.
    const isOther = others.includes('iptables') || others.includes('ipvs');
    return kind === 'none' && !isOther && this.input.versions.kubeProxy !== undefined;
  }

  /** For tracing. */
  get prepared(): Prepared | undefined {
    return this.context.network.nodes.get(this.name)?.prepared;
  }

  /** Undefined where the rules are not known, or nothing tells what they should be. */
  get drift(): NodeDrift | undefined {
    const captured = capturedNode(this);
    if (captured === undefined || this.expected?.ok !== true || !comparable(captured).ok) return undefined;
    this.#drift ??= driftOf(captured, this.expected.value, this.context.cluster);
    return this.#drift;
  }

  /** What kube-proxy should have written; undefined where the rules are not known. */
  get expected(): Result<readonly ExpectedFamily[]> | undefined {
    const captured = capturedNode(this);
    if (captured === undefined) return undefined;
    this.#expected ??= expectedOfNode(captured, this.context.asWritten, this.context.othersOf(this));
    return this.#expected;
  }
}

export class Context {
  readonly cluster: Cluster;
  /** node-2 before node-10. */
  readonly nodes: readonly NodeContext[];
  #network: Network | undefined;
  #survey: Survey | undefined;

  /** @param asked a connection that somebody asks about: some codes are reported for it only */
  constructor(
    readonly input: DiagnosisInput,
    readonly asked: ((network: Network) => Result<Question>) | undefined = undefined,
  ) {
    this.cluster = input.cluster;
    const byName = (a: NodeInput, b: NodeInput) => a.name.localeCompare(b.name, 'en', { numeric: true });
    this.nodes = [...input.nodes].sort(byName).map((node) => new NodeContext(node, this));
  }

  /**
   * The cluster without what configures kube-proxy: that is read back from each table. One written with another configuration is not
   * changed by anybody, and not behind.
   */
  get asWritten(): Cluster {
    const unknown = { known: false, why: 'it is read back from the table' } as const;
    return { ...this.cluster, proxyConfig: unknown, serviceCIDRs: unknown };
  }

  /** The nodes whose rules are known, as a network to ask. */
  get network(): Network {
    const worlds = new Map(this.nodes.map(({ name, world }) => [name, world]));
    this.#network ??= buildNetwork(this.cluster, worlds);
    return this.#network;
  }

  /** The connection that is asked about, where it makes sense. */
  get question(): Question | undefined {
    const question = this.asked?.(this.network);
    return question?.ok === true ? question.value : undefined;
  }

  /** Questions that stand for the Service traffic of the cluster, and how they end. */
  get survey(): Survey {
    this.#survey ??= new Survey(this.network, this.question);
    return this.#survey;
  }

  node(name: string): NodeContext | undefined {
    return this.nodes.find((node) => node.name === name);
  }

  /** Nodes that tell the configuration where this one has no table. */
  othersOf(node: NodeContext): readonly CapturedNode[] {
    return this.nodes.flatMap((other) => (other === node ? [] : (capturedNode(other) ?? [])));
  }
}

function capturedNode({ name, ruleset, world, input }: NodeContext): CapturedNode | undefined {
  return ruleset === undefined ? undefined : { name, ruleset, world, version: input.versions.kubeProxy };
}
