import { expect, type Page, test } from './app';

const API = '/trace?from=shop/web-6d4f8b7c9-2hxkz&to=svc:shop/api:http';
const INVENTORY = '/trace?from=shop/web-6d4f8b7c9-2hxkz&to=svc:shop/inventory:http';

test('a trace that ends badly names the finding that explains it, and leads to the question why', async ({ page }) => {
  await page.goto(INVENTORY);
  const why = page.getByRole('region', { name: 'Why it does not arrive' });
  const finding = why.getByRole('link', { name: /^Service shop\/inventory has no endpoints/ });
  // The whole capture is looked through for it.
  await expect(finding).toBeVisible({ timeout: 25_000 });
  await expect(why.getByText('no-endpoints').filter({ visible: true })).toBeVisible();
  await why.getByRole('link', { name: 'Why does it not arrive?' }).click();
  await expect(page).toHaveURL(/\/findings\?.*to=svc(:|%3A)shop(\/|%2F)inventory/);
  await expect(page.getByText('most likely:')).toBeVisible();
  await page.goBack();
  await finding.click();
  await expect(page.getByRole('region', { name: /^Service shop\/inventory has no endpoints/ })).toBeVisible();
  await expect(page.getByRole('link', { name: /^Trace shop\/inventory from node-/ })).toHaveAttribute(
    'href',
    /from=node-/,
  );
  // And back to the trace of the question.
  await page.getByRole('link', { name: 'Trace it' }).click();
  await expect(page).toHaveURL(/\/trace\?.*scope=path/);
});

test('a trace that arrives asks nothing of the findings', async ({ page }) => {
  await page.goto(API);
  await expect(page.getByText('20 of 20 measured connections agree')).toBeVisible();
  await expect(page.getByRole('region', { name: 'Why it does not arrive' })).toHaveCount(0);
});

test('errors and warnings are counted in the navigation', async ({ page }) => {
  await page.goto('/findings');
  const shown = page.getByRole('group', { name: 'Findings by severity' });
  const counted = async (word: RegExp) =>
    Number.parseInt((await shown.getByRole('button', { name: word }).textContent()) ?? '', 10);
  const said = (await counted(/errors?$/)) + (await counted(/warnings?$/));
  expect(said).toBeGreaterThan(0);
  await page.goto('/hook-map');
  const link = page.getByRole('navigation', { name: 'Views', exact: true }).getByRole('link', { name: /^Findings/ });
  await expect(link).toHaveAccessibleName(/^Findings \d+ (error|warning)s?/);
  await expect(link).toContainText(String(said));
});

test('a rule of a Service leads to its view', async ({ page }) => {
  await page.goto('/ruleset?table=ip+kube-proxy&chain=service-WEZGB4Y6-shop/api/tcp/http&rule=85');
  await page.getByLabel('Explanation').locator('a[href^="/service"]').first().click();
  await expect(page).toHaveURL(/\/service\?.*service=shop(\/|%2F)api/);
});

test('the packet as it was sent stands beside the packet now', async ({ page }) => {
  await page.goto(API);
  const packet = page.getByRole('complementary', { name: 'Packet' }).filter({ visible: true });
  await packet.getByRole('button', { name: 'compare with sent' }).click();
  const row = packet.getByRole('row', { name: /^ip daddr/ });
  await expect(row.getByRole('cell')).toHaveText(['10.99.151.112', /^10\.244\.\d\.4$/]);
  await expect(packet.getByRole('row', { name: /^ip saddr/ }).getByRole('cell')).toHaveText([
    '10.244.1.3',
    '10.244.1.3',
  ]);
  await page.reload();
  await expect(row).toBeVisible();
  await packet.getByRole('button', { name: 'compare with sent' }).click();
  await expect(packet.getByRole('table')).toHaveCount(0);
});

const box = async (page: Page, selector: string) => {
  const found = await page.locator(selector).first().boundingBox();
  if (found === null) throw new Error(`${selector} has no place`);
  return found;
};

test.describe('on a phone', () => {
  test.use({ viewport: { width: 390, height: 844 } });

  for (const path of [API, '/ruleset', '/hook-map', '/conflicts', '/fleet'])
    test(`the views stand at the foot of ${path.split('?')[0]}`, async ({ page }) => {
      await page.goto(path);
      const views = page.getByRole('navigation', { name: 'Views, at the foot of the window' });
      await expect(views.getByRole('link', { name: /^Findings/ })).toBeInViewport({ ratio: 1 });
    });

  for (const path of [API, INVENTORY])
    test(`the first step is above the sheet: ${path}`, async ({ page }) => {
      await page.goto(path);
      await expect(page.getByRole('region', { name: 'Steps' })).toBeVisible();
      await expect(page.getByText(/of \d+ measured agree/)).toBeVisible();
      const step = await box(page, '[data-step="1"]');
      const sheet = await box(page, 'aside[aria-label="Packet"]:visible');
      expect(step.y + step.height).toBeLessThanOrEqual(sheet.y);
    });
});

test('at 200 % zoom half of the window and more is the list of steps', async ({ page }) => {
  await page.setViewportSize({ width: 720, height: 450 });
  await page.goto(API);
  await page.getByRole('button', { name: 'To verdict' }).click();
  await expect(page.locator('[data-step="9"]')).toBeInViewport({ ratio: 1 });
  const bar = await box(page, 'header');
  const foot = await box(page, '[role="toolbar"][aria-label="Stepping"]:visible');
  const sticky = await page.getByTestId('sticky-verdict').locator('> div').boundingBox();
  expect(foot.y - (bar.y + bar.height) - (sticky?.height ?? 0)).toBeGreaterThan(225);
  await page.getByRole('button', { name: /^Packet after step 9/ }).click();
  await expect(page.getByRole('region', { name: 'Packet in full' })).toBeInViewport();
});
