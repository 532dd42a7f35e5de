/**
 * Replays a packet: builds the node of a plan in namespaces of its own, loads the ruleset, checks that it is the captured one,
 * sends the packet, reads the kernel's trace and compares. Nothing of the host is touched (see helper.py).
 */
import 'server-only';
import { decodeListing } from '@/lib/api/open-node';
import type { ReplayPlan, RoutesPlan, RulesetPlan } from '@/lib/api/replay-plan';
import type { Agreement, Obstacle } from '@/lib/monitor/agreement';
import { better } from '@/lib/monitor/align-sequence';
import { normaliseRule } from '@/lib/monitor/rule-text';
import { parseJson } from '@/lib/net/json-cursor';
import { renderRuleset } from '@/lib/render/render-ruleset';
import { canonicalListing, compareListings, handleMap, ruleHandles } from '@/lib/replay/compare-listing';
import { agrees, type Judgement, judge, type KernelRun, OWN_TABLE } from '@/lib/replay/judge';
import type { NodePlan } from '@/lib/replay/replay-plan';
import { routeChanges, ruleLines, versionFlag } from '@/lib/replay/setup-commands';
import { type Setting, settingMatters } from '@/lib/replay/sysctl-plan';
import { decodeRoutes } from '@/lib/world/decode-routes';
import { type CommandOutcome, Helper, HelperError } from './helper-process';

/** The whole replay, building included. */
const SECONDS = 60;
/** Chance decides: the packet is sent until the kernel took every branch, at most this often. */
const RUNS_MAX = 24;

type Build = NonNullable<ReplayPlan['build']>;

/** Leaves the replay: something stands in its way. */
class Stop extends Error {
  constructor(readonly obstacles: readonly Obstacle[]) {
    super('not replayable');
  }
}
const stop = (code: string, say: string): never => {
  throw new Stop([{ code, say }]);
};

export async function replay(plan: ReplayPlan, signal: AbortSignal): Promise<Agreement> {
  if (plan.build === undefined || plan.obstacles.length > 0)
    return { kind: 'not-replayable', obstacles: plan.obstacles };
  let helper: Helper | undefined;
  try {
    helper = new Helper(SECONDS, signal);
    return await replayWith(helper, plan.build);
  } catch (error) {
    if (error instanceof Stop) return { kind: 'not-replayable', obstacles: error.obstacles };
    if (!(error instanceof HelperError)) throw error;
    const say = signal.aborted ? 'The replay was stopped.' : `The replay failed: ${error.message}.`;
    return { kind: 'not-replayable', obstacles: [{ code: signal.aborted ? 'stopped' : 'failed', say }] };
  } finally {
    await helper?.close();
  }
}

async function replayWith(helper: Helper, build: Build): Promise<Agreement> {
  const { node, ruleset } = build;
  const release = await buildNode(helper, build);
  const version = /v(\d[\d.]*)/.exec((await helper.run(['nft', '--version'])).stdout)?.[1] ?? 'unknown';
  const wanted = node.expected.branches.length;
  const seen = new Set<number>();
  let last: Judgement | undefined;
  let runs = 0;
  while (runs < (wanted === 1 ? 1 : RUNS_MAX) && seen.size < wanted) {
    const handles = await load(helper, ruleset, version);
    await trace(helper, node);
    await helper.request({ op: 'flush-conntrack' });
    const run = await helper.request<KernelRun>({ op: 'packet', ...node.injection });
    if (run.events.some(({ kind }) => kind === 'lost')) stop('lost', 'The kernel reported more than could be read.');
    runs++;
    const judged = judge(run, node.expected, handles);
    const isWorse =
      last === undefined || !agrees(judged) || better(last.alignment, judged.alignment) !== last.alignment;
    if (isWorse) last = judged;
    if (!agrees(judged)) break;
    seen.add(judged.alignment.branch);
  }
  if (last === undefined) return stop('failed', 'The packet was not sent.');
  const replayed = {
    kernel: /^\d+\.\d+/.exec(release)?.[0] ?? release,
    release,
    nft: version,
    runs,
    branchesSeen: [...seen].sort((a, b) => a - b),
    branches: wanted,
    alignment: last.alignment,
  };
  return agrees(last) ? { kind: 'agrees', ...replayed } : { kind: 'diverges', ...replayed, endings: last.endings };
}

interface SysctlFailure {
  readonly key: string;
  readonly value: string;
  readonly say: string;
}

async function buildNode(helper: Helper, { node, routes }: Build): Promise<string> {
  const built = await helper.request<{ readonly kernel: string; readonly failures: readonly SysctlFailure[] }>({
    op: 'build',
    links: node.links,
    sysctl: node.sysctl.first,
  });
  const later = await helper.request<{ readonly failures: readonly SysctlFailure[] }>({
    op: 'sysctl',
    values: node.sysctl.links,
  });
  const failures = [...built.failures, ...later.failures].filter(({ key, value }) =>
    settingMatters([key, value] satisfies Setting, node.hasBridge),
  );
  if (failures.length > 0) {
    throw new Stop(
      failures.map(({ key, value, say }) => ({
        code: 'sysctl',
        say: `${key} cannot be set to ${value} here: ${say}.`,
      })),
    );
  }
  await batch(helper, node.linkLines, 'The interfaces and addresses');
  for (const one of routes) await setRoutes(helper, one);
  await batch(helper, node.neighbourLines, 'The neighbours');
  const listening = await helper.request<{
    readonly failures: readonly { readonly port: number; readonly say: string }[];
  }>({
    op: 'listen',
    sockets: node.sockets,
  });
  const [failure] = listening.failures;
  if (failure !== undefined) stop('sockets', `No socket could listen on port ${failure.port}: ${failure.say}.`);
  return built.kernel;
}

async function batch(helper: Helper, lines: readonly string[], what: string, flag?: string): Promise<void> {
  if (lines.length === 0) return;
  const done = await helper.run(['ip', ...(flag === undefined ? [] : [flag]), '-batch', '-'], `${lines.join('\n')}\n`);
  if (done.status !== 0) stop('setup', `${what} could not be set up: ${batchError(done, lines)}`);
}

/** `RTNETLINK answers: …` with the line that it is about. */
function batchError({ stderr }: CommandOutcome, lines: readonly string[]): string {
  const at = /Command failed -:(\d+)/.exec(stderr)?.[1];
  const line = at === undefined ? undefined : lines[Number(at) - 1];
  return `${firstLine(stderr)}${line === undefined ? '' : ` (ip ${line})`}`;
}

const firstLine = (text: string): string => text.trim().split('\n')[0] ?? '';

async function setRoutes(helper: Helper, { family, routes, rules }: RoutesPlan): Promise<void> {
  const flag = versionFlag(family);
  if (rules !== undefined)
    await batch(
      helper,
      ruleLines(rules, family).map((line) => `rule ${line}`),
      'The rules of policy routing',
      flag,
    );
  if (routes === undefined) return;
  const current = async () => {
    const { stdout } = await helper.run(['ip', '-j', flag, 'route', 'show', 'table', 'all']);
    const json = parseJson(stdout.trim() === '' ? '[]' : stdout);
    const decoded = json.ok ? decodeRoutes(json.value, family) : json;
    return decoded.ok ? decoded.value : stop('setup', `The routes set up could not be read: ${decoded.problem.say}`);
  };
  const { remove, add } = routeChanges(routes, await current());
  await batch(
    helper,
    remove.map((line) => `route del ${line}`),
    'The routes',
    flag,
  );
  await batch(
    helper,
    add.map((line) => `route append ${line}`),
    'The routes',
    flag,
  );
  const left = routeChanges(routes, await current());
  const [missing, extra] = [left.add[0], left.remove[0]];
  if (missing !== undefined) stop('routes', `A captured route is not there after it was set up: ${missing}`);
  if (extra !== undefined) stop('routes', `A route is there that the capture has not: ${extra}`);
}

/** Loads the ruleset into an empty namespace and compares what is listed with the capture. Gives the handles of the capture. */
async function load(helper: Helper, plan: RulesetPlan, version: string): Promise<ReadonlyMap<string, number>> {
  let refused = '';
  for (const text of plan.texts) {
    await helper.run(['nft', 'flush', 'ruleset']);
    const loaded = await helper.run(['nft', '-f', '-'], text);
    if (loaded.status !== 0) {
      refused ||= firstLine(loaded.stderr) || `exit status ${loaded.status}`;
      continue;
    }
    const { stdout, status } = await helper.run(['nft', '-j', 'list', 'ruleset']);
    const json = parseJson(stdout);
    if (status !== 0 || !json.ok) return stop('listing', 'nft could not list the ruleset it had loaded.');
    await compare(helper, plan, json.value, stdout, version);
    return handleMap(plan.handles, ruleHandles(json.value));
  }
  return stop('refused', `nft ${version} does not load the captured ruleset: ${refused}`);
}

async function compare(helper: Helper, plan: RulesetPlan, json: unknown, text: string, version: string): Promise<void> {
  const difference = compareListings(plan.listing, canonicalListing(json));
  if (difference === undefined) return;
  // Another version prints the same ruleset in another way: compared as the model has it, with what only the text says.
  if (plan.listedBy !== version) {
    const { stdout } = await helper.run(['nft', '-a', 'list', 'ruleset']);
    const encoder = new TextEncoder();
    const model = decodeListing(
      new Map([
        ['nft.json', { kind: 'read', content: encoder.encode(text) }],
        ['nft.txt', { kind: 'read', content: encoder.encode(stdout) }],
      ]),
    );
    const lines = (rendered: string) => rendered.split('\n').map(normaliseRule).sort().join('\n');
    if (model.ok && lines(renderRuleset(model.value, { version: plan.listedBy ?? version })) === lines(plan.rendered))
      return;
  }
  const { captured = 'nothing', loaded = 'nothing' } = difference;
  const from = firstDifference(captured, loaded);
  stop(
    'listing-differs',
    `Loaded and listed again, the ruleset is not the captured one. Captured: ${excerpt(captured, from)}. Loaded: ${excerpt(loaded, from)}.`,
  );
}

function firstDifference(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return at;
}

/** What the object is, and the text around the difference. */
function excerpt(line: string, from: number): string {
  if (line.length <= 200) return line;
  const begin = Math.max(from - 60, 0);
  const part = line.slice(begin, from + 100);
  const kind = begin === 0 ? '' : `${/^\w+/.exec(line)?.[0] ?? ''} ${/"name":"[^"]*"/.exec(line)?.[0] ?? ''} …`;
  return `${kind}${part}${from + 100 < line.length ? '…' : ''}`;
}

const LOWEST = -2147483648;
const HIGHEST = 2147483646;

/** Chains of our own: they switch tracing on before any other chain, and show how far a packet came. */
async function trace(helper: Helper, { injection, links }: NodePlan): Promise<void> {
  const device = injection.from === 'interface' ? links.find(({ name }) => name === injection.iif) : undefined;
  const ingress =
    device === undefined
      ? ''
      : `table netdev ${OWN_TABLE} {
 chain in { type filter hook ingress device "${device.name}" priority ${LOWEST}; policy accept; meta nftrace set 1; }
}`;
  const rules = `${ingress}
table inet ${OWN_TABLE} {
 chain out {
  type filter hook output priority ${LOWEST}; policy accept;
  icmpv6 type { 130-137, 143 } return
  meta nftrace set 1
 }
 chain delivered { type filter hook input priority ${HIGHEST}; policy accept; }
}
`;
  const done = await helper.run(['nft', '-f', '-'], rules);
  if (done.status !== 0) stop('tracing', `Tracing could not be switched on: ${firstLine(done.stderr)}`);
}
