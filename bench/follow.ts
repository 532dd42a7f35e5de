/**
 * From a change of a large ruleset to the new content, followed and listed: an agent in this process, its programs in a network
 * namespace. Needs root and nft.
 *
 *   node --conditions=react-server --import tsx bench/follow.ts [SERVICES] [CHANGES]
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { renderRuleset } from '../lib/render/render-ruleset';
import { NodeReader, READER_DEFAULTS } from '../server/agent/node-reader';
import { kubeProxyNode, serviceAddress } from './kube-proxy-node';

const [services = '5000', changes = '20'] = process.argv.slice(2);
const namespace = `nftscope-follow-bench-${process.pid}`;
const folder = mkdtempSync(join(tmpdir(), 'nftscope-'));
const nft = join(folder, 'nft');
writeFileSync(nft, `#!/bin/sh\nexec ip netns exec ${namespace} nft "$@"\n`, { mode: 0o755 });
const commit = (input: string) => execFileSync(nft, ['-f', '-'], { input, maxBuffer: 1e9 });
const say = (words: string) => process.stdout.write(`${words}\n`);
const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

execFileSync('ip', ['netns', 'add', namespace]);
process.once('exit', () => {
  execFileSync('ip', ['netns', 'del', namespace]);
  rmSync(folder, { recursive: true });
});
const { ruleset } = kubeProxyNode(Number(services));
if (!ruleset.known) throw new Error(ruleset.why);
commit(renderRuleset(ruleset.value));

let longest = 0;
let ticked = performance.now();
setInterval(() => {
  longest = Math.max(longest, performance.now() - ticked - 10);
  ticked = performance.now();
}, 10).unref();

for (const follow of [true, false]) {
  const reader = new NodeReader({
    ...READER_DEFAULTS,
    node: 'bench',
    nft: [{ of: 'image', argv: [nft] }],
    program: () => 'true',
    follow,
    unheld: (why) => say(`  listed anew: ${why}`),
  });
  let told: () => void = () => undefined;
  reader.listen(({ kind }) => kind === 'ruleset' && told());
  const until = async (isDone: () => boolean) => {
    while (!isDone()) {
      await new Promise<void>((resolve) => {
        told = resolve;
        setTimeout(resolve, 1000).unref();
      });
    }
  };
  reader.start();
  await until(() => reader.state === 'current' && reader.follower?.isFollowing !== false);
  const one = reader.held.get('nft.json');
  say(
    `${services} Services, ${one?.reading.kind === 'read' ? Math.round(one.reading.content.length / 1e6) : '?'} MB, ${follow ? 'followed' : 'listed'}`,
  );
  longest = 0;
  const times: number[] = [];
  const used = process.cpuUsage();
  for (let i = 0; i < (follow ? Number(changes) : 3); i += 1) {
    const name = `service-changed-${follow}-${i}`;
    const address = serviceAddress(Number(services) + (follow ? 100 : 200) + i);
    commit(`add chain ip kube-proxy ${name}
      add rule ip kube-proxy ${name} meta l4proto tcp dnat to numgen random mod 2 map { 0 : 10.1.0.1 . 80, 1 : 10.1.0.2 . 80 }
      add element ip kube-proxy cluster-ips { ${address} }
      add element ip kube-proxy service-ips { ${address} . tcp . 80 : goto ${name} }`);
    const began = performance.now();
    const before = reader.held.get('nft.json')?.sha256;
    await until(() => reader.state === 'current' && reader.held.get('nft.json')?.sha256 !== before);
    times.push(performance.now() - began);
    const content = reader.held.get('nft.json')?.reading;
    if (content?.kind !== 'read' || !Buffer.from(content.content).includes(`"${name}"`))
      throw new Error('it lacks the change');
    if (follow) await new Promise((resolve) => setTimeout(resolve, 1500));
  }
  const { user, system } = process.cpuUsage(used);
  say(
    `  from the change to the new content: median ${Math.round(median(times))} ms, at most ${Math.round(Math.max(...times))} ms, of ${times.length}`,
  );
  say(
    `  ${reader.facts.listings} listings; longest pause ${Math.round(longest)} ms; ${Math.round((user + system) / 1000 / times.length)} ms of the agent's own time each; writing ${reader.facts.writeMs} ms`,
  );
  say(`  ${JSON.stringify(reader.follower?.facts ?? {})}`);
  if (follow) say(`  memory ${Math.round(process.memoryUsage.rss() / 1e6)} MB`);
  reader.stop();
}
