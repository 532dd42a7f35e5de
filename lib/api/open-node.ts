/** One node opened for views: everything decoded and indexed once, from the raw outputs of a capture. Pure. */
import { AddressBook } from '../cluster/address-book';
import { type BuiltCluster, buildCluster } from '../cluster/build-cluster';
import type { Cluster } from '../cluster/cluster';
import { decodeBytes } from '../decode/decode-bytes';
import { supplementFromText } from '../decode/supplement';
import { type IptablesName, iptablesNames } from '../explain/iptables-names';
import { within } from '../explain/words';
import { failed, ok, type Problem, type Result } from '../net/result';
import type { Ruleset } from '../nft/model';
import { type BuiltParts, buildParts, buildWorld, type NodeFiles } from '../world/build-world';
import { describeFailure, type FileReading } from '../world/capture-files';
import type { Known, World } from '../world/world';
import { RulesetIndex } from './ruleset-index';

/** What a source gave for one node. Contents are bytes; nothing is decoded yet. */
export interface NodeInput {
  readonly node: string;
  readonly files: ReadonlyMap<string, FileReading<Uint8Array>>;
  readonly cluster: ReadonlyMap<string, FileReading<Uint8Array>>;
  readonly capturedAt: string | undefined;
  /** Hash of the files. */
  readonly version: string;
}

export interface OpenNode {
  readonly node: string;
  readonly version: string;
  readonly capturedAt: string | undefined;
  readonly files: NodeInput['files'];
  readonly clusterFiles: NodeInput['cluster'];
  readonly built: BuiltParts;
  readonly cluster: BuiltCluster;
  readonly addresses: AddressBook;
  readonly world: World;
  /** The ruleset with its index, or why there is none. */
  readonly ruleset: Result<RulesetIndex>;
}

const LISTING = 'nft.json';
const TEXT = 'nft.txt';

/** @param decoded of `input.cluster`, where it is decoded already */
export function openNode(input: NodeInput, decoded?: BuiltCluster): OpenNode {
  const texts = textsOf(input.files, (name) => name !== LISTING && name !== TEXT);
  const built = buildParts(texts);
  const cluster = decoded ?? buildCluster(textsOf(input.cluster, () => true));
  const ruleset = decodeListing(input.files);
  const known: Known<Ruleset> = ruleset.ok
    ? { known: true, value: ruleset.value }
    : { known: false, why: within(ruleset.problem.say) };
  const addresses = addressesOf(cluster.cluster);
  return {
    node: input.node,
    version: input.version,
    capturedAt: built.capturedAt ?? input.capturedAt,
    files: input.files,
    clusterFiles: input.cluster,
    built,
    cluster,
    addresses,
    world: buildWorld(built.parts, known),
    ruleset: ruleset.ok ? ok(new RulesetIndex(ruleset.value, namesOf(cluster))) : ruleset,
  };
}

const books = new WeakMap<Cluster, AddressBook>();

/** One for all nodes of a cluster. */
function addressesOf(cluster: Cluster): AddressBook {
  const known = books.get(cluster);
  if (known !== undefined) return known;
  const made = new AddressBook(cluster);
  books.set(cluster, made);
  return made;
}

/** Made when the first asks, once for all tables. */
function namesOf({ cluster }: BuiltCluster): () => ReadonlyMap<string, IptablesName> {
  let names: ReadonlyMap<string, IptablesName> | undefined;
  return () => {
    names ??= iptablesNames(cluster);
    return names;
  };
}

/** The listing, supplemented from the text beside it. A failed reading is a problem, never an empty ruleset. */
export function decodeListing(files: NodeInput['files']): Result<Ruleset> {
  const listing = files.get(LISTING) ?? { kind: 'absent' };
  switch (listing.kind) {
    case 'absent':
      return failed(noListing());
    case 'failed':
      return failed(unreadable(describeFailure(listing.failure), listing.failure.remedy));
    case 'read': {
      const ruleset = decodeBytes(listing.content);
      if (!ruleset.ok) return failed(ruleset.problem);
      const text = files.get(TEXT);
      return ok(
        text?.kind === 'read'
          ? supplementFromText(ruleset.value, new TextDecoder().decode(text.content))
          : ruleset.value,
      );
    }
  }
}

function textsOf(files: NodeInput['files'], wanted: (name: string) => boolean): NodeFiles {
  const texts = new Map<string, FileReading>();
  const decoder = new TextDecoder();
  for (const [name, reading] of files) {
    if (!wanted(name)) continue;
    texts.set(name, reading.kind === 'read' ? { kind: 'read', content: decoder.decode(reading.content) } : reading);
  }
  return texts;
}

const noListing = (): Problem => ({
  code: 'SRC-013',
  say: 'The ruleset of this node was not read: nothing is known about its rules.',
  do: 'Capture the node again with nft -j list ruleset. That it is missing does not mean that it is empty.',
});

const unreadable = (
  how: string,
  remedy = 'Read it again as root, with an nft at least as new as the one that wrote the ruleset.',
): Problem => ({
  code: 'SRC-012',
  say: `The node is unreadable: ${how}.`,
  // Last: it may end with a here-document, whose last line has to stay alone.
  do: `Nothing is known about its rules; it is not empty. ${remedy}`,
});
