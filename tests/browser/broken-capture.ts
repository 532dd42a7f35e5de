import { readFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import { packTar, unpackTar } from 'modern-tar';
import { expect, type Page } from './app';

const DEMO = new URL('../../public/demo/shop-3node.tar.gz', import.meta.url);

const chain = (table: string, name: string, rest: Record<string, unknown>) => ({
  chain: { family: 'inet', table, name, handle: 1, policy: 'accept', ...rest },
});

/** A firewall that drops what is forwarded. */
const FIREWALL = [
  { table: { family: 'inet', name: 'hardening', handle: 900 } },
  chain('hardening', 'fwd', { type: 'filter', hook: 'forward', prio: 10, policy: 'drop' }),
];

/** A load balancer that takes a NodePort at kube-proxy's own priority. */
const BALANCER = [
  { table: { family: 'inet', name: 'edge-lb', handle: 901 } },
  chain('edge-lb', 'pre', { type: 'nat', hook: 'prerouting', prio: -100 }),
  {
    rule: {
      family: 'inet',
      table: 'edge-lb',
      chain: 'pre',
      handle: 2,
      expr: [
        { match: { op: '==', left: { payload: { protocol: 'tcp', field: 'dport' } }, right: 30443 } },
        { dnat: { family: 'ip', addr: '10.244.3.3', port: 8443 } },
      ],
    },
  },
];

/** The demo capture with the firewall on node-1, the load balancer on node-3, and without the routes of node-2, packed. */
async function brokenCapture(): Promise<Buffer> {
  const entries = await unpackTar(gunzipSync(readFileSync(DEMO)));
  const files = entries.flatMap(({ header, data }) => {
    if (/nodes\/(node-[13]\/nft\.txt|node-2\/route4\.json)$/.test(header.name)) return [];
    let body = data ?? new Uint8Array();
    const more = /nodes\/node-1\/nft\.json$/.test(header.name)
      ? FIREWALL
      : /nodes\/node-3\/nft\.json$/.test(header.name)
        ? BALANCER
        : undefined;
    if (more !== undefined) {
      const listing = JSON.parse(new TextDecoder().decode(body)) as { nftables: unknown[] };
      body = new TextEncoder().encode(JSON.stringify({ nftables: [...listing.nftables, ...more] }));
    }
    return [{ header: { ...header, size: body.length }, body }];
  });
  return Buffer.from(gzipSync(await packTar(files)));
}

/** Opens it as a user does; the page is then that of `view`. */
export async function openBroken(page: Page, view: string): Promise<void> {
  await page.goto('/ruleset');
  await page.locator('input[type=file]').setInputFiles({
    name: 'broken.tar.gz',
    mimeType: 'application/gzip',
    buffer: await brokenCapture(),
  });
  await expect(page).toHaveURL(/source=upload/);
  const source = new URL(page.url()).searchParams.get('source') ?? '';
  await page.goto(`${view}${view.includes('?') ? '&' : '?'}source=${source}`);
}
