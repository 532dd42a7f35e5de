/** Names of the cluster for the addresses in a trace. Without a cluster in the capture there are none, and addresses stand alone. */

export interface AddressName {
  readonly kind: 'pod' | 'node' | 'external';
  /** `shop/web-1`, `node-2`. */
  readonly name: string;
  /** The node it is on. */
  readonly node?: string;
}

/** One of a Service port's endpoints, as the EndpointSlices name it. */
export interface NamedEndpoint {
  /** `10.244.1.4:8080`, `[fd00::4]:8080`; `*` for any port. */
  readonly address: string;
  readonly ready: boolean;
  readonly node: string | null;
}

export interface ServicePortName {
  /** `shop/api`. */
  readonly service: string;
  /** `http`, where the port has a name. */
  readonly port: string | undefined;
  /** Undefined where the slices were not read, or the Service alone was asked for. */
  readonly endpoints?: readonly NamedEndpoint[] | undefined;
}

export interface TraceNames {
  readonly node: string;
  address(address: string): AddressName | undefined;
  /** The Service port at an address; `port` undefined asks for the Service alone. */
  service(address: string, protocol: string | undefined, port: number | undefined): ServicePortName | undefined;
  /** The Service port that has a NodePort. */
  nodePort?(protocol: string, port: number): ServicePortName | undefined;
  /** Whether a rule in a chain of kube-proxy's is one that kube-proxy writes there; others may have added theirs. */
  isKubeProxyRule?(at: { readonly family: string; readonly chain: string; readonly handle?: number }): boolean;
}

/** Nothing is named. */
export const noNames = (node: string): TraceNames => ({
  node,
  address: () => undefined,
  service: () => undefined,
});

/** The Service a chain of kube-proxy's stands for: `firewall-VQSU36QR-shop/payments/tcp/http` → `shop/payments`. */
export function serviceOfChain(chain: string): string | undefined {
  const parts = /^[a-z]+-[A-Z2-7]{8}-([^/]+\/[^/]+)\/[a-z0-9]+\//.exec(chain);
  return parts?.[1];
}

/** `shop/api:http`. */
export const servicePort = (name: ServicePortName): string =>
  name.port === undefined || name.port === '' ? name.service : `${name.service}:${name.port}`;
