/** The files under cluster/ of a capture → the cluster's objects. What was not read or makes no sense is unknown, with the reason. */
import { at, decoding, parseJson } from '../net/json-cursor';
import { formatProblem, type Problem, type Result } from '../net/result';
import { describeFailure, type FileReading } from '../world/capture-files';
import type { Known } from '../world/world';
import type { Cluster } from './cluster';
import {
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

export const decodeVersion = (json: unknown): Result<string> => decoding(() => at(json).key('gitVersion').string());

/** @param files texts by file name (`services.json`, …); a name that is not there was not read */
export function buildCluster(files: ReadonlyMap<string, FileReading>): BuiltCluster {
  const problems = new Map<string, Problem>();
  const part = <T>(name: string, decode: (json: unknown) => Result<T>): Known<T> => {
    const { known, problem } = decodePart(name, files.get(name) ?? { kind: 'absent' }, decode);
    if (problem !== undefined) problems.set(name, problem);
    return known;
  };
  return {
    cluster: {
      services: part('services.json', decodeServices),
      endpointSlices: part('endpointslices.json', decodeEndpointSlices),
      nodes: part('nodes.json', decodeNodes),
      pods: part('pods.json', decodePods),
      namespaces: part('namespaces.json', decodeNamespaces),
      networkPolicies: part('networkpolicies.json', decodeNetworkPolicies),
      version: part('version.json', decodeVersion),
      proxyConfig: part('kube-proxy.json', decodeProxyConfig),
      serviceCIDRs: part('servicecidrs.json', decodeServiceCidrs),
    },
    problems,
  };
}
