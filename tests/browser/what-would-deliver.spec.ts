import { expect, test } from './app';
import { violationsOf } from './axe';

/** A client outside the source ranges of shop/payments. */
const REFUSED = '/trace?node=node-1&from=external:192.0.2.9&to=203.0.113.12:80';
const INVENTORY = '/trace?from=shop/web-6d4f8b7c9-2hxkz&to=svc:shop/inventory:http';
const API = '/trace?from=shop/web-6d4f8b7c9-2hxkz&to=svc:shop/api:http';

test('what would deliver a dropped packet: behind a press, each with what then becomes of it and a command', async ({
  page,
}) => {
  await page.goto(REFUSED);
  await page.getByRole('button', { name: 'What would deliver it' }).click();
  const dialog = page.getByRole('dialog', { name: 'What would deliver it' });
  const first = dialog.getByRole('listitem').first();
  // One more client allowed comes before a protection taken away from all.
  await expect(first.getByRole('heading')).toContainText('With 192.0.2.9/32 in loadBalancerSourceRanges');
  const element = dialog.getByRole('listitem').filter({ hasText: 'Without an element of ip kube-proxy firewall-ips' });
  await expect(element).toContainText('Reaches one of 3 shop/payments pods');
  await expect(element).toContainText("nft delete element ip kube-proxy firewall-ips '{ 203.0.113.12 . tcp . 80 }'");
  await expect(dialog.getByText(/^\d+ single changes tried/)).toBeVisible();
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    expect(await violationsOf(page), colorScheme).toEqual([]);
  }
  // The view is a link: it opens where it was.
  expect(new URL(page.url()).searchParams.get('deliver')).toBe('true');
  await page.reload();
  await expect(first.getByRole('heading')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(dialog).toHaveCount(0);
  expect(new URL(page.url()).searchParams.get('deliver')).toBeNull();
});

test('its rule is a link into the Ruleset', async ({ page }) => {
  await page.goto(`${REFUSED}&deliver=true`);
  const dialog = page.getByRole('dialog', { name: 'What would deliver it' });
  await dialog
    .getByRole('link', { name: /^Without a rule of/ })
    .first()
    .click();
  await expect(page).toHaveURL(/\/ruleset\?.*rule=\d+/);
});

test('a field of a Service is one of them, and leads to its view', async ({ page }) => {
  await page.goto(`${REFUSED}&deliver=true`);
  const dialog = page.getByRole('dialog', { name: 'What would deliver it' });
  const item = dialog.getByRole('listitem').filter({ hasText: 'in loadBalancerSourceRanges of Service shop/payments' });
  await expect(item).toContainText('Touches every client of this Service, on every node.');
  await item.getByRole('link').click();
  await expect(page).toHaveURL(/\/service\?.*service=shop(\/|%2F)payments/);
});

test('a Service without endpoints: no single change is named', async ({ page }) => {
  await page.goto(`${INVENTORY}&deliver=true`);
  const dialog = page.getByRole('dialog', { name: 'What would deliver it' });
  await expect(dialog.getByText(/^None of the single changes/)).toBeVisible();
  await expect(dialog.getByRole('listitem')).toHaveCount(0);
});

test('a packet that arrives needs none', async ({ page }) => {
  await page.goto(API);
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  await expect(page.getByRole('button', { name: 'What would deliver it' })).toHaveCount(0);
});

test('on a phone the dialog fits and is read without scrolling sideways', async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(`${REFUSED}&deliver=true`);
  const dialog = page.getByRole('dialog', { name: 'What would deliver it' });
  await expect(dialog.getByRole('listitem').first()).toBeVisible();
  const box = await dialog.boundingBox();
  expect(box?.x).toBeGreaterThanOrEqual(0);
  expect((box?.x ?? 0) + (box?.width ?? 999)).toBeLessThanOrEqual(390);
  expect(await dialog.evaluate((element) => element.scrollWidth <= element.clientWidth)).toBe(true);
  expect(await violationsOf(page)).toEqual([]);
});
