/**
 * From a change on a node to the screen: nft in a network namespace, the agent, a fake API server, the built web server and a page in
 * a real browser. Needs root, nft, Chromium and `npm run build`.
 *
 *   node --conditions=react-server --import tsx bench/on-screen.ts [SERVICES] [CHANGES]
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright';
import { renderRuleset } from '../lib/render/render-ruleset';
import { serve } from '../scripts/serve.mjs';
import { chromiumPath } from '../scripts/system.mjs';
import { startAgent } from '../server/agent/testing/start-agent';
import { tokenFileCheck } from '../server/agent/token-check';
import { FakeApiServer } from '../tests/kube/fake-api-server';
import { agentPod } from '../tests/kube/start-shop';
import { kubeProxyNode } from './kube-proxy-node';

const [services = '1000', changes = '25'] = process.argv.slice(2);
const namespace = `nftscope-on-screen-${process.pid}`;
const folder = mkdtempSync(join(tmpdir(), 'nftscope-'));
const at = (name: string) => join(folder, name);
const inside = (name: string) => {
  writeFileSync(at(name), `#!/bin/sh\nexec ip netns exec ${namespace} ${name} "$@"\n`, { mode: 0o755 });
  return at(name);
};
const nft = inside('nft');
const commit = (input: string) => execFileSync(nft, ['-f', '-'], { input, maxBuffer: 1e9 });

execFileSync('ip', ['netns', 'add', namespace]);
process.once('exit', () => {
  execFileSync('ip', ['netns', 'del', namespace]);
  rmSync(folder, { recursive: true });
});
const { ruleset } = kubeProxyNode(Number(services));
if (!ruleset.known) throw new Error(ruleset.why);
commit(renderRuleset(ruleset.value));
commit('add table ip seen; add chain ip seen last; add rule ip seen last counter accept comment "change-none"');

writeFileSync(at('tokens'), 'token\n');
const agent = await startAgent({
  nft: [{ of: 'image', argv: [nft] }],
  program: inside,
  check: tokenFileCheck(at('tokens')),
});
agent.reader.start();
const api = await new FakeApiServer().start();
const port = Number(new URL(agent.base).port);
api.store.set('nodes', { metadata: { name: 'node-1' } });
api.store.set('pods', agentPod('node-1', port));
api.proxied.set(`nftscope/agent-node-1:${port}`, agent.base);
writeFileSync(
  at('config'),
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server: api.url } }],
    users: [{ name: 'u', user: {} }],
    contexts: [{ name: 'bench', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'bench',
  }),
);
const web = await serve({
  root: fileURLToPath(new URL('..', import.meta.url)),
  port: 3947,
  clusters: [{ kubeconfig: at('config'), agentTokenFile: at('tokens') }],
});
const sources = (await (await fetch(`${web.url}/api/sources`)).json()) as object;
const id = /"id":"([^"]+)"[^}]*"kind":"cluster"|"kind":"cluster"[^}]*"id":"([^"]+)"/.exec(JSON.stringify(sources));
const source = id?.[1] ?? id?.[2] ?? '';
const executablePath = chromiumPath();
const browser = await chromium.launch({
  ...(executablePath !== undefined && { executablePath }),
  args: ['--no-sandbox'],
});
const page = await browser.newPage();
await page.goto(`${web.url}/ruleset?source=${encodeURIComponent(source)}&node=node-1&table=ip+seen`);
const seen = (change: string) => page.getByText(`comment "change-${change}"`).first().waitFor({ timeout: 60_000 });
await seen('none');
const times: number[] = [];
for (let i = 0; i < Number(changes); i += 1) {
  await new Promise((resolve) => setTimeout(resolve, 1000));
  commit(`flush chain ip seen last; add rule ip seen last counter accept comment "change-${i}"`);
  const began = performance.now();
  await seen(String(i));
  times.push(performance.now() - began);
}
times.sort((a, b) => a - b);
const at_ = (part: number) => Math.round(times[Math.min(times.length - 1, Math.floor(part * times.length))] ?? 0);
process.stdout.write(
  `${services} Services, ${times.length} changes: on the screen after ${at_(0.5)} ms (median), ${at_(0.9)} ms (nine of ten), ${at_(1)} ms at most\n` +
    `  ${agent.reader.facts.listings} listings, ${JSON.stringify(agent.reader.follower?.facts)}\n`,
);
await browser.close();
await web.stop();
agent.stop();
await api.stop();
process.exit(0);
