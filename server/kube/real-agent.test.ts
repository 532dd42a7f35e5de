/** The client against the agent itself: through the pod proxy, its tokens checked by the API server, and directly over TLS. */
import { execFileSync } from 'node:child_process';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { accessTo } from '../../tests/kube/access-to';
import { eventually } from '../../tests/kube/eventually';
import { FakeApiServer } from '../../tests/kube/fake-api-server';
import { agentPod } from '../../tests/kube/start-shop';
import { agentServer } from '../agent/agent-server';
import { NodeReader, READER_DEFAULTS } from '../agent/node-reader';
import { fakeNft, LISTING } from '../agent/testing/fake-nft';
import { startAgent } from '../agent/testing/start-agent';
import type { TokenCheck } from '../agent/token-check';
import { REVIEW_DEFAULTS, tokenReviewCheck } from '../agent/token-review';
import type { NodeCapture, SourceChange } from '../sources/source';
import { temporaryFolder } from '../sources/testing/make-bundle';
import { clusterSource } from './cluster-source';

let folder: ReturnType<typeof temporaryFolder>;
let api: FakeApiServer;
const stops: (() => void)[] = [];
beforeEach(async () => {
  folder = temporaryFolder();
  api = await new FakeApiServer().start();
  api.store.set('nodes', { metadata: { name: 'node-1' } });
  writeFileSync(join(folder.path, 'listing'), LISTING);
  writeFileSync(join(folder.path, 'events'), '');
  writeFileSync(join(folder.path, 'token'), 'own');
});
afterEach(async () => {
  for (const stop of stops.splice(0)) stop();
  await api.stop();
  folder.remove();
});
const at = (name: string) => join(folder.path, name);
const nft = () =>
  [
    {
      of: 'image',
      argv: [fakeNft(folder.path, { json: `cat '${at('listing')}'`, monitor: `exec tail -n 0 -f '${at('events')}'` })],
    },
  ] as const;
async function node(source: ReturnType<typeof clusterSource>): Promise<NodeCapture> {
  const result = await source.node('node-1', new AbortController().signal);
  if (!result.ok) throw new Error(result.problem.say);
  return result.value;
}
const listingOf = ({ files }: NodeCapture) => {
  const one = files.get('nft.json');
  if (one?.kind === 'read') return Buffer.from(one.content).toString();
  return one?.kind === 'failed' ? one.failure.stderr : undefined;
};

test('through the pod proxy: tokens by the API server, a reading, and a change that is heard', async () => {
  api.users.set('own', { name: 'agent' });
  api.users.set('mine', { name: 'me' });
  api.users.set('reader', { name: 'reader', audiences: ['nftscope-agent'], mayGet: ['/nftscope/agent'] });
  const check = tokenReviewCheck({ ...REVIEW_DEFAULTS, server: api.url, tokenFile: at('token'), caFile: at('none') });
  const agent = await startAgent({ nft: nft(), check });
  stops.push(agent.stop);
  agent.reader.start();
  const port = Number(new URL(agent.base).port);
  api.store.set('pods', agentPod('node-1', port));
  api.proxied.set(`nftscope/agent-node-1:${port}`, agent.base);
  const open = (token: string) =>
    clusterSource({
      access: accessTo(api, ['mine']),
      agentToken: async () => token,
      restMs: { agent: 0, exec: 0 },
    });
  expect(listingOf(await node(open('mine')))).toMatch(/status 401/);
  const source = open('reader');
  const first = await node(source);
  expect(listingOf(first)).toBe(LISTING);
  expect(first.cost).toMatchObject({ listing: { bytes: LISTING.length }, follow: { failedProofs: 0 } });

  const told: SourceChange[] = [];
  const controller = new AbortController();
  stops.push(() => controller.abort());
  source.watch?.((change) => told.push(change), controller.signal);
  await eventually(() => api.asked.some(({ url }) => url.endsWith('/v1/events')));
  const changed = LISTING.replace('"filter"', '"changed"');
  // Until it is heard: the stream may begin after the first change.
  for (let i = 2; !told.some(({ kind }) => kind === 'node'); i++) {
    writeFileSync(at('listing'), changed.replace('changed', `changed${i}`));
    appendFileSync(at('events'), `# new generation ${i} by process 1 (nft)\n`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(told.find(({ kind }) => kind === 'node')).toEqual({ kind: 'node', node: 'node-1' });
  expect(listingOf(await node(source))).toContain('changed');
}, 30_000);

test('directly over TLS: the certificate must be of the name that is expected', async () => {
  const openssl = (...args: readonly string[]) => execFileSync('openssl', args, { cwd: folder.path, stdio: 'pipe' });
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const name = ['-subj', '/CN=x', '-addext', 'subjectAltName=DNS:nftscope-agent'];
  openssl('req', '-x509', ...curve, '-keyout', 'tls.key', '-out', 'tls.crt', '-days', '2', ...name);
  const reader = new NodeReader({ node: 'node-1', ...READER_DEFAULTS, program: () => 'true', nft: nft() });
  const tls = { cert: readFileSync(at('tls.crt')), key: readFileSync(at('tls.key')) };
  const check: TokenCheck = async (token) =>
    token === 'reader' ? { kind: 'allowed' } : { kind: 'unknown', advice: '' };
  const { server, close } = agentServer({ reader, version: '0', check, tls, log: () => undefined });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stops.push(() => {
    close();
    reader.stop();
  });
  const pod = agentPod('node-1', 0);
  const { port } = server.address() as AddressInfo;
  const containers = [{ name: 'agent', ports: [{ name: 'https', containerPort: port }] }];
  api.store.set('pods', { ...pod, spec: { ...pod.spec, containers } });
  const open = (serverName: string) =>
    clusterSource({
      access: accessTo(api),
      agentToken: async () => 'reader',
      agentTls: { ca: tls.cert, serverName },
    });
  expect(listingOf(await node(open('nftscope-agent')))).toBe(LISTING);
  expect(api.asked.some(({ url }) => url.includes('/proxy/'))).toBe(false);
  expect(listingOf(await node(open('other')))).toMatch(/altnames|Hostname/i);
}, 30_000);
