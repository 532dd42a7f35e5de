import { expect, type Page, test } from './app';
import { violationsOf } from './axe';
import { openBroken } from './broken-capture';

const row = (page: Page, text: string | RegExp) => page.getByRole('button', { name: text });

test('the demo: by severity, the most serious first, and what was looked at', async ({ page }) => {
  await page.goto('/findings');
  await expect(row(page, /^Service shop\/inventory has no endpoints/)).toBeVisible();
  await expect(page.getByRole('heading', { level: 2 }).first()).toContainText('no endpoints');
  await expect(page.getByText(/^Looked at: 3 nodes, 29 Services, 22 pods, for \d+ kinds of problem/)).toBeVisible();
  await expect(
    page.getByRole('navigation', { name: 'Views', exact: true }).getByRole('link', { name: /^Findings/ }),
  ).toHaveAttribute('aria-current', 'page');
});

test('filters are in the address, and say how many they leave', async ({ page }) => {
  await page.goto('/findings');
  await page.getByRole('button', { name: /notes?$/ }).click();
  await expect(page).toHaveURL(/severity=info/);
  await expect(row(page, /shop\/inventory/)).toHaveCount(0);
  await expect(row(page, /^Traffic from outside/).first()).toBeVisible();
  await page.reload();
  await expect(page.getByRole('button', { name: /notes?$/ })).toHaveAttribute('aria-pressed', 'true');
  await page.getByRole('searchbox', { name: 'Filter the findings' }).fill('nothing is like this');
  await expect(page.getByText(/^No finding is like this; there are \d+ findings\.$/)).toBeVisible();
});

test('by keyboard: arrows go from finding to finding, Enter opens, the address has it', async ({ page }) => {
  await page.goto('/findings');
  await expect(row(page, /shop\/inventory/)).toBeVisible();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowUp');
  await expect(page.locator(':focus')).toHaveAttribute('data-finding', /./);
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/open=/);
  await expect(page.locator(':focus')).toHaveAttribute('aria-expanded', 'true');
  await expect(page.getByRole('button', { name: 'Copy command' })).toBeVisible();
  await page.keyboard.press('Enter');
  await expect(page).not.toHaveURL(/open=/);
});

test('Escape closes the finding, and its row has the focus; then it clears the filter', async ({ page }) => {
  await page.goto('/findings?find=inventory');
  await row(page, /shop\/inventory/).press('Enter');
  await page.getByRole('button', { name: 'Copy command' }).focus();
  await page.keyboard.press('Escape');
  await expect(page).not.toHaveURL(/open=/);
  await expect(row(page, /shop\/inventory/)).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(page).not.toHaveURL(/find=/);
});

test('g i opens the view from elsewhere', async ({ page }) => {
  await page.goto('/hook-map');
  await page.keyboard.press('g');
  await page.keyboard.press('i');
  await expect(page).toHaveURL(/\/findings/);
});

test('a dropping firewall: its chain is the evidence and a link, the packet opens in Trace with its question', async ({
  page,
}) => {
  await openBroken(page, '/findings?open=drop-after-proxy');
  const opened = page.getByRole('region', { name: /drops traffic/ });
  await expect(opened).toContainText('policy drop');
  await expect(opened.getByRole('link', { name: 'chain inet hardening fwd' })).toHaveAttribute(
    'href',
    /\/ruleset\?.*node=node-1.*chain=fwd/,
  );
  await opened.getByRole('link', { name: 'Trace the packet' }).first().click();
  await expect(page).toHaveURL(/\/trace\?.*from=.*to=/);
  await expect(page.getByRole('heading', { level: 1 })).not.toHaveText(/^Trace on/);
  await expect(page.getByText(/hardening/).first()).toBeVisible();
});

test('a capture that is not whole says so', async ({ page }) => {
  await openBroken(page, '/findings?code=capture-incomplete');
  await expect(page.getByText(/The capture is incomplete/)).toBeVisible();
});

test('a connection is asked about: its end, and the finding that explains it', async ({ page }) => {
  await page.goto('/findings?from=node-1&to=svc:shop/inventory:http');
  const answer = page.getByRole('status').filter({ hasText: 'svc:shop/inventory:http' });
  await expect(answer).toContainText('icmp-port-unreachable');
  await answer.getByRole('link', { name: /Service shop\/inventory has no endpoints/ }).click();
  await expect(page.getByRole('region', { name: /shop\/inventory has no endpoints/ })).toBeVisible();
});

test('what was typed is taken by Enter and by leaving the field, or stays with what is wrong with it', async ({
  page,
}) => {
  await page.goto('/findings');
  const form = page.getByRole('form', { name: 'Ask about a connection' });
  const from = form.getByRole('combobox', { name: 'from' });
  const to = form.getByRole('combobox', { name: 'to', exact: true });
  const said = form.getByRole('alert');
  await from.fill('shop/web');
  await from.press('Enter');
  await expect(said).toContainText('places are like shop/web. Choose one');
  await expect(from).toHaveValue('shop/web');
  await from.fill('lm5vd');
  await from.press('Enter');
  await expect(from).toHaveValue('shop/web-6d4f8b7c9-lm5vd');
  await expect(said).toHaveCount(0);
  await to.fill('10.96.77.77');
  await to.press('Tab');
  await expect(said).toContainText('To which port of 10.96.77.77?');
  await expect(to).toHaveValue('10.96.77.77');
  await expect(form.getByRole('button', { name: 'Explain' })).toBeDisabled();
  await to.fill('10.96.77.77:80/tcp');
  await to.press('Tab');
  await expect(to).toHaveValue('10.96.77.77:80/tcp');
  await form.getByRole('button', { name: 'Explain' }).click();
  await expect(page).toHaveURL(/from=shop\/web-6d4f8b7c9-lm5vd&to=10\.96\.77\.77:80\/tcp/);
});

test('a client outside is asked about where it enters, also by a link that does not name the node', async ({
  page,
}) => {
  await page.goto('/findings?node=node-2&from=external&to=10.240.0.13:30080/tcp');
  await expect(page.getByRole('combobox', { name: 'Enters by: node-3' })).toBeVisible();
  await expect(page.getByRole('status').filter({ hasText: 'external → 10.240.0.13:30080/tcp' })).toContainText(
    'arrives',
  );
});

test('what explains a connection stands before what else was found, and leads to its whole path and back', async ({
  page,
}) => {
  await page.goto('/findings?from=node-1&to=svc:shop/inventory:http');
  await expect(page.getByText('What explains this connection')).toBeVisible();
  await expect(page.locator('[data-finding]').first()).toHaveText(/shop\/inventory has no endpoints/);
  await expect(page.getByText('What else was found')).toBeVisible();
  await page.getByRole('link', { name: 'Trace it' }).click();
  await expect(page).toHaveURL(/scope=path/);
  const why = page.getByRole('region', { name: 'Why it does not arrive' });
  await why.getByRole('link', { name: /shop\/inventory has no endpoints/ }).click();
  await expect(page).toHaveURL(/\/findings\?.*open=/);
  await expect(page.getByRole('region', { name: /shop\/inventory has no endpoints/ })).toBeVisible();
});

test('the Fleet counts them by node, the Service tells its own', async ({ page }) => {
  await openBroken(page, '/fleet');
  const node = page.getByRole('row', { name: /node-1/ });
  await node.getByRole('link', { name: /errors? on node-1/ }).click();
  await expect(page).toHaveURL(/\/findings\?.*on=node-1/);
  await expect(row(page, /drops traffic/).first()).toBeVisible();
  await page.goto('/service?service=shop/inventory');
  await page.getByRole('link', { name: /Service shop\/inventory has no endpoints/ }).click();
  await expect(page.getByRole('region', { name: /shop\/inventory has no endpoints/ })).toBeVisible();
});

test('Conflicts: the tie in words, its witness opens in Trace', async ({ page }) => {
  await openBroken(page, '/conflicts?node=node-3');
  const card = page.getByRole('article', { name: /inet edge-lb pre/ }).first();
  await expect(card).toContainText('tie at −100');
  await expect(card.getByRole('list', { name: 'Rules that decided' })).toContainText('tcp dport 30443');
  // Both orders, each end in a line of its own.
  const [now, swapped] = [card.locator('dl > div').first(), card.locator('dl > div').last()];
  await expect(now).toContainText('edge-lb pre, then kube-proxy nat-prerouting');
  await expect(now.getByRole('listitem')).toHaveText([/^delivered to 10\.244\.3\.3:8443/]);
  await expect(swapped).toContainText('kube-proxy nat-prerouting, then edge-lb pre');
  await expect(swapped.getByRole('listitem')).toHaveText([/^1\/3/, /^1\/3/, /^1\/3/]);
  await card.getByRole('link', { name: 'Trace it' }).click();
  await expect(page).toHaveURL(/\/trace\?.*packet=/);
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
});

test('Conflicts: the demo has none, and says how that was looked for', async ({ page }) => {
  await page.goto('/hook-map');
  await page.getByRole('link', { name: 'Conflicts' }).last().click();
  await expect(page.getByRole('heading', { name: /^No packet was found/ })).toBeVisible();
  await expect(page.getByText(/\d+ pairs? of chains of different owners, [\d,]+ packets? traced/)).toBeVisible();
  await expect(page.getByRole('table', { name: /^Chains at postrouting, IPv4/ })).toBeVisible();
});

for (const { width, height } of [
  { width: 1440, height: 900 },
  { width: 390, height: 844 },
]) {
  test(`axe finds nothing, ${width} px`, async ({ page }) => {
    await page.setViewportSize({ width, height });
    await openBroken(page, '/findings?open=drop-after-proxy');
    const source = new URL(page.url()).searchParams.get('source') ?? '';
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await page.goto(`/findings?source=${source}&open=drop-after-proxy`);
      await expect(page.getByRole('region', { name: /drops traffic/ })).toBeVisible();
      expect(await violationsOf(page), `findings, ${colorScheme}`).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
      await page.goto(`/conflicts?source=${source}&node=node-3`);
      await expect(page.getByRole('article').first()).toBeVisible();
      expect(await violationsOf(page), `conflicts, ${colorScheme}`).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
      await page.goto(`/findings?source=${source}&from=node-1&to=svc:shop/inventory:http`);
      await expect(page.getByRole('link', { name: 'Trace it' })).toBeVisible();
      expect(await violationsOf(page), `a connection, ${colorScheme}`).toEqual([]);
    }
  });
}
