/** Names of what kube-proxy writes for each Service port and endpoint (pkg/proxy/nftables/proxier.go: hashAndTruncate and its users). */
import { sha256Base32 } from '../net/sha256';

export interface PortName {
  readonly namespace: string;
  readonly service: string;
  /** Lower case. */
  readonly protocol: string;
  /** Empty where the Service port has no name. */
  readonly port: string;
}

/** 256 bytes are a chain's limit in the library that kube-proxy uses; 16 are kept for the prefix. */
const LONGEST = 240;

/** `ABCDEFGH-NAMESPACE/NAME/tcp/PORT`, what the names of a Service port's chains have in common. */
export const portBase = (port: PortName): string => hashed(portText(port));

/** The same for one endpoint of it; colons of IPv6 become dots. */
export const endpointBase = (port: PortName, ip: string, number: number): string =>
  hashed(`${portText(port)}__${ip.replaceAll(':', '.')}/${number}`);

const portText = ({ namespace, service, protocol, port }: PortName): string =>
  `${namespace}/${service}/${protocol}/${port}`;

function hashed(text: string): string {
  const name = `${sha256Base32(text, 8)}-${text}`;
  return name.length > LONGEST ? `${name.slice(0, LONGEST - 3)}...` : name;
}
