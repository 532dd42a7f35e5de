/** The files of a capture → the same with other names and addresses, so that every trace ends as before, up to the renaming. */
import { compareEndpoints, decodeEndpointOrder } from '../../cluster/endpoint-order';
import { parseExact } from '../../decode/parse-exact';
import { parseJson } from '../../net/json-cursor';
import {
  CLUSTER_FILES,
  ENDPOINT_ORDER_FILE,
  type Failure,
  type FileReading,
  NODE_FILES,
} from '../../world/capture-files';
import { AddressMap } from './address-map';
import type { Hashes } from './hashes';
import { IptablesNames, type Renaming } from './kube-proxy-names';
import { COMMENT_BYTES, NameMap, portComment } from './name-map';
import { isPlainCommand, plainError } from './plain-words';
import { endpointAddressesIn, namesIn, redactIpOutput, redactObjects, servicePortsOf } from './redact-objects';
import { endpointAddressesOf, identifiersOf, redactRuleset } from './redact-ruleset';
import { redactIptablesSave, redactNftText } from './redact-text';
import { Words } from './words';

const FILES = [...NODE_FILES, ...CLUSTER_FILES];

/** Files by name, as text. */
export type Texts = ReadonlyMap<string, FileReading>;

export class Redactor {
  readonly #words: Words;
  readonly #renaming: Renaming;
  readonly #endpoints: readonly string[];

  /** @param cluster the cluster's objects: their names are looked for in the names of chains and sets */
  constructor(hashes: Hashes, cluster: Texts) {
    const lists = new Map(
      [...cluster].map(([file, reading]) => [file, reading.kind === 'read' ? parsed(reading.content) : undefined]),
    );
    this.#renaming = { hashes, addresses: new AddressMap(hashes), names: new NameMap(hashes) };
    const ports = () => servicePortsOf(lists.get('services.json'), lists.get('endpointslices.json'));
    const named = ['services.json', 'pods.json', 'nodes.json', 'namespaces.json', 'networkpolicies.json'];
    const objects = namesIn(named.map((file) => lists.get(file)));
    this.#endpoints = endpointAddressesIn(lists.get('endpointslices.json'));
    const cut = new Map<string, string>();
    for (const { namespace, service, port } of ports()) {
      this.#renaming.names.fit(namespace, service, port);
      const whole = portComment(namespace, service, port);
      if (whole.length > COMMENT_BYTES) cut.set(whole.slice(0, COMMENT_BYTES), whole);
    }
    this.#words = new Words(this.#renaming, new IptablesNames(this.#renaming, ports), objects, cut);
  }

  /** The name of a node. */
  node(name: string): string {
    return this.#renaming.names.name(name);
  }

  /** An address, for who asks about a redacted capture. */
  address(text: string): string | undefined {
    return this.#renaming.addresses.text(text);
  }

  nodeFiles(files: Texts): Texts {
    const listing = files.get('nft.json');
    const json = listing?.kind === 'read' ? parsed(listing.content) : undefined;
    const identifiers = identifiersOf(json);
    // The listing goes before its text: it says which words are names.
    const sorted = new Map([...files].sort(([a], [b]) => Number(b === 'nft.json') - Number(a === 'nft.json')));
    const redacted = new Map(this.#ofNode(sorted, identifiers, this.#words.anew()));
    const order = this.#endpointOrder(files.get(ENDPOINT_ORDER_FILE), endpointAddressesOf(json));
    if (order.length > 0) redacted.set(ENDPOINT_ORDER_FILE, { kind: 'read', content: written(order) });
    return redacted;
  }

  /** The replaced addresses of the node's endpoints, and of the cluster's, in the order that the originals have. */
  #endpointOrder(before: FileReading | undefined, own: ReadonlySet<string>): readonly string[] {
    const known = before?.kind === 'read' ? decodeEndpointOrder(parsed(before.content)) : undefined;
    const order = known?.ok === true ? known.value : undefined;
    return [...new Set([...(order?.keys() ?? []), ...this.#endpoints, ...own])]
      .sort((a, b) => compareEndpoints(a, b, order))
      .map((address) => this.#renaming.addresses.text(address) ?? address);
  }

  #ofNode(files: Texts, identifiers: ReadonlySet<string>, words: Words): Texts {
    return this.#each(files, (file, text) => {
      switch (file) {
        case 'nft.json':
          return this.#json(text, (json) => redactRuleset(json, words));
        case 'nft.txt':
          return redactNftText(text, words, identifiers);
        case 'iptables-save.txt':
        case 'ip6tables-save.txt':
        case 'iptables-legacy-save.txt':
        case 'ip6tables-legacy-save.txt':
          return redactIptablesSave(text, words);
        case 'ip_tables_names.txt':
        case 'ip6_tables_names.txt':
          return text;
        case 'versions.json':
          return this.#json(text, firstWords);
        case 'conntrack.txt':
          return words.scrub(text.replace(/ (secctx|labels|helper)=\S+/g, ' $1=redacted'));
        case 'sockets.txt':
          return words.scrub(text.replace(/[ \t]+(?:users:\(.*\)|cgroup:\S*)/g, ''));
        case 'sysctl.txt':
          return words.scrub(linesOf(text, /^net\./));
        default:
          return this.#json(text, (json) => redactIpOutput(json, words));
      }
    });
  }

  clusterFiles(files: Texts): Texts {
    return this.#each(files, (file, text) =>
      file === 'version.json' ? text : this.#json(text, (json) => redactObjects(json, this.#words)),
    );
  }

  #each(files: Texts, redact: (file: string, text: string) => string | undefined): Texts {
    return new Map(
      [...files].map(([file, reading]): [string, FileReading] => {
        if (reading.kind === 'failed') return [file, { kind: 'failed', failure: this.#failure(file, reading.failure) }];
        if (reading.kind !== 'read' || reading.content === '') return [file, reading];
        const content = redact(file, reading.content);
        return [file, content === undefined ? notRedacted(file) : { kind: 'read', content }];
      }),
    );
  }

  /** What a program says may name anything, and so may the command: of words only those of programs and the system stay. */
  #failure(file: string, { command, exitStatus, stderr }: Failure): Failure {
    const known = FILES.find(({ name }) => name === file)?.command ?? 'redacted';
    const lines = stderr.split('\n').map(plainError);
    return {
      command: isPlainCommand(command) ? command : known,
      exitStatus,
      stderr: this.#words.scrub(lines.join('\n')),
    };
  }

  #json(text: string, redact: (json: unknown) => unknown): string | undefined {
    const json = parsed(text);
    return json === undefined ? undefined : written(redact(json));
  }
}

/** Versions, without what anybody put behind them. */
const firstWords = (value: unknown): unknown =>
  typeof value === 'object' && value !== null
    ? Object.fromEntries(Object.entries(value).map(([key, one]) => [key, String(one).split(/\s/)[0]]))
    : {};

const linesOf = (text: string, wanted: RegExp): string =>
  text
    .split('\n')
    .filter((line) => line === '' || wanted.test(line))
    .join('\n');

/** Integers keep all their digits; undefined for what is no JSON. */
function parsed(text: string): unknown {
  if (/\d{16}/.test(text)) {
    const exact = parseExact(text);
    return exact.ok ? exact.value : undefined;
  }
  const json = parseJson(text);
  return json.ok ? json.value : undefined;
}

/** As JSON.stringify, with bigints as numbers. */
function written(value: unknown): string {
  if (typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return `[${value.map(written).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value).filter(([, one]) => one !== undefined);
  return `{${members.map(([key, one]) => `${JSON.stringify(key)}:${written(one)}`).join(',')}}`;
}

/** What cannot be understood cannot be redacted, and is left out. */
function notRedacted(file: string): FileReading {
  const failure = { command: `redacting ${file}`, exitStatus: null, stderr: 'it is no JSON, so it was left out' };
  return { kind: 'failed', failure };
}
