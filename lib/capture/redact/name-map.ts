/** Other names for the names of namespaces, Services, pods, nodes, ports and labels: the same for the same name, wherever it stands. */
import { base32, type Hashes } from './hashes';
import { CONDITIONS, NODE_ROLES } from './plain-words';

/** Every cluster has these: they tell nothing, and much depends on them. */
const KEPT: ReadonlySet<string> = new Set(
  'default kube-system kube-public kube-node-lease kubernetes kube-dns coredns kube-proxy localhost None true false'.split(
    ' ',
  ),
);
/** Names of protocols, as names of ports. */
const KEPT_PORTS: ReadonlySet<string> = new Set(
  'http https http2 h2c grpc dns dns-tcp metrics tcp udp sctp ssh'.split(' '),
);
/** Of a pod or a ReplicaSet: characters of k8s.io/apimachinery/pkg/util/rand; of a pod of a StatefulSet: its number. */
const GENERATED = /^(.+)-([bcdfghjklmnpqrstvwxz2456789]{5,10}|\d{1,3})$/;
/** Of the label values those that no person chose. */
const PLAIN_VALUES: ReadonlySet<string> = new Set([
  'kubernetes.io/os',
  'kubernetes.io/arch',
  'pod-template-hash',
  'pod-template-generation',
  'controller-revision-hash',
  'endpointslice.kubernetes.io/managed-by',
  'service.kubernetes.io/headless',
  'apps.kubernetes.io/pod-index',
]);
const PLAIN_KEYS =
  /^(?:(?:[a-z0-9-]+\.)*(?:kubernetes|k8s)\.io\/.*|app|k8s-app|component|tier|version|pod-template-hash|pod-template-generation|controller-revision-hash|job-name)$/;

/** Bytes of a comment that nft takes (NFTNL_UDATA_COMMENT_MAXLEN; 1.0.6 refuses 129). */
export const COMMENT_BYTES = 128;
const SHORT = 11;
/** Names of Services and namespaces that together may be longer than a comment of nft keep their length: kube-proxy then fails. */
const LONG = 30;
const lengthFor = (name: string): number =>
  name.length > LONG && /^[a-z0-9-]{1,63}$/.test(name) ? name.length : SHORT;

/** A name, and what a controller put behind it, which stays: `web`, `-7d9f8-x2k4p`. ip-10-0-0-1 is an address. */
function stemOf(name: string): { readonly stem: string; readonly rest: string } {
  const [, stem, suffix] = GENERATED.exec(name) ?? [];
  if (KEPT.has(name) || stem === undefined || suffix === undefined || /\d+-\d+$/.test(name))
    return { stem: name, rest: '' };
  const inner = stemOf(stem);
  return { stem: inner.stem, rest: `${inner.rest}-${suffix}` };
}

/** As kube-proxy writes it into a comment. */
export const portComment = (namespace: string, service: string, port: string): string =>
  `${namespace}/${service}${port === '' ? '' : `:${port}`}`;

export class NameMap {
  readonly #known = new Map<string, string>();
  /** Of names whose replacement would make a comment too long. */
  readonly #lengths = new Map<string, number>();

  constructor(readonly hashes: Hashes) {}

  /**
   * The comment of this port of a Service is to fit into nft as before: short names become longer, so the longest becomes shorter by as
   * much. To be told before any name is replaced.
   */
  fit(namespace: string, service: string, port: string): void {
    if (portComment(namespace, service, port).length > COMMENT_BYTES) return;
    const ports = port === '' || KEPT_PORTS.has(port) ? port.length : this.#lengthOf(port);
    const [own, other] = [this.#lengthOf(service), this.#lengthOf(namespace)];
    const excess = own + other + 1 + (port === '' ? 0 : 1) + ports - COMMENT_BYTES;
    const { stem } = stemOf(own > other ? service : namespace);
    if (excess > 0) this.#lengths.set(stem, this.#length(stem) - excess);
  }

  #length(stem: string): number {
    return this.#lengths.get(stem) ?? lengthFor(stem);
  }

  #lengthOf(name: string): number {
    const { stem, rest } = stemOf(name);
    return rest.length + (stem === '' || KEPT.has(stem) ? stem.length : this.#length(stem));
  }

  /** Pods of one workload keep what tells them apart: `web-7d9f8-x2k4p` is that of `web`, and `-7d9f8-x2k4p`. */
  name(name: string): string {
    if (name === '' || KEPT.has(name)) return name;
    const { stem, rest } = stemOf(name);
    if (rest !== '') return `${this.name(stem)}${rest}`;
    const known = this.#known.get(name) ?? `r${this.#letters(name, this.#length(name) - 1)}`;
    this.#known.set(name, known);
    return known;
  }

  #letters(name: string, length: number): string {
    const first = base32(this.hashes.keyed(`name/${name}`), length);
    const more = first.length < length ? base32(this.hashes.keyed(`more/${name}`), length - first.length) : '';
    return (first + more).toLowerCase();
  }

  portName(name: string): string {
    return KEPT_PORTS.has(name) ? name : this.name(name);
  }

  labelKey(key: string): string {
    const [, role] = /^node-role\.kubernetes\.io\/(.+)$/.exec(key) ?? [];
    if (role !== undefined) return `node-role.kubernetes.io/${NODE_ROLES.has(role) ? role : this.name(role)}`;
    return PLAIN_KEYS.test(key) || CONDITIONS.has(key) ? key : this.name(key);
  }

  labelValue(key: string, value: string): string {
    return PLAIN_VALUES.has(key) ? value : this.name(value);
  }

  uid(uid: string): string {
    const hex = Array.from(this.hashes.keyed(`uid/${uid}`), (byte) => byte.toString(16).padStart(2, '0')).join('');
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
  }
}
