/** The raw outputs read on one node → its world. What was not read, failed or makes no sense is unknown, with the reason. */

import { decodeEndpointOrder } from '../cluster/endpoint-order';
import { at, decoding, parseJson } from '../net/json-cursor';
import { formatProblem, ok, type Problem, type Result } from '../net/result';
import type { Ruleset } from '../nft/model';
import { describeFailure, ENDPOINT_ORDER_FILE, type FileReading } from './capture-files';
import { decodeConntrack } from './decode-conntrack';
import type { WorldParts } from './decode-environment';
import { decodeIptablesSave, decodeLegacySave } from './decode-iptables-save';
import { decodeLinks } from './decode-links';
import { decodeNeighbours } from './decode-neighbours';
import { decodeRoutes } from './decode-routes';
import { decodeRules } from './decode-rules';
import { decodeSockets } from './decode-sockets';
import { decodeSysctl } from './decode-sysctl';
import type { Known, World } from './world';

/** Texts by the file names of a capture bundle; a name that is not there was not read. */
export type NodeFiles = ReadonlyMap<string, FileReading>;

export interface Versions {
  readonly nft: string | undefined;
  readonly kernel: string | undefined;
  readonly kubeProxy: string | undefined;
}

export interface BuiltParts {
  readonly parts: WorldParts;
  readonly versions: Versions;
  /** RFC 3339, from capture.json. */
  readonly capturedAt: string | undefined;
  /** Files that are there and cannot be decoded, by name. */
  readonly problems: ReadonlyMap<string, Problem>;
}

/** Everything of a node but its ruleset, which is decoded from its bytes (lib/decode). */
export function buildParts(files: NodeFiles): BuiltParts {
  const problems = new Map<string, Problem>();
  const text = <T>(name: string, decode: (text: string) => Result<T>): Known<T> => {
    const reading = files.get(name) ?? { kind: 'absent' };
    if (reading.kind === 'absent') return { known: false, why: `${name} was not read` };
    if (reading.kind === 'failed') return { known: false, why: `${name}: ${describeFailure(reading.failure)}` };
    const result = decode(reading.content);
    if (result.ok) return { known: true, value: result.value };
    problems.set(name, result.problem);
    return { known: false, why: formatProblem(result.problem, name) };
  };
  const json = <T>(name: string, decode: (json: unknown) => Result<T>): Known<T> =>
    text(name, (content) => {
      const parsed = parseJson(content);
      return parsed.ok ? decode(parsed.value) : parsed;
    });

  // Checked by itself first, so that its faults are not laid to addr.json.
  const link = json('link.json', (value) => {
    const checked = decodeLinks([], value);
    return checked.ok ? ok(value) : checked;
  });
  const versions = json('versions.json', decodeVersions);
  const captured = json('capture.json', (value) => decoding(() => at(value).key('capturedAt').string()));
  const tables = (names: string) => decoding(() => names.split('\n').filter((name) => name !== ''));
  const legacy = text('ip_tables_names.txt', tables);
  const order = json(ENDPOINT_ORDER_FILE, decodeEndpointOrder);
  return {
    parts: {
      ...(order.known && { endpointOrder: order.value }),
      links: json('addr.json', (value) => decodeLinks(value, link.known ? link.value : undefined)),
      routes: {
        ip: json('route4.json', (value) => decodeRoutes(value, 'ip')),
        ip6: json('route6.json', (value) => decodeRoutes(value, 'ip6')),
      },
      rules: {
        ip: json('rule4.json', (value) => decodeRules(value, 'ip')),
        ip6: json('rule6.json', (value) => decodeRules(value, 'ip6')),
      },
      neighbours: json('neigh.json', decodeNeighbours),
      neighboursComplete: false,
      sysctl: text('sysctl.txt', decodeSysctl),
      conntrack: text('conntrack.txt', decodeConntrack),
      sockets: text('sockets.txt', decodeSockets),
      iptables: {
        ip: text('iptables-save.txt', (content) => decodeIptablesSave(content, 'ip')),
        ip6: text('ip6tables-save.txt', (content) => decodeIptablesSave(content, 'ip6')),
      },
      legacyTables: legacy.known ? legacy.value : [],
      legacySave: text('iptables-legacy-save.txt', decodeLegacySave),
      legacyTables6: text('ip6_tables_names.txt', tables),
      legacySave6: text('ip6tables-legacy-save.txt', decodeLegacySave),
    },
    versions: versions.known ? versions.value : { nft: undefined, kernel: undefined, kubeProxy: undefined },
    capturedAt: captured.known ? captured.value : undefined,
    problems,
  };
}

/** A node's world: what was read, with its decoded ruleset. */
export const buildWorld = (parts: WorldParts, ruleset: Known<Ruleset>): World => ({ ...parts, ruleset });

function decodeVersions(json: unknown): Result<Versions> {
  return decoding(() => {
    const word = (name: string) => at(json).optional(name)?.string();
    return { nft: word('nft'), kernel: word('kernel'), kubeProxy: word('kubeProxy') };
  });
}
