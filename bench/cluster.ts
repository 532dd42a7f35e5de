/**
 * A large cluster as the server sees it: how long until the Fleet view is whole, and how much memory that takes.
 *
 *   node --conditions=react-server --import tsx bench/cluster.ts [BUNDLE] [NODES] [RULESETS]
 *
 * The bundle has one node with the ruleset that all are given, and Services with their EndpointSlices.
 */
import { spawn } from 'node:child_process';
import { Agent } from 'node:http';
import { fileURLToPath } from 'node:url';
import { clusterSource } from '../server/kube/cluster-source';
import { LiveHub } from '../server/live/hub';
import { Store } from '../server/sessions/store';
import { Held } from './held';

const shared = process.env.NFTSCOPE_SHARED ?? fileURLToPath(new URL('../../shared', import.meta.url));
const [bundle = `${shared}/captures/scale-1k.tar.gz`, nodes = '1000', rulesets = '20'] = process.argv.slice(2);
const peers = spawn(
  process.execPath,
  [
    '--conditions=react-server',
    '--import',
    'tsx',
    fileURLToPath(new URL('cluster-peers.ts', import.meta.url)),
    bundle,
    nodes,
    rulesets,
  ],
  { stdio: ['pipe', 'pipe', 'inherit'] },
);
const line = await new Promise<string>((resolve) =>
  peers.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString())),
);
const { url, token, listingBytes } = JSON.parse(line) as { url: string; token: string; listingBytes: number };

const agent = new Agent({ keepAlive: true });
const access = {
  context: 'bench',
  server: url,
  inCluster: false,
  credentials: async () => ({ headers: {}, agent, tls: {} }),
};
/** Requests to agents. */
let asked = 0;
const store = new Store();
store.add(
  'cluster',
  clusterSource({
    access,
    agentToken: async () => {
      asked += 1;
      return token;
    },
  }),
  'cluster',
);
const { signal } = new AbortController();
const mb = (amount: number) => `${Math.round(amount / 1e6)} MB`;
const say = (words: string) => process.stdout.write(`${words}\n`);

say(`${nodes} nodes, ${rulesets} rulesets of ${mb(listingBytes)}`);
const began = performance.now();
const seconds = () => `${((performance.now() - began) / 1000).toFixed(1)} s`;
const hub = new LiveHub(store);
const stop = hub.listen(
  'cluster',
  (event) => event.kind === 'lost' && say(`  ${seconds()} lost ${event.what}: ${event.why}`),
);
/** Pauses beyond this are told one by one. */
const PAUSE_MS = 50;
const held = new Held(PAUSE_MS, (pause) => say(`  ${seconds()} after ${Math.round(pause)} ms in one piece`));

async function untilDone(what: string): Promise<void> {
  const from = performance.now();
  const used = process.cpuUsage();
  held.start();
  let told = -1;
  for (;;) {
    const view = await store.fleet('cluster', true, signal);
    if (!view.ok) throw new Error(view.problem.say);
    const { state, done, of, groups, rows } = view.value;
    const isWhole = state === 'done' && done === of && rows.every(({ version }) => version !== null);
    if (Math.floor((10 * done) / of) !== told) {
      told = Math.floor((10 * done) / of);
      say(`  ${seconds()} ${done} of ${of}, ${mb(process.memoryUsage.rss())}`);
    }
    if (isWhole) {
      say(
        `${what}: ${((performance.now() - from) / 1000).toFixed(1)} s; ${groups.length} groups; ${rows.filter(({ state: one }) => one === 'ready').length} ready`,
      );
      const { user, system } = process.cpuUsage(used);
      say(
        `  ${((user + system) / 1e6).toFixed(1)} s of processor time, ${asked} requests to agents so far; the event loop ${held.words}`,
      );
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

await untilDone('Fleet view, cold');
await untilDone('Fleet view, asked again');
store.changed('cluster');
await untilDone('every node asked again, bodies held');
say(`memory: ${mb(process.memoryUsage.rss())} now, ${mb(process.resourceUsage().maxRSS * 1024)} at most`);
held.end();
stop();
hub.end('cluster');
peers.stdin.end();
setTimeout(() => process.exit(0), 100);
