/** What kube-proxy's rules on a node depend on, beside the cluster's objects: one of these for each family. */
import type { EndpointOrder } from '../cluster/endpoint-order';
import type { Expression, MatchStatement } from '../nft/model';
import type { Release } from './release';

/** How traffic of this node's pods is told: the match of `ip saddr CIDR` or `iifname NAME`. */
export type LocalTraffic = Pick<MatchStatement, 'left' | 'right'>;

export interface ProxyConfiguration {
  readonly release: Release;
  /** The bit that asks for masquerading, 0x4000 unless configured. */
  readonly mark: number;
  readonly masqueradeAll: boolean;
  /** Undefined: nothing tells local traffic from other; rules that need it are left out. */
  readonly localTraffic: LocalTraffic | undefined;
  /** Addresses that take NodePort traffic; `any` for all local ones (no CIDR of the family is configured). */
  readonly nodePortAddresses: 'any' | readonly string[];
  /** The Service networks, as a rule names them; undefined where they are not known to kube-proxy. */
  readonly unallocated: Expression | undefined;
}

export interface ProxyNode {
  readonly name: string;
  readonly zone: string | undefined;
  /** The primary address of the family. */
  readonly address: string | undefined;
  /** In a redacted capture: how the original addresses of endpoints were ordered. */
  readonly endpointOrder?: EndpointOrder | undefined;
}
