/** The files under cluster/ of a capture → the cluster's objects. What was not read or makes no sense is unknown, with the reason. */
import { type At, at, decoding, parseJson } from '../net/json-cursor';
import { lastStep } from '../net/last-step';
import { formatProblem, type Problem, type Result } from '../net/result';
import { describeFailure, type FileReading } from '../world/capture-files';
import type { Known } from '../world/world';
import type { Cluster } from './cluster';
import {
  DECODE_ITEM,
  decodeEndpointSlices,
  decodeNamespaces,
  decodeNetworkPolicies,
  decodeNodes,
  decodePods,
  decodeProxyConfig,
  decodeServiceCidrs,
  decodeServices,
} from './decode-objects';

export interface BuiltCluster {
  readonly cluster: Cluster;
  /** Files that are there and cannot be decoded, by name. */
  readonly problems: ReadonlyMap<string, Problem>;
}

/** What is known of one file; a problem where it is there and cannot be decoded. */
export function decodePart<T>(
  name: string,
  reading: FileReading,
  decode: (json: unknown) => Result<T>,
): { readonly known: Known<T>; readonly problem?: Problem } {
  const unknown = (why: string): Known<T> => ({ known: false, why });
  if (reading.kind === 'absent') return { known: unknown(`cluster/${name} was not read`) };
  if (reading.kind === 'failed') return { known: unknown(`cluster/${name}: ${describeFailure(reading.failure)}`) };
  const json = parseJson(reading.content);
  const result = json.ok ? decode(json.value) : json;
  if (result.ok) return { known: { known: true, value: result.value } };
  return { known: unknown(formatProblem(result.problem, `cluster/${name}`)), problem: result.problem };
}

const decodeVersion = (json: unknown): Result<string> => decoding(() => at(json).key('gitVersion').string());

/** How one file becomes what is known of it; `item` decodes one object of a list. May take several steps. */
export type DecodeFile = <T>(
  name: string,
  whole: (json: unknown) => Result<T>,
  item?: (at: At) => T extends readonly (infer I)[] ? I : never,
) => Generator<void, Known<T>>;

/** Which file tells what. */
export function* clusterOf(file: DecodeFile): Generator<void, Cluster> {
  return {
    services: yield* file('services.json', decodeServices, DECODE_ITEM.service),
    endpointSlices: yield* file('endpointslices.json', decodeEndpointSlices, DECODE_ITEM.endpointSlice),
    nodes: yield* file('nodes.json', decodeNodes, DECODE_ITEM.node),
    pods: yield* file('pods.json', decodePods, DECODE_ITEM.pod),
    namespaces: yield* file('namespaces.json', decodeNamespaces, DECODE_ITEM.namespace),
    networkPolicies: yield* file('networkpolicies.json', decodeNetworkPolicies, DECODE_ITEM.networkPolicy),
    version: yield* file('version.json', decodeVersion),
    proxyConfig: yield* file('kube-proxy.json', decodeProxyConfig),
    serviceCIDRs: yield* file('servicecidrs.json', decodeServiceCidrs),
  };
}

/** @param files texts by file name (`services.json`, …); a name that is not there was not read */
export function buildCluster(files: ReadonlyMap<string, FileReading>): BuiltCluster {
  const problems = new Map<string, Problem>();
  // biome-ignore lint/correctness/useYield: every file is decoded whole.
  const cluster = clusterOf(function* (name, whole) {
    const { known, problem } = decodePart(name, files.get(name) ?? { kind: 'absent' }, whole);
    if (problem !== undefined) problems.set(name, problem);
    return known;
  });
  return { cluster: lastStep(cluster), problems };
}
