/** What could not be read, what cannot be said because of it, and versions that are too old. */
import { groupBy } from '../../net/group-by';
import { CLUSTER_FILES, describeFailure, type Failure, NODE_FILES } from '../../world/capture-files';
import type { Context, NodeContext } from '../context';
import { type Evidence, type Finding, finding } from '../finding';
import { listed, nodesOf } from '../show';

const LISTING = 'nft.json';
const LIST = 'nft -j list ruleset';

export function readingFindings(context: Context): readonly Finding[] {
  return [
    ...ofOneCause(context.nodes.flatMap(readerTooOld), tooOldFinding),
    ...ofOneCause(context.nodes.flatMap(unreadable), unreadableFinding),
    ...ofOneCause(context.nodes.flatMap(belowMinimum), belowMinimumFinding),
    ...missingParts(context),
    ...missingNodes(context),
  ];
}

/** What is wrong with one node; of one text it is the same on all. */
interface OfNode {
  readonly node: string;
  readonly text: string;
}

const ofOneCause = <T extends OfNode>(
  found: readonly T[],
  say: (first: T, group: readonly T[]) => Finding,
): readonly Finding[] =>
  [...groupBy(found, ({ text }) => text).values()].flatMap((group) => {
    const [first] = group;
    return first === undefined ? [] : [say(first, group)];
  });

// -------------------------------------------------------------------------------------------------------------- listings

interface Unreadable extends OfNode {
  readonly remedy: string;
}

/** A listing that was tried and failed, or makes no sense; or a node of which nothing could be read. */
function unreadable({ name, input: { files, ruleset } }: NodeContext): readonly Unreadable[] {
  const listing = files.get(LISTING) ?? { kind: 'absent' };
  if (ruleset.ok || (listing.kind === 'absent' && files.size > 0)) return [];
  const text = listing.kind === 'failed' ? describeFailure(listing.failure) : ruleset.problem.say;
  return [{ node: name, text, remedy: ruleset.problem.do }];
}

function unreadableFinding({ remedy }: Unreadable, group: readonly Unreadable[]): Finding {
  const nodes = nodesOf(group);
  return finding({
    code: 'node-unreadable',
    summary: `The rules of ${listed(nodes)} are unknown, because reading them failed.`,
    services: [],
    nodes,
    evidence: group.map(({ node, text }) => ({ kind: 'reading', node, file: LISTING, text })),
    reproduce: LIST,
    remedy,
  });
}

/** Signals by which a program dies of its own fault: SIGILL, SIGABRT, SIGBUS, SIGFPE, SIGSEGV (signal(7)). */
const CRASHES: ReadonlySet<number> = new Set([4, 6, 7, 8, 11]);

/** 128 + n is how a shell tells death by signal n. */
const isCrash = ({ exitStatus }: Failure): boolean => exitStatus !== null && CRASHES.has(exitStatus - 128);

interface TooOld extends OfNode {
  readonly nft: string | undefined;
  readonly failed: readonly { readonly file: string; readonly failure: Failure }[];
}

/**
 * nft 1.0.6 dies of a segmentation fault on sets and maps that 1.1.x made, and other pairs of versions abort: a reader that crashes
 * is older, or newer, than what wrote the rules.
 */
function readerTooOld({ name, input: { files, versions } }: NodeContext): readonly TooOld[] {
  const failed = [LISTING, 'nft.txt'].flatMap((file) => {
    const reading = files.get(file);
    return reading?.kind === 'failed' && isCrash(reading.failure) ? [{ file, failure: reading.failure }] : [];
  });
  const { nft } = versions;
  return failed.length === 0 ? [] : [{ node: name, text: nft ?? '', nft, failed }];
}

function tooOldFinding({ nft }: TooOld, group: readonly TooOld[]): Finding {
  const nodes = nodesOf(group);
  return finding({
    code: 'reader-too-old',
    summary: `nft${nft === undefined ? '' : ` ${nft}`} on ${listed(nodes)} crashes when it lists the rules: another version wrote them.`,
    services: [],
    nodes,
    evidence: group.flatMap(({ node, failed }): readonly Evidence[] => [
      ...failed.map(({ file, failure }) => ({ kind: 'reading', node, file, text: describeFailure(failure) }) as const),
      ...(nft === undefined ? [] : [{ kind: 'version', node, of: 'nft', version: nft } as const]),
    ]),
    assumptions: ['That the crash comes from what the rules hold, as nft 1.0.6 has it with sets made by 1.1.x.'],
    reproduce: LIST,
    remedy:
      'Read the node with the nft that wrote the rules, usually a newer one. Its rules are unknown, not empty; the kernel still applies them.',
  });
}

// -------------------------------------------------------------------------------------------------------------- versions

/** pkg/proxy/nftables/supported.go */
const MINIMUM = { kernel: [5, 13, 0], nft: [1, 0, 1] } as const;

interface BelowMinimum extends OfNode {
  readonly old: readonly { readonly of: 'kernel' | 'nft'; readonly version: string }[];
}

/** Where kube-proxy works, or should work, in nftables mode. */
function belowMinimum(node: NodeContext): readonly BelowMinimum[] {
  if (!node.isNftables) return [];
  const { name, input } = node;
  const old = (['kernel', 'nft'] as const).flatMap((of) => {
    const version = input.versions[of];
    return version !== undefined && isBelow(version, MINIMUM[of]) ? [{ of, version }] : [];
  });
  return old.length === 0
    ? []
    : [{ node: name, text: old.map(({ of, version }) => `${of} ${version}`).join(' and '), old }];
}

function belowMinimumFinding({ text, old }: BelowMinimum, group: readonly BelowMinimum[]): Finding {
  const nodes = nodesOf(group);
  return finding({
    code: 'version-below-minimum',
    summary: `${listed(nodes)} ${nodes.length === 1 ? 'has' : 'have'} ${text}: kube-proxy's nftables mode needs ${old.map(({ of }) => `${of} ${minimumText(of)}`).join(' and ')}.`,
    services: [],
    nodes,
    evidence: group.flatMap(({ node, old: own }) =>
      own.map(({ of, version }) => ({ kind: 'version', node, of, version }) as const),
    ),
    assumptions: ['That the version numbers tell what is supported; distributions may have added it to older ones.'],
    reproduce: 'uname -r; nft --version',
    remedy: 'Update the node, or run its kube-proxy in iptables mode.',
  });
}

const minimumText = (of: keyof typeof MINIMUM): string =>
  of === 'kernel' ? MINIMUM.kernel.slice(0, 2).join('.') : MINIMUM.nft.join('.');

function isBelow(version: string, minimum: readonly number[]): boolean {
  const parts = /^v?(\d+)\.(\d+)(?:\.(\d+))?/.exec(version)?.slice(1);
  if (parts === undefined) return false;
  for (const [at, least] of minimum.entries()) {
    const part = Number(parts[at] ?? 0);
    if (part !== least) return part < least;
  }
  return false;
}

// --------------------------------------------------------------------------------------------------------- what is missing

const ABSENT = 'it was not read';

/** Files that every capture has: those of one node that are missing or failed, for nodes that lack the same together. */
function missingParts({ nodes, cluster }: Context): readonly Finding[] {
  const groups = new Map<string, { readonly parts: readonly Part[]; readonly nodes: string[] }>();
  for (const { name, input } of nodes) {
    const parts = NODE_FILES.flatMap((file): readonly Part[] => {
      const reading = input.files.get(file.name) ?? { kind: 'absent' };
      const problem = input.problems.get(file.name);
      if (reading.kind === 'failed') return [{ ...file, why: describeFailure(reading.failure) }];
      if (reading.kind === 'absent') return file.expected && input.files.size > 0 ? [{ ...file, why: ABSENT }] : [];
      return problem === undefined ? [] : [{ ...file, why: problem.say }];
    });
    if (parts.length === 0) continue;
    const key = parts.map((part) => `${part.name} ${part.why}`).join('\n');
    const group = groups.get(key) ?? { parts, nodes: [] };
    groups.set(key, group);
    group.nodes.push(name);
  }
  const found = [...groups.values()].map((group) => incomplete(group.parts, group.nodes));
  const objects = clusterParts(cluster, nodes.length > 1);
  return objects.length === 0 ? found : [...found, incomplete(objects, [])];
}

interface Part {
  readonly name: string;
  readonly command: string;
  readonly without: string;
  readonly why: string;
}

/** Of one host or a single listing nobody expects the cluster's objects; several nodes are a cluster. */
function clusterParts(cluster: Context['cluster'], isCluster: boolean): readonly Part[] {
  const parts = {
    'services.json': cluster.services,
    'endpointslices.json': cluster.endpointSlices,
    'nodes.json': cluster.nodes,
    'pods.json': cluster.pods,
  } as const;
  const unknown = CLUSTER_FILES.flatMap((file): readonly Part[] => {
    const part = file.name in parts ? parts[file.name as keyof typeof parts] : undefined;
    return part === undefined || part.known ? [] : [{ ...file, why: part.why }];
  });
  return unknown.length === Object.keys(parts).length && !isCluster ? [] : unknown;
}

function incomplete(parts: readonly Part[], nodes: readonly string[]): Finding {
  const where = nodes.length === 0 ? 'the cluster' : listed(nodes);
  return finding({
    code: 'capture-incomplete',
    summary: `Of ${where} ${parts.map(({ name }) => name).join(', ')} ${parts.length === 1 ? 'is' : 'are'} missing. ${parts.map(({ without }) => without).join(' ')}`,
    services: [],
    nodes,
    evidence: (nodes.length === 0 ? ['cluster'] : nodes).flatMap((node) =>
      parts.map(({ name, why }) => ({ kind: 'reading', node, file: name, text: why }) as const),
    ),
    reproduce: parts.map(({ command }) => command).join('; '),
    remedy: 'Capture it again; until then no finding that needs it can be made.',
  });
}

/** Nodes of the cluster that were not captured. */
function missingNodes({ cluster, nodes }: Context): readonly Finding[] {
  if (!cluster.nodes.known) return [];
  const captured = new Set(nodes.map(({ name }) => name));
  const missing = cluster.nodes.value.filter(({ name }) => !captured.has(name));
  if (missing.length === 0) return [];
  const names = missing.map(({ name }) => name);
  return [
    finding({
      code: 'capture-incomplete',
      summary: `The capture has not ${listed(names)}: nothing is known of the rules there.`,
      services: [],
      nodes: names,
      evidence: missing.map(
        ({ name }) => ({ kind: 'object', object: 'Node', namespace: '', name, text: 'not captured' }) as const,
      ),
      reproduce: 'kubectl get nodes',
      remedy: 'Capture these nodes as well.',
    }),
  ];
}
