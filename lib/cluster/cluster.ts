/** The cluster's objects as far as names, addresses and expectations need them: small, readonly, in Kubernetes' own words. */
import type { Known } from '../world/world';

export type Protocol = 'TCP' | 'UDP' | 'SCTP';

export interface ObjectName {
  readonly namespace: string;
  readonly name: string;
}

export interface Pod extends ObjectName {
  readonly node: string | undefined;
  /** All addresses, the primary one first; empty while the pod has none. */
  readonly addresses: readonly string[];
  readonly hostNetwork: boolean;
  readonly phase: string | undefined;
  readonly ready: boolean;
  /** Its conditions say that it is not ready; absent where they do not say. */
  readonly unready?: true;
  readonly labels: Labels;
  readonly ports: readonly ContainerPort[];
  /** The controller's name: `api` for the pods of a Deployment `api`. */
  readonly workload: string | undefined;
}
export interface ContainerPort {
  readonly name: string | undefined;
  readonly protocol: Protocol;
  readonly containerPort: number;
  readonly hostPort: number | undefined;
  /** Why its container does not run, in the words of its status or the phase of the pod. */
  readonly stopped?: string;
}
export type Labels = Readonly<Record<string, string>>;

export interface Service extends ObjectName {
  readonly type: 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName';
  /** Empty for headless Services and ExternalName. */
  readonly clusterIPs: readonly string[];
  readonly headless: boolean;
  /** Another proxy serves it (label service.kubernetes.io/service-proxy-name). */
  readonly otherProxy: boolean;
  readonly externalIPs: readonly string[];
  readonly loadBalancerIPs: readonly string[];
  /** Those of them that nodes serve: the rest are proxies' own (ipMode). */
  readonly virtualIPs: readonly string[];
  readonly loadBalancerSourceRanges: readonly string[];
  readonly ports: readonly ServicePort[];
  readonly selector: Labels | undefined;
  readonly externalTrafficPolicy: 'Cluster' | 'Local';
  readonly internalTrafficPolicy: 'Cluster' | 'Local';
  /** Seconds; undefined without affinity. */
  readonly clientIPAffinity: number | undefined;
  readonly healthCheckNodePort: number | undefined;
  readonly publishNotReadyAddresses: boolean;
  readonly trafficDistribution: string | undefined;
  readonly externalName: string | undefined;
}
export interface ServicePort {
  /** Undefined on Services of one unnamed port. */
  readonly name: string | undefined;
  readonly protocol: Protocol;
  readonly port: number;
  /** A number, or the name of a container port. */
  readonly targetPort: number | string | undefined;
  readonly nodePort: number | undefined;
}

export interface EndpointSlice extends ObjectName {
  /** Undefined on slices that no Service owns. */
  readonly service: string | undefined;
  /** Of a headless Service (label service.kubernetes.io/headless). */
  readonly headless: boolean;
  readonly addressType: 'IPv4' | 'IPv6' | 'FQDN';
  readonly endpoints: readonly Endpoint[];
  readonly ports: readonly EndpointPort[];
}
export interface Endpoint {
  readonly addresses: readonly string[];
  /** An absent condition counts as true for ready and serving, and false for terminating (discovery.k8s.io/v1). */
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  readonly node: string | undefined;
  readonly zone: string | undefined;
  readonly pod: ObjectName | undefined;
  readonly forZones: readonly string[];
  readonly forNodes: readonly string[];
}
export interface EndpointPort {
  readonly name: string | undefined;
  /** False where the object has no name at all, not even an empty one. */
  readonly named: boolean;
  readonly protocol: Protocol;
  readonly port: number | undefined;
}

export interface ClusterNode {
  readonly name: string;
  /** Internal and external addresses in the order of the object. */
  readonly addresses: readonly string[];
  readonly podCIDRs: readonly string[];
  readonly zone: string | undefined;
  readonly labels: Labels;
  /** `status.daemonEndpoints`: kubelet writes where its server listens. */
  readonly kubeletPort?: number;
}

export interface Namespace {
  readonly name: string;
  readonly labels: Labels;
}

/** In the words of networking.k8s.io/v1. */
export interface NetworkPolicy extends ObjectName {
  /** Undefined where only the name was captured. */
  readonly spec: PolicySpec | undefined;
}
export interface PolicySpec {
  readonly podSelector: LabelSelector;
  /** Undefined where the policy says nothing of this direction; empty where it allows nothing. */
  readonly ingress: readonly PolicyRule[] | undefined;
  readonly egress: readonly PolicyRule[] | undefined;
}
export interface PolicyRule {
  /** `from` or `to`; empty: anybody. */
  readonly peers: readonly PolicyPeer[];
  /** Empty: all ports. */
  readonly ports: readonly PolicyPort[];
}
export type PolicyPeer =
  | {
      readonly kind: 'pods';
      /** Undefined: all pods of the namespaces. */
      readonly podSelector: LabelSelector | undefined;
      /** Undefined: the policy's own namespace. */
      readonly namespaceSelector: LabelSelector | undefined;
    }
  | { readonly kind: 'ipBlock'; readonly cidr: string; readonly except: readonly string[] }
  | { readonly kind: 'other'; readonly members: readonly string[] };
export interface PolicyPort {
  readonly protocol: Protocol;
  /** A number, the name of a container port, or undefined: all of the protocol. */
  readonly port: number | string | undefined;
  readonly endPort: number | undefined;
}
/** All of it must hold; an empty one selects everything. */
export interface LabelSelector {
  readonly matchLabels: Labels;
  readonly matchExpressions: readonly LabelRequirement[];
}
export interface LabelRequirement {
  readonly key: string;
  /** In, NotIn, Exists, DoesNotExist. */
  readonly operator: string;
  readonly values: readonly string[];
}

/** What kube-proxy's ConfigMap says; undefined where it does not. Flags of its command line go first, and are not seen. */
export interface ProxyConfig {
  readonly mode: string | undefined;
  /** `10.244.0.0/16,fd00::/56` */
  readonly clusterCIDR: string | undefined;
  readonly nodePortAddresses: readonly string[] | undefined;
  readonly masqueradeAll: boolean | undefined;
}

export interface Cluster {
  readonly services: Known<readonly Service[]>;
  readonly endpointSlices: Known<readonly EndpointSlice[]>;
  readonly nodes: Known<readonly ClusterNode[]>;
  readonly pods: Known<readonly Pod[]>;
  readonly namespaces: Known<readonly Namespace[]>;
  readonly networkPolicies: Known<readonly NetworkPolicy[]>;
  /** `v1.36.2` */
  readonly version: Known<string>;
  readonly proxyConfig: Known<ProxyConfig>;
  /** All networks of ServiceCIDR objects. */
  readonly serviceCIDRs: Known<readonly string[]>;
}
