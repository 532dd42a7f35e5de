/**
 * What each difference of a table means: kube-proxy has not seen a Service or endpoint come or go, or somebody else wrote there. It is
 * told once, here: drift, the view of a Service and the findings say the same of the same difference.
 */
import type { Cluster } from '../cluster/cluster';
import type { ExpectedFamily } from '../expected/expected-of-node';
import { fixedNames } from '../expected/fixed-part';
import { endpointText } from '../explain/kube-proxy-name';
import { isAltered } from './altered-port';
import type { Difference } from './compare-tables';
import { changesOf } from './endpoint-moves';
import { JudgedTable, LOOKED_INTO_MAX, portOwner } from './judged-table';
import type { PortState } from './proxy-state';
import {
  isAffinity,
  isClientForGood,
  isLoneTimeout,
  isOfPod,
  retimedPorts,
  servicesOfPod,
  withoutElements,
} from './strange-parts';

/** As the codes of findings. */
export type DriftCode =
  | 'service-missing-on-node'
  | 'service-stale-on-node'
  | 'endpoint-missing-on-node'
  | 'endpoint-stale-on-node'
  | 'proxy-rules-altered';

/** What a difference is part of. */
export interface Judgement {
  readonly code: DriftCode;
  /** `NAMESPACE/NAME`; none: it concerns all. */
  readonly services: readonly string[];
  /** No packet meets it. */
  readonly isIdle: boolean;
}

/** Those that are not in the map are no fault: a change that every packet survives, or what another release left. */
export type Judgements = ReadonlyMap<Difference, readonly Judgement[]>;

/** O(rules + elements) where the table differs. */
export function judge(cluster: Cluster, family: ExpectedFamily, differences: readonly Difference[]): Judgements {
  const { actual } = family;
  if (differences.length === 0 || actual === undefined) return new Map();
  // Nothing at all is written there: that is said of the table.
  if (actual.chains.every(({ rules }) => rules.length === 0)) return new Map();
  return new Judge(cluster, { ...family, actual }, differences).run();
}

class Judge {
  readonly #found = new Map<Difference, Judgement[]>();
  readonly #table: JudgedTable;
  readonly #strange: readonly Difference[];
  readonly #rest: readonly Difference[];
  /** Endpoints that come or go with some difference: hairpin-connections follows them. */
  readonly #moved = new Set<string>();
  readonly #missing = new Set<string>();
  #lookedInto = 0;

  constructor(
    cluster: Cluster,
    family: ExpectedFamily & { readonly actual: NonNullable<ExpectedFamily['actual']> },
    differences: readonly Difference[],
  ) {
    const all = new JudgedTable(cluster, family, differences);
    const retimed = retimedPorts(differences, family.expected);
    const ofPods = differences.filter((one) => isOfPod(one, (address) => all.pod(address) !== undefined));
    this.#strange = differences.filter(
      (one) => ofPods.includes(one) || isClientForGood(one) || isLoneTimeout(one, retimed),
    );
    this.#rest = differences.filter((one) => !this.#strange.includes(one));
    this.#table =
      this.#strange.length === 0
        ? all
        : new JudgedTable(cluster, { ...family, actual: withoutElements(family.actual, ofPods) }, this.#rest);
  }

  run(): Judgements {
    for (const one of this.#strange) {
      const services = isAffinity(one.name) ? one.owner.services.map(portOwner) : servicesOfPod(this.#table, one);
      this.#add('proxy-rules-altered', services, [one]);
    }
    for (const port of this.#table.byPort.keys()) this.#port(port);
    for (const one of this.#rest) this.#fixed(one);
    return this.#found;
  }

  #add(code: DriftCode, services: readonly string[], differences: readonly Difference[], isIdle = false): void {
    const judgement = { code, services: [...new Set(services)], isIdle };
    for (const one of differences) {
      const some = this.#found.get(one);
      if (some === undefined) this.#found.set(one, [judgement]);
      else some.push(judgement);
    }
  }

  // ------------------------------------------------------------------------------------------------------ Service ports

  #port(text: string): void {
    const table = this.#table;
    const ours = table.expected.get(text);
    const theirs = table.actual.get(text);
    const add = (code: DriftCode): void => {
      const port = ours?.port ?? theirs?.port;
      if (port !== undefined) this.#add(code, [portOwner(port)], table.byPort.get(text) ?? []);
    };
    if (ours === undefined || theirs === undefined) {
      this.#follow([ours, theirs]);
      if (ours !== undefined) this.#missing.add(text);
      if (ours !== undefined) add('service-missing-on-node');
      else if (theirs !== undefined) add('service-stale-on-node');
      return;
    }
    const changes = changesOf(table, text, ours, theirs);
    for (const one of changes.moved) this.#moved.add(one);
    const isMissing = changes.missing.length > 0 || changes.isChainMissing;
    if (isMissing) this.#missing.add(text);
    this.#lookedInto++;
    if (this.#lookedInto <= LOOKED_INTO_MAX && isAltered(table, text, [ours, theirs], changes, this.#missing)) {
      add('proxy-rules-altered');
      return;
    }
    if (isMissing) add('service-missing-on-node');
    if (changes.stale.length > 0) add('service-stale-on-node');
    if (changes.lacking.length > 0) add('endpoint-missing-on-node');
    if (changes.leaving.length > 0) add('endpoint-stale-on-node');
  }

  #follow(states: readonly (PortState | undefined)[]): void {
    for (const state of states)
      for (const endpoint of [...(state?.cluster?.keys() ?? []), ...(state?.local?.keys() ?? [])])
        this.#moved.add(endpoint);
  }

  // -------------------------------------------------------------------------------------------------- for all Services

  #fixed(one: Difference): void {
    const { kind, name, owner } = one;
    if (owner.role === 'hairpin') {
      this.#hairpin(one);
      return;
    }
    if (owner.services.length > 0 || kind === 'table missing' || kind === 'table differs') return;
    // Addresses of the node are read at full syncs only; none at all are never written.
    if (name === 'nodeport-ips' && kind.startsWith('element') && !this.#table.hasNoElement(name)) return;
    // Chains and sets of other releases stay behind after an update.
    if ((kind === 'chain extra' || kind === 'set extra') && fixedNames().has(name)) return;
    const isIdle =
      (kind === 'chain extra' && this.#table.isIdleChain(name)) ||
      (kind === 'set extra' && this.#table.isIdleSet(name));
    this.#add('proxy-rules-altered', [], [one], isIdle);
  }

  #hairpin(one: Difference): void {
    const { kind, owner } = one;
    if (owner.endpoints.some((endpoint) => this.#moved.has(endpointText(endpoint)))) return;
    // It follows the node of the endpoint, and pods do not move with their addresses.
    const homes = owner.endpoints.map(({ address }) => this.#table.home(address));
    const isHere = (home: string | undefined) => home === this.#table.family.node.name;
    const isOthers = (home: string | undefined) => home !== undefined && !isHere(home);
    if (kind === 'element missing' ? homes.every(isHere) : homes.every(isOthers))
      this.#add('proxy-rules-altered', owner.services.map(portOwner), [one]);
  }
}
