/** NetworkPolicies as context. The demo cluster's only policy lets pods app=api of shop reach postgres of data; nothing enforces it. */
import { expect, test } from './app';
import { violationsOf } from './axe';
import { openBroken } from './broken-capture';

const FORBIDDEN = 'from=shop/web-6d4f8b7c9-2hxkz&to=data/postgres-0&dport=5432';
const ALLOWED = 'from=shop/api-5b8c9d6f7-8tqwn&to=data/postgres-0&dport=5432';
const SAYS = /The rules pass what the ingress policies of data\/postgres-0 do not allow \(data\/postgres-from-api\)/;

test('a trace says what the policies ask, and that the rules do otherwise', async ({ page }) => {
  await page.goto(`/trace?node=node-1&${FORBIDDEN}`);
  await expect(page.getByText('but NetworkPolicies do not allow it')).toBeVisible();
  const packet = page.getByRole('complementary', { name: 'Packet' }).filter({ visible: true });
  await expect(packet.getByText(SAYS)).toBeVisible();
  await expect(packet.getByText('data/postgres-from-api', { exact: true })).toBeVisible();
  await expect(packet.getByText('no policy selects it')).toBeVisible();
});

test('a whole path that they allow: no remark', async ({ page }) => {
  await page.goto(`/trace?node=node-1&scope=path&${ALLOWED}`);
  const policies = page.getByRole('region', { name: 'NetworkPolicies' });
  await expect(policies.getByText('The policies allow it.')).toBeVisible();
  await expect(policies.getByText(SAYS)).toHaveCount(0);
});

test('a Service names those that select the pods behind it', async ({ page }) => {
  await page.goto('/service?service=data/postgres-ro');
  const policies = page.getByRole('region', { name: 'NetworkPolicies' });
  await expect(policies.getByText('data/postgres-from-api')).toBeVisible();
  await expect(policies.getByText('ingress; selects the pod')).toBeVisible();
});

test('from every node: groups of everybody who asks', async ({ page }) => {
  await page.goto('/trace?node=node-1&scope=every&from=node-1&to=svc:monitoring/otel-agent:statsd');
  await expect(page.getByRole('heading', { level: 1, name: '3 different answers.' })).toBeVisible();
  await expect(page.getByText('6 questions, each traced for itself.')).toBeVisible();
  await page.getByRole('button', { name: 'Ask again' }).click();
  await expect(page.getByRole('row')).toHaveCount(4);
});

test('from every node: what the policies ask is said of those who ask', async ({ page }) => {
  await page.goto('/trace?node=node-1&scope=every&from=node-1&to=data/postgres-1:5432');
  const policies = page.getByRole('region', { name: 'NetworkPolicies' });
  const asked = policies.getByRole('listitem');
  await expect(asked.filter({ hasText: 'NetworkPolicies allow it.' })).toContainText('node-3');
  await expect(asked.filter({ hasText: 'do not allow it. The rules do otherwise' })).toContainText('node-1');
  expect(await violationsOf(page)).toEqual([]);
});

test('from every node: a question that nobody can ask is an error that says why', async ({ page }) => {
  await page.goto('/trace?node=node-1&scope=every&from=node-1&to=external');
  await expect(page.getByText('To which port of external client?')).toBeVisible();
});

test('the facts under a verdict: no line begins with a dot', async ({ page }) => {
  await page.setViewportSize({ width: 800, height: 800 });
  await page.goto(`/trace?node=node-1&${FORBIDDEN}`);
  const facts = page.locator('header p').filter({ has: page.getByText('but NetworkPolicies do not allow it') });
  await expect(facts).toBeVisible();
  const places = await facts.evaluate((line) => {
    const box = line.parentElement?.getBoundingClientRect().left ?? 0;
    return Array.from(line.children, (fact, at) => {
      const { left } = fact.getBoundingClientRect();
      const before = line.children[at - 1]?.getBoundingClientRect().left;
      // The dot is drawn 8 px from the left of its fact, and about 4 px wide.
      return { isFirst: before === undefined || left <= before, isDotSeen: left + 8 + 4 > box };
    });
  });
  expect(places.map(({ isDotSeen }) => isDotSeen)).toEqual(places.map(({ isFirst }) => !isFirst));

  // On a phone each dot belongs to the fact before it, and no line is broken between the two.
  await page.setViewportSize({ width: 320, height: 800 });
  const dots = await facts.evaluate((line) =>
    Array.from(line.children, (fact) => ({
      before: getComputedStyle(fact, '::before').display !== 'none',
      after: /^"\u00a0· "/.test(getComputedStyle(fact, '::after').content),
    })),
  );
  expect(dots.length).toBeGreaterThan(1);
  expect(dots).toEqual(dots.map((_, at) => ({ before: false, after: at < dots.length - 1 })));
});

test('a command that shows a finding again names the source as the command line does', async ({ page }) => {
  const answer = (await (await page.request.get('/api/sources')).json()) as {
    sources: { id: string; argument: string }[];
  };
  expect(answer.sources.find(({ id }) => id === 'demo')?.argument).toMatch(/shop-3node\.tar\.gz$/);
  await openBroken(page, '/findings');
  const rows = page.locator('[data-finding]');
  // A whole capture is decoded and looked through first.
  await expect(rows.first()).toBeVisible({ timeout: 20_000 });
  for (const row of await rows.all()) {
    await row.click();
    await expect(page.getByText('See it yourself')).toBeVisible();
    await expect(page.getByText('--source S ')).toHaveCount(0);
    if ((await page.getByText(/^nftscope .*--source [\w.-]+\.tar\.gz /).count()) > 0) return;
  }
  throw new Error('no finding has a command with a source');
});

for (const colorScheme of ['light', 'dark'] as const)
  for (const [name, path] of [
    ['trace', `/trace?node=node-1&${FORBIDDEN}`],
    ['path', `/trace?node=node-1&scope=path&${FORBIDDEN}`],
    ['Service', '/service?service=data/postgres-ro'],
  ] as const)
    test(`axe: ${name}, ${colorScheme}, 390 px`, async ({ page }) => {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.setViewportSize({ width: 390, height: 844 });
      await page.goto(path);
      await expect(page.getByText(/NetworkPolicies/).first()).toBeVisible();
      expect(await violationsOf(page)).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)).toBeLessThanOrEqual(
        0,
      );
    });
