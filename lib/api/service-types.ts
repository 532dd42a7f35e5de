/** What the routes about Services answer. Types only, as lib/api/types.ts. */
import type { ExplainedDifference } from '../drift/node-drift';
import type { NodeState, ProblemView } from './types';

/** GET /api/sources/[id]/services: every Service, by namespace and name. */
export interface ServicesView {
  readonly source: string;
  /** Null where the cluster's Services were not read; `problem` says why. */
  readonly services: readonly ServiceRow[] | null;
  readonly problem: string | null;
}

export interface ServiceRow {
  readonly namespace: string;
  readonly name: string;
  /** `ClusterIP`, …; `headless` in the place of `ClusterIP`. */
  readonly type: string;
  readonly addresses: readonly string[];
  /** `http 80/tcp` */
  readonly ports: readonly string[];
  /** Whether kube-proxy writes rules for it. */
  readonly served: boolean;
  /**
   * Ready ones and all, a pod with addresses of both families once; `leaving`: those that are not ready and still serve while they
   * end, which kube-proxy uses where none is ready. Null where the slices were not read.
   */
  readonly endpoints: { readonly ready: number; readonly leaving: number; readonly all: number } | null;
}

/** How a part of a Service stands on a node. */
export type NodeWayState = 'expected' | 'differs' | 'missing' | 'unknown';

export interface ServicePortView {
  /** Empty where the port has none. */
  readonly name: string;
  /** Lower case. */
  readonly protocol: string;
  readonly port: number;
  readonly targetPort: string | null;
  readonly nodePort: number | null;
}

export const WAY_KINDS = ['ClusterIP', 'LB address', 'external IP', 'NodePort'] as const;
export type WayKind = (typeof WAY_KINDS)[number];

/** One way in: a port by one kind of address. */
export interface WayView {
  /** Unique in the page. */
  readonly id: string;
  readonly port: Pick<ServicePortView, 'name' | 'protocol' | 'port'>;
  readonly kind: WayKind;
  /** None for NodePorts: any address of the node that takes them. */
  readonly addresses: readonly string[];
  /** What a client connects to: the port, or the NodePort. */
  readonly number: number;
  /** What becomes of the source address. */
  readonly source: string;
}

export interface ServiceFacts {
  readonly type: string;
  readonly clusterIPs: readonly string[];
  readonly externalIPs: readonly string[];
  readonly loadBalancerIPs: readonly string[];
  /** Of these the ones that nodes do not serve: a load balancer of its own does (ipMode). */
  readonly proxiedIPs: readonly string[];
  readonly sourceRanges: readonly string[];
  readonly ports: readonly ServicePortView[];
  readonly selector: readonly string[];
  /** Null where nothing leads in from outside. */
  readonly externalTrafficPolicy: string | null;
  /** Null without a ClusterIP. */
  readonly internalTrafficPolicy: string | null;
  /** Seconds; null without affinity. */
  readonly affinity: number | null;
  readonly healthCheckNodePort: number | null;
  readonly publishNotReadyAddresses: boolean;
  readonly trafficDistribution: string | null;
  readonly externalName: string | null;
  readonly slices: readonly string[];
  /** Why kube-proxy writes nothing for it; null where it does. */
  readonly notServed: string | null;
}

export interface EndpointRow {
  /** Unique in the page. */
  readonly id: string;
  readonly pod: { readonly namespace: string; readonly name: string } | null;
  readonly addresses: readonly string[];
  readonly ports: readonly { readonly name: string; readonly protocol: string; readonly port: number | null }[];
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  readonly node: string | null;
  readonly zone: string | null;
  readonly forZones: readonly string[];
  readonly forNodes: readonly string[];
  readonly slice: string;
}

/** How many endpoints of one port a node uses, by what kube-proxy should do there. */
export interface UsedEndpoints {
  readonly port: string;
  readonly family: 'ip' | 'ip6';
  /** For ClusterIPs, and for addresses from outside; null where there are none. */
  readonly internal: number;
  readonly external: number | null;
  readonly of: number;
}

export interface ServiceDifference extends Omit<ExplainedDifference, 'owner'> {
  readonly family: 'ip' | 'ip6';
  /** It concerns all Services. */
  readonly general: boolean;
}

export interface ServiceNodeRow {
  readonly name: string;
  readonly zone: string | null;
  readonly capturedAt: string | null;
  /** `unread`: its turn has not come yet. */
  readonly reading: NodeState | 'unread';
  readonly state: NodeWayState | 'unread';
  /** Why it is unknown or missing as a whole. */
  readonly why: ProblemView | null;
  /** By {@link WayView.id}. */
  readonly ways: { readonly [way: string]: NodeWayState };
  readonly used: readonly UsedEndpoints[];
  readonly differences: readonly ServiceDifference[];
}

/** How one node stands as a whole: all that kube-proxy should have written there. */
export interface NodeDriftRow {
  readonly name: string;
  readonly state: 'expected' | 'differs' | 'unknown' | 'unread';
  readonly differences: number;
  /** Why it was not compared. */
  readonly why: string | null;
}

/** GET /api/sources/[id]/drift: every node against what is expected, counted. */
export interface DriftView {
  readonly source: string;
  readonly state: 'reading' | 'done' | 'stopped';
  readonly done: number;
  readonly of: number;
  readonly nodes: readonly NodeDriftRow[];
  /** Nodes that differ by `NAMESPACE/NAME`, those of Services that are gone included; others are on no node otherwise. */
  readonly services: { readonly [service: string]: readonly string[] };
  /** Nodes with differences that concern all Services. */
  readonly general: readonly string[];
}

/** GET /api/sources/[id]/service?service=NAMESPACE/NAME */
export interface EndpointPolicies {
  /** Why nothing can be said of them; null where policies and pods were read. */
  readonly unknown: string | null;
  readonly list: readonly {
    readonly namespace: string;
    readonly name: string;
    readonly directions: readonly ('ingress' | 'egress')[];
    /** `unknown` where only its name was captured, or its selector is not understood. */
    readonly selects: 'yes' | 'unknown';
    /** Names of the pods. */
    readonly pods: readonly string[];
  }[];
  /** Pods behind the Service. */
  readonly of: number;
}

export interface ServicePage {
  readonly source: string;
  readonly namespace: string;
  readonly name: string;
  /** Null where there is no such Service, or Services were not read; `problem` says which. */
  readonly facts: ServiceFacts | null;
  readonly problem: ProblemView | null;
  /** Null where EndpointSlices were not read. */
  readonly endpoints: readonly EndpointRow[] | null;
  /** NetworkPolicies that select pods behind it, as context. */
  readonly policies: EndpointPolicies;
  readonly ways: readonly WayView[];
  readonly state: 'reading' | 'done' | 'stopped';
  readonly done: number;
  readonly of: number;
  readonly nodes: readonly ServiceNodeRow[];
}
