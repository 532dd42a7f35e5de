import { expect, type Page, test } from './app';
import { violationsOf } from './axe';
import { openBroken } from './broken-capture';

const WEB = '/service?service=shop/web&node=node-1';
const figure = (page: Page) =>
  page.getByRole('figure', { name: 'Chains of the Service, from base chains to endpoints' });
const parts = (page: Page) => figure(page).getByRole('button');
const nodes = (page: Page) => page.getByRole('region', { name: 'The Service on every node' });
/** The trace of what is looked at, in the bar above. */
const bar = (page: Page) => page.locator('a.bg-ink', { hasText: /^Trace$/ });
const settled = async (page: Page) => {
  await expect(page.getByText('as expected on all 3 nodes')).toBeVisible();
  await expect(page.getByText('Reading nodes')).toHaveCount(0);
};

test('the list finds a Service by what it has, and opens it', async ({ page }) => {
  await page.goto('/service');
  const rows = page.getByRole('region', { name: 'Services' }).getByRole('row');
  await expect(rows.nth(1)).toBeVisible();
  await page.keyboard.press('/');
  await page.keyboard.type('203.0.113.10');
  await expect(page.getByText(/^1 of \d+ Services$/)).toBeVisible();
  await expect(page).toHaveURL(/find=203\.0\.113\.10/);
  await expect(rows.nth(1)).toContainText('as expected');
  await rows.nth(1).getByRole('link', { name: 'shop/web' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'shop/web' })).toBeVisible();
  await page.getByRole('link', { name: 'Services', exact: true }).last().click();
  await expect(page.getByRole('searchbox', { name: 'Filter the Services' })).toHaveValue('203.0.113.10');
});

test('the list tells what becomes of the traffic although the rules are as expected', async ({ page }) => {
  await openBroken(page, '/service');
  const rows = page.getByRole('region', { name: 'Services' }).getByRole('row');
  await expect(rows.filter({ hasText: 'shop/web' })).toContainText('captured on node-3');
  await expect(rows.filter({ hasText: 'shop/api' })).toContainText('dropped on node-1');
  await expect(rows.filter({ hasText: 'shop/card-gateway' })).toContainText('no rules');
  // By name data/postgres, which has no rules, stands before it.
  const texts = await rows.allTextContents();
  const at = (text: string) => texts.findIndex((row) => row.includes(text));
  expect(at('no rules')).toBeGreaterThan(at('shop/web'));
  await page.getByRole('checkbox', { name: 'only those that are not as expected' }).check();
  await expect(page).toHaveURL(/odd=true/);
  await expect(rows.filter({ hasText: 'shop/card-gateway' })).toHaveCount(0);
  await expect(rows.filter({ hasText: 'shop/web' })).toBeVisible();
});

test('the tab names the Service; the view is found by its name too', async ({ page }) => {
  await page.goto('/services?find=shop/web');
  await expect(page).toHaveURL(/\/service\?find=shop/);
  await expect(page).toHaveTitle('Services · nftscope');
  await page.getByRole('link', { name: 'shop/web', exact: true }).click();
  await expect(page).toHaveTitle('shop/web · nftscope');
});

test('g s opens the Services', async ({ page }) => {
  await page.goto('/hook-map');
  await page.keyboard.press('g');
  await page.keyboard.press('s');
  await expect(page).toHaveURL(/\/service/);
});

test('the chains from base chain to endpoint, each with its share', async ({ page }) => {
  await page.goto(WEB);
  await expect(figure(page)).toMatchAriaSnapshot(`
    - figure:
      - group "Base chain":
        - button "Base chain, nat-output, nat output −100"
        - button "Base chain, nat-prerouting, nat prerouting −100"
      - group "Chain":
        - button /Chain, services/
      - group "Map element":
        - button "Map element, 10.101.115.108 . tcp . 80, ClusterIP, @service-ips"
        - button "Map element, 203.0.113.10 . tcp . 80, load balancer address, @service-ips"
        - button "Map element, tcp . 30080, NodePort, @service-nodeports"
      - group "External chain":
        - button /external-KHN6ECMT-shop.web.tcp.http, source is replaced/
      - group "Service chain":
        - button /service-KHN6ECMT-shop.web.tcp.http, all endpoints/
      - group "Endpoint":
        - button /10\\.244\\.1\\.3:8080, web-.* node-1/
        - button /10\\.244\\.2\\.3:8080, web-.* node-2/
        - button /10\\.244\\.3\\.3:8080, web-.* node-3/
  `);
  await expect(figure(page).locator('svg text', { hasText: '1/3' })).toHaveCount(3);
});

test('by keyboard: one stop, arrows along the way, Enter chooses, the link opens the Ruleset', async ({ page }) => {
  await page.goto(WEB);
  await expect(parts(page).first()).toBeVisible();
  await expect(figure(page).locator('[tabindex="0"]')).toHaveCount(1);
  await parts(page).first().focus();
  for (const key of ['ArrowDown', 'ArrowRight', 'ArrowRight', 'ArrowRight']) await page.keyboard.press(key);
  await expect(page.locator(':focus')).toHaveAccessibleName(/external-KHN6ECMT/);
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/part=chain(:|%3A)external-KHN6ECMT/);
  const chosen = page.getByRole('region', { name: 'Chosen part' });
  await expect(chosen).toContainText('goto service-KHN6ECMT-shop/web/tcp/http');
  await chosen.getByRole('link', { name: 'Open in Ruleset' }).click();
  await expect(page).toHaveURL(/\/ruleset\?.*chain=external-KHN6ECMT/);
});

test('t shows the same as a list; a link brings it back', async ({ page }) => {
  await page.goto(WEB);
  await expect(figure(page)).toBeVisible();
  const names = await parts(page).evaluateAll((all) => all.map((one) => one.dataset.part));
  await page.keyboard.press('t');
  await expect(page).toHaveURL(/as=text/);
  await expect(figure(page)).toHaveCount(0);
  const list = page.locator('section', { has: page.getByRole('heading', { name: 'Chains' }) }).getByRole('listitem');
  await expect(list.filter({ hasText: '1/3 of new connections' }).last()).toBeVisible();
  // Each part once, and services once more under the second base chain, external once more under the NodePort.
  expect(await list.count()).toBeGreaterThanOrEqual(names.length);
  await page.reload();
  await expect(list.first()).toContainText('nat-output');
});

test('another port, another node: in the address, and the page behind it', async ({ page }) => {
  await page.goto(WEB);
  await settled(page);
  await page.getByRole('radio', { name: /https 443/ }).click();
  await expect(page).toHaveURL(/port=https/);
  await expect(figure(page).getByRole('button', { name: /10\.101\.115\.108 \. tcp \. 443/ })).toBeVisible();
  await nodes(page).getByRole('button', { name: 'node-3' }).click();
  await expect(page).toHaveURL(/node=node-3/);
  await expect(page.getByRole('columnheader', { name: 'Chosen on node-3' })).toBeVisible();
});

test('a Service of both families: what is chosen of each, and nobody ready', async ({ page }) => {
  await page.goto('/service?service=shop/status-page&node=node-1');
  const endpoints = page.getByRole('region', { name: 'Endpoints' }).getByRole('row');
  await expect(page.getByRole('heading', { name: 'Endpoints 3 endpoints, 6 addresses' })).toBeVisible();
  await expect(endpoints).toHaveCount(7);
  await expect(endpoints.filter({ hasText: /always|1\/[23]/ })).toHaveCount(6);
  await page.goto('/service?service=shop/inventory');
  await expect(page.getByText('no endpoints', { exact: true })).toBeVisible();
});

test('every node: each way in, the endpoints used, and a trace from there', async ({ page }) => {
  await page.goto(WEB);
  await settled(page);
  const row = nodes(page).getByRole('row').filter({ hasText: 'node-2' });
  await expect(row).toContainText('3 of 3');
  await expect(row.getByRole('cell').filter({ hasText: 'as expected' })).toHaveCount(7);
  await row.getByRole('link', { name: 'Trace from node-2' }).click();
  await expect(page).toHaveURL(/\/trace\?.*from=node-2&to=svc/);
  await expect(page.getByText('delivered').first()).toBeVisible();
});

test('the way of a packet: lit at once where motion is not wanted', async ({ page }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await page.goto(WEB);
  await expect(parts(page).first()).toBeVisible();
  await page.getByRole('button', { name: 'NodePort http: Show the way' }).click();
  await expect(page).toHaveURL(/way=http/);
  await expect(page.getByText('Its way touches 6 places here.')).toBeVisible();
  await expect(page.getByText('delivered', { exact: true })).toBeVisible();
  const lit = figure(page).locator('button.border-2');
  await expect(lit).toHaveCount(8);
  await expect(figure(page).getByRole('button', { name: /nat-output/ })).not.toHaveClass(/border-2/);
});

test('the way of a packet: part after part, to the same end', async ({ page }) => {
  await page.emulateMedia({ reducedMotion: 'no-preference' });
  await page.goto(`${WEB}&way=http/tcp+ClusterIP&from=external`);
  await expect(figure(page).locator('button.border-2')).toHaveCount(7);
});

test('the way of a pod elsewhere begins there: said, drawn there, and traced from there', async ({ page }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  const pod = 'shop/web-6d4f8b7c9-2hxkz';
  await page.goto(`/service?service=shop/web&node=node-3&from=${pod}&way=http/tcp+ClusterIP`);
  await expect(page.getByText('It begins on node-1, which translates it')).toBeVisible();
  await expect(figure(page).locator('button.border-2')).toHaveCount(0);
  await expect(bar(page)).toHaveAttribute('href', /node=node-1&.*scope=path/);
  await page.getByRole('button', { name: 'Draw node-1' }).click();
  await expect(page).toHaveURL(/node=node-1/);
  await expect(figure(page).locator('button.border-2')).toHaveCount(7);
  await expect(bar(page)).not.toHaveAttribute('href', /scope=path/);
});

test('the trace in the bar is of the port that is drawn', async ({ page }) => {
  await page.goto(`${WEB}&port=https/tcp`);
  await expect(bar(page)).toHaveAttribute('href', /to=svc%3Ashop%2Fweb%3Ahttps/);
});

test('traffic that is lost is traced from its sender, and from every node', async ({ page }) => {
  await openBroken(page, '/service?service=shop/api&node=node-2');
  const card = page.getByRole('region', { name: /^On node-1 .* drops traffic/ });
  await expect(card.getByRole('link', { name: /trace it from every node/ })).toHaveAttribute('href', /scope=every/);
  await card.getByRole('link', { name: /trace it from(?! every)/ }).click();
  await expect(page).toHaveURL(/\/trace\?.*scope=path/);
  await expect(page).toHaveURL(/to=(svc(:|%3A)shop(\/|%2F)api|10\.99\.151\.112)/);
  await expect(page.getByText(/hardening/).first()).toBeVisible();
});

test('Escape closes the chosen part, then the way, and clears the filter of the list', async ({ page }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await page.goto(`${WEB}&part=chain:services&way=http/tcp+ClusterIP`);
  await expect(page.getByRole('region', { name: 'Chosen part' })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('region', { name: 'Chosen part' })).toHaveCount(0);
  await expect(page).toHaveURL(/way=/);
  await page.keyboard.press('Escape');
  await expect(page).not.toHaveURL(/way=/);
  await page.goto('/service');
  await expect(page.getByText(/^\d+ Services$/)).toBeVisible();
  await page.keyboard.press('/');
  await page.keyboard.type('web');
  await expect(page).toHaveURL(/find=web/);
  await page.keyboard.press('Escape');
  await expect(page).not.toHaveURL(/find=/);
  await page.keyboard.press('Escape');
  await expect(page.getByRole('searchbox', { name: 'Filter the Services' })).not.toBeFocused();
  await page.goto('/service?find=web');
  await expect(page.getByText(/^\d+ of \d+ Services$/)).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page).not.toHaveURL(/find=/);
});

test('the help names each key once, by what it does here', async ({ page }) => {
  await page.goto('/service');
  await page.keyboard.press('?');
  const help = page.getByRole('dialog', { name: 'Keys' });
  await expect(help).toBeVisible();
  const keys = await help.locator('dt').allTextContents();
  expect(keys.filter((key, at) => keys.indexOf(key) !== at)).toEqual([]);
  await expect(help).toContainText('Filter the Services');
  await expect(help).not.toContainText('Search the ruleset');
});

test('on a phone nothing of a node or an endpoint is cut, and traces are there too', async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(WEB);
  await settled(page);
  await expect(page.getByText(/ready, serving; node-1/)).toBeVisible();
  // A box that is smaller than what is in it hides the rest.
  const cut = await page.locator('main tbody tr *').evaluateAll((all) =>
    all
      .filter((one) => one.getClientRects().length > 0 && !one.classList.contains('sr-only'))
      .filter((one) => getComputedStyle(one).overflowY === 'hidden' && one.scrollHeight > one.clientHeight + 2)
      .map((one) => one.textContent),
  );
  expect(cut).toEqual([]);
  await expect(nodes(page).getByRole('link', { name: 'Trace from node-2' })).toBeVisible();
});

test('a long code stays in its card', async ({ page }) => {
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.goto('/service?service=shop/checkout&node=node-3');
  const code = page.getByText('external-policy-no-local-endpoint').first();
  await expect(code).toBeVisible();
  const over = await code.evaluate((one) => {
    const card = one.closest('.rounded-card');
    return one.getBoundingClientRect().right - (card?.getBoundingClientRect().right ?? 0);
  });
  expect(over).toBeLessThan(0);
});

test('a Service that is not there says so, and what it may have been', async ({ page }) => {
  await page.goto('/service?service=shop/wep');
  await expect(page.getByText('The cluster has no Service shop/wep.')).toBeVisible();
  await expect(page.getByText(/Like it: .*shop\/web/)).toBeVisible();
});

for (const colorScheme of ['light', 'dark'] as const)
  for (const [name, path, size] of [
    ['list', '/service', { width: 1440, height: 900 }],
    ['graph', `${WEB}&part=chain:services`, { width: 1440, height: 900 }],
    ['list of chains', `${WEB}&as=text`, { width: 1440, height: 900 }],
    ['phone, list', '/service', { width: 390, height: 844 }],
    ['phone', WEB, { width: 390, height: 844 }],
  ] as const)
    test(`axe: ${name}, ${colorScheme}`, async ({ page }) => {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.setViewportSize(size);
      await page.goto(path);
      if (path === '/service')
        await expect(page.getByRole('region', { name: 'Services' }).getByRole('link').first()).toBeVisible();
      else {
        await settled(page);
        await expect(page.getByRole('heading', { name: 'Chains' })).toBeVisible();
        await expect(page.getByText('nat-prerouting').first()).toBeVisible();
      }
      expect(await violationsOf(page)).toEqual([]);
      // The page does not scroll sideways.
      expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)).toBeLessThanOrEqual(
        0,
      );
    });
