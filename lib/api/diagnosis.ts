/** A diagnosis for views: a whole capture decoded, and its findings with what a page needs to show and link them. Pure. */
import { buildCluster } from '../cluster/build-cluster';
import { chainOwner, ownerOf } from '../explain/owners';
import { within } from '../explain/words';
import { decodeAsked, namedAsked } from '../findings/asked';
import { Context, type DiagnosisInput, type NodeInput } from '../findings/context';
import { diagnose } from '../findings/diagnose';
import { type AskedAnswer, explainAsked } from '../findings/explain-asked';
import { type Cause, type Evidence, type Finding, SEVERITIES } from '../findings/finding';
import { ok, type Result } from '../net/result';
import { sha256 } from '../net/sha256';
import type { PathQuestion } from '../reach/named-question';
import type { Network } from '../reach/network';
import { renderContext } from '../render/context';
import { renderRuleTokens } from '../render/render-rule';
import { buildParts, buildWorld } from '../world/build-world';
import type { FileReading } from '../world/capture-files';
import type { DiagnosisView, EvidenceView, FindingView, LookedAt } from './findings-types';
import { decodeListing } from './open-node';
import { endsOf } from './packet-ends';

type RawFiles = ReadonlyMap<string, FileReading<Uint8Array>>;

/** A whole source as it was read: nothing is decoded yet. Plain data: it can be posted to a worker. */
export interface RawDiagnosis {
  readonly cluster: RawFiles;
  readonly nodes: readonly { readonly name: string; readonly files: Result<RawFiles> }[];
}

/** One connection, as JSON ({@link decodeAsked}) or by names. */
export type AskedConnection =
  | { readonly kind: 'json'; readonly json: { readonly [key: string]: unknown } }
  | { readonly kind: 'names'; readonly path: PathQuestion };

/** Decodes everything once. A node that cannot be read is among the others, with the reason. */
export function decodeDiagnosis({ cluster, nodes }: RawDiagnosis): DiagnosisInput {
  return { cluster: buildCluster(textsOf(cluster)).cluster, nodes: nodes.map(decodeNode) };
}

function decodeNode({ name, files: found }: RawDiagnosis['nodes'][number]): NodeInput {
  const files: RawFiles = found.ok ? found.value : new Map();
  const ruleset = found.ok ? decodeListing(files) : found;
  const { parts, versions, problems } = buildParts(textsOf(files, LISTINGS));
  const known = ruleset.ok
    ? ({ known: true, value: ruleset.value } as const)
    : ({ known: false, why: within(ruleset.problem.say) } as const);
  return { name, ruleset, world: buildWorld(parts, known), versions, files, problems };
}

/** Large, and decoded from their bytes. */
const LISTINGS: ReadonlySet<string> = new Set(['nft.json', 'nft.txt']);

function textsOf(files: RawFiles, without: ReadonlySet<string> = new Set()): ReadonlyMap<string, FileReading> {
  const decoder = new TextDecoder();
  const texts = new Map<string, FileReading>();
  for (const [name, reading] of files) {
    if (without.has(name)) continue;
    texts.set(name, reading.kind === 'read' ? { kind: 'read', content: decoder.decode(reading.content) } : reading);
  }
  return texts;
}

/** All findings; with a connection also those that are about such a connection only, and how it ends. */
export function diagnosisView(input: DiagnosisInput, asked: AskedConnection | undefined): Result<DiagnosisView> {
  const ask =
    asked === undefined
      ? undefined
      : (network: Network) =>
          asked.kind === 'json' ? decodeAsked(asked.json, network) : namedAsked(asked.path, network);
  const context = new Context(input, ask);
  // A question that makes no sense is told before the long work.
  const question = ask?.(context.network);
  if (question !== undefined && !question.ok) return question;
  const found = diagnose(context);
  const ids = idsOf(found);
  const idOf = (one: Finding): string => ids.get(one) ?? one.code;
  const answer = question === undefined ? undefined : explainAsked(context, question.value, found);
  return ok({
    findings: found.map((one) => ({
      ...findingView(answer?.retold.get(one) ?? one, idOf, found, context),
      id: idOf(one),
    })),
    looked: lookedAt(context),
    asked: answer === undefined ? null : askedView(answer, idOf),
  });
}

const askedView = (
  { results, undecided, astray, explainedBy }: AskedAnswer,
  idOf: (one: Finding) => string,
): DiagnosisView['asked'] => ({ results, undecided, astray, explainedBy: explainedBy.map(idOf) });

/** Each once, in the order of the findings; of equal ones the later are numbered. */
function idsOf(findings: readonly Finding[]): ReadonlyMap<Finding, string> {
  const ids = new Map<Finding, string>();
  const taken = new Map<string, number>();
  for (const one of findings) {
    const hash = sha256(JSON.stringify([one.nodes, one.services]), 4)
      .map((byte) => byte.toString(16).padStart(2, '0'))
      .join('');
    const id = `${one.code}~${hash}`;
    const before = taken.get(id) ?? 0;
    taken.set(id, before + 1);
    ids.set(one, before === 0 ? id : `${id}~${before + 1}`);
  }
  return ids;
}

/** Evidence given for one finding: a fault of ten thousand Services is seen in the first ones. */
const EVIDENCE = 100;

function findingView(
  finding: Finding,
  idOf: (one: Finding) => string,
  all: readonly Finding[],
  context: Context,
): FindingView {
  const { evidence, causes, ...rest } = finding;
  return {
    ...rest,
    id: idOf(finding),
    evidence: evidence.slice(0, EVIDENCE).map((one) => evidenceView(one, context)),
    evidenceCount: evidence.length,
    causes: [...new Set(causes.flatMap((cause) => all.filter((one) => isOf(cause, one)).map(idOf)))],
  };
}

const isOf = (cause: Cause, { code, nodes, services }: Finding): boolean =>
  cause.code === code && cause.nodes === nodes && cause.services === services;

function evidenceView(one: Evidence, context: Context): EvidenceView {
  if (one.kind === 'packet') return { ...one, ends: endsOf(one.packet, context.network) };
  if (one.kind !== 'rule' && one.kind !== 'difference') return one;
  const ruleset = context.node(one.node)?.ruleset;
  const table = ruleset?.tables.find(({ family, name }) => family === one.family && name === one.table);
  if (one.kind === 'difference') {
    const isChain = table?.chains.some(({ name }) => name === one.name) === true;
    const isSet = table?.sets.some(({ name }) => name === one.name) === true;
    return { ...one, in: isChain ? 'chain' : isSet ? 'set' : null };
  }
  const rule = table?.chains.find(({ name }) => name === one.chain)?.rules.find(({ handle }) => handle === one.handle);
  if (table === undefined || rule === undefined) return { ...one, tokens: null, owner: null };
  return {
    ...one,
    tokens: renderRuleTokens(rule, renderContext(table, ruleset?.nftVersion)),
    owner: chainOwner(table, one.chain, ownerOf(table)).key,
  };
}

function lookedAt({ nodes, cluster }: Context): LookedAt {
  return {
    nodes: nodes.length,
    unknown: nodes.flatMap(({ name, input }) => (input.ruleset.ok ? [] : [{ name, why: input.ruleset.problem.say }])),
    services: cluster.services.known ? cluster.services.value.length : null,
    pods: cluster.pods.known ? cluster.pods.value.length : null,
    codes: Object.keys(SEVERITIES).length,
  };
}
