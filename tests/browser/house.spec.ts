import { expect, test } from './app';

test('the home page loads without errors and without any other host', async ({ page, baseURL }) => {
  const problems: string[] = [];
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('request', (request) => {
    if (!request.url().startsWith(`${baseURL}/`) && !/^(data|blob):/.test(request.url())) problems.push(request.url());
  });
  const response = await page.goto('/');
  expect(response?.status()).toBe(200);
  await expect(page.getByRole('main')).toBeVisible();
  expect(problems).toEqual([]);
});

test('an injected script does not run', async ({ page }) => {
  const response = await page.goto('/');
  expect(response?.headers()['content-security-policy']).toMatch(/script-src 'self' 'nonce-[^']+' 'strict-dynamic';/);
  const ran = await page.evaluate(() => {
    const script = document.createElement('div');
    script.innerHTML = '<img src="data:," onerror="globalThis.injected = true">';
    document.body.append(script);
    return new Promise((resolve) => setTimeout(() => resolve('injected' in globalThis), 200));
  });
  expect(ran).toBe(false);
});

test('the theme follows the system and data-theme overrides it', async ({ page }) => {
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.goto('/');
  const dark = await background();
  await page.emulateMedia({ colorScheme: 'light' });
  const light = await background();
  expect(light).not.toBe(dark);
  await page.evaluate(() => document.documentElement.setAttribute('data-theme', 'dark'));
  expect(await background()).toBe(dark);
});

test('an address that is no view: said in the frame of the others, with a way on', async ({ page }) => {
  const response = await page.goto('/nope');
  expect(response?.status()).toBe(404);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('There is no such view');
  await page.getByRole('link', { name: 'begin with a trace' }).click();
  await expect(page).toHaveURL(/\/trace\?/);
});

test('forced colours: what was found has the system’s pair of colours, also inside', async ({ page }) => {
  await page.emulateMedia({ forcedColors: 'active', colorScheme: 'dark' });
  await page.goto('/trace?from=shop/web-6d4f8b7c9-2hxkz&to=svc:shop/api:http&step=3');
  const inside = page.locator('mark *').first();
  await expect(inside).toBeVisible();
  const [ink, ground] = await inside.evaluate((element) => [
    getComputedStyle(element).color,
    getComputedStyle(element.closest('mark') ?? element).backgroundColor,
  ]);
  expect([ink, ground]).toEqual(['rgb(0, 0, 0)', 'rgb(255, 255, 0)']);
});
