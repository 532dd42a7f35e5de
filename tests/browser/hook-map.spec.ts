import { AxeBuilder } from '@axe-core/playwright';
import { expect, type Page, test } from './app';

const figure = (page: Page) => page.getByRole('figure', { name: 'Base chains by hook and priority' });
const chains = (page: Page) => figure(page).getByRole('button');

test('every base chain in its place', async ({ page }) => {
  await page.goto('/hook-map');
  await expect(figure(page)).toMatchAriaSnapshot(`
    - figure "Base chains by hook and priority":
      - group "prerouting":
        - button /ip kube-proxy filter-prerouting-pre-dnat, kube-proxy, type filter, priority -110, number 1/
        - button /ip kube-proxy nat-prerouting, kube-proxy, type nat, priority -100, runs at -100, number 2/
      - group "forward":
        - button /ip kube-proxy filter-forward, .* priority 0, number 1/
      - group "input":
        - button /ip kube-proxy filter-input/
      - group "output":
        - button /ip kube-proxy filter-output-pre-dnat/
        - button /ip kube-proxy nat-output/
        - button /ip kube-proxy filter-output,/
      - group "postrouting":
        - button /inet kindnet-ipmasq postrouting, kindnet, type nat, priority 90, runs at 100, number 1/
        - button /ip kube-proxy nat-postrouting, .* runs at 100, number 2/
  `);
});

test('by keyboard: one stop, arrows along the way, Enter chooses, the link opens the Ruleset', async ({ page }) => {
  await page.goto('/hook-map');
  await expect(chains(page).first()).toBeVisible();
  await expect(figure(page).locator('[tabindex="0"]')).toHaveCount(1);
  await chains(page).first().focus();
  await page.keyboard.press('ArrowDown');
  await expect(page.locator(':focus')).toHaveAccessibleName(/nat-prerouting/);
  await page.keyboard.press('ArrowRight');
  await expect(page.locator(':focus')).toHaveAccessibleName(/filter-forward/);
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/chain=ip\+kube-proxy\+nat-prerouting/);
  const chosen = page.getByRole('region', { name: 'ip kube-proxy nat-prerouting' });
  await expect(chosen).toContainText('type nat hook prerouting priority dstnat; policy accept;');
  await expect(chosen).toContainText('All nat chains of this hook run together at −100 until one translates.');
  await chosen.getByRole('link', { name: 'Open in Ruleset' }).click();
  await expect(page).toHaveURL(/\/ruleset\?.*chain=nat-prerouting/);
});

test('t shows the same as a table, in the order of the figure', async ({ page }) => {
  await page.goto('/hook-map');
  await expect(figure(page)).toBeVisible();
  await page.keyboard.press('t');
  await expect(page).toHaveURL(/as=text/);
  await expect(page.getByRole('heading', { level: 2 })).toHaveText([
    'prerouting',
    'forward',
    'input',
    'output',
    'postrouting',
  ]);
  await expect(page.getByRole('region', { name: 'postrouting' })).toMatchAriaSnapshot(`
    - region "postrouting":
      - heading "postrouting" [level=2]
      - paragraph: next out by an interface
      - table:
        - rowgroup:
          - row "run chain priority type policy ends packets"
        - rowgroup:
          - row /1 kindnet inet kindnet-ipmasq postrouting srcnat - 10 90 runs at 100 nat accept no/
          - row /2 kube-proxy ip kube-proxy nat-postrouting srcnat 100 nat accept no/
          - row /conntrack. confirm last kernel/
  `);
  await page.keyboard.press('t');
  await expect(figure(page)).toBeVisible();
});

for (const width of [1440, 390]) {
  test(`the table tells every fact of the figure, ${width} px`, async ({ page }) => {
    await page.setViewportSize({ width, height: 900 });
    await page.goto('/hook-map?as=figure');
    await expect(chains(page)).toHaveCount(9);
    const told = await chains(page).evaluateAll((cells) => cells.map((cell) => cell.getAttribute('aria-label') ?? ''));
    await page.goto('/hook-map?as=text');
    await expect(page.getByRole('row', { name: 'conntrack: look up or create' })).toHaveCount(2);
    for (const row of await page.getByRole('row', { name: 'conntrack: look up or create' }).all())
      await expect(row).toContainText('-200');
    for (const label of told) {
      const fact = (pattern: RegExp) => pattern.exec(label)?.[1] ?? '';
      const row = page.getByRole('row', { name: new RegExp(`${fact(/^Base chain (\S+ \S+ \S+),/)}(?![\\w-])`) });
      const texts = await row.getByRole('cell').filter({ visible: true }).allInnerTexts();
      const text = ` ${texts.join(' ').replaceAll(/\s+/g, ' ')} `;
      expect(text, label).toContain(` ${fact(/priority (-?\d+)/)} `);
      expect(text, label).toContain(fact(/type (\w+)/));
      expect(text, label).toContain(fact(/policy (\w+)/));
      expect(texts[0], label).toBe(fact(/number (\d+)/));
      for (const end of fact(/can (.+)$/).split(' and ')) expect(text, label).toContain(end);
    }
    // Columns stand in line from hook to hook.
    const edges = await page
      .getByRole('columnheader', { name: 'priority' })
      .evaluateAll((heads) => heads.map((head) => head.getBoundingClientRect().right));
    expect(new Set(edges).size).toBe(1);
  });
}

test('a family without chains says what that means', async ({ page }) => {
  await page.goto('/hook-map');
  await page.getByRole('radio', { name: 'arp' }).click();
  await expect(page.getByText('No base chain of arp: nftables does not touch ARP on node-1.')).toBeVisible();
  await page.getByRole('radio', { name: 'ip6 + inet' }).click();
  await expect(page).toHaveURL(/family=ip6/);
  await expect(page.getByRole('button', { name: /^Base chain ip6 kube-proxy nat-prerouting/ })).toBeVisible();
});

// ----------------------------------------------------------------------------------------- ties and later drops

const base = (table: string, name: string, hook: string, prio: number, rest: Record<string, unknown> = {}) => ({
  chain: { family: 'ip', table, name, handle: 9, type: 'filter', hook, prio, policy: 'accept', ...rest },
});
const rule = (table: string, chain: string, handle: number) => ({
  rule: { family: 'ip', table, chain, handle, expr: [{ counter: { packets: 0, bytes: 0 } }] },
});

/** docker loaded first, so that kube-proxy runs first at equal priority. */
const TWO_OWNERS = {
  nftables: [
    { metainfo: { version: '1.0.9', release_name: 'Old Doc Yak #3', json_schema_version: 1 } },
    { table: { family: 'ip', name: 'docker', handle: 1 } },
    base('docker', 'FORWARD', 'forward', 0, { policy: 'drop' }),
    base('docker', 'PREROUTING', 'prerouting', -100, { type: 'nat' }),
    rule('docker', 'FORWARD', 10),
    rule('docker', 'PREROUTING', 11),
    { table: { family: 'ip', name: 'kube-proxy', handle: 2 } },
    { chain: { family: 'ip', table: 'kube-proxy', name: 'services', handle: 3 } },
    base('kube-proxy', 'filter-forward', 'forward', 0),
    base('kube-proxy', 'nat-prerouting', 'prerouting', -100, { type: 'nat' }),
    rule('kube-proxy', 'filter-forward', 12),
    rule('kube-proxy', 'nat-prerouting', 13),
  ],
};

async function openTwoOwners(page: Page) {
  await page.goto('/hook-map');
  await expect(figure(page)).toBeVisible();
  await page.locator('input[type=file]').setInputFiles({
    name: 'two-owners.json',
    mimeType: 'application/json',
    buffer: Buffer.from(JSON.stringify(TWO_OWNERS)),
  });
  await expect(page).toHaveURL(/source=upload/);
  await expect(chains(page).filter({ hasText: 'filter-forward' })).toBeVisible();
}

test('a tie and a later drop are marked and worded', async ({ page }) => {
  await openTwoOwners(page);
  await expect(figure(page).getByRole('group', { name: 'forward' }).getByRole('button')).toHaveText([
    /filter-forward/,
    /FORWARD.*drop/,
  ]);
  await expect(page.getByRole('heading', { name: '1 docker drops after kube-proxy accepts' })).toBeVisible();
  await expect(page.getByText('An accept ends only its own base chain.')).toBeVisible();
  await expect(page.getByRole('heading', { name: 'tie 2 nat chains at exactly −100, prerouting' })).toBeVisible();
  await expect(page.getByText('Loaded last runs first: kube-proxy, docker.')).toBeVisible();
  await page.keyboard.press('t');
  await expect(page.getByRole('row', { name: /docker FORWARD/ })).toContainText('later drop 1');
  await expect(page.getByRole('row', { name: /nat-prerouting/ })).toContainText('tie');
});

// ------------------------------------------------------------------------------------------------- accessibility

for (const scheme of ['light', 'dark'] as const) {
  test.describe(`axe, ${scheme}`, () => {
    test.use({ colorScheme: scheme });
    const violationsOf = async (page: Page, except: readonly string[] = []) => {
      const { violations } = await new AxeBuilder({ page }).disableRules([...except]).analyze();
      return violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' | ')}`);
    };
    test('figure with a chain chosen, a tie and a later drop', async ({ page }) => {
      await openTwoOwners(page);
      await chains(page).filter({ hasText: 'nat-prerouting' }).click();
      await expect(page.getByRole('link', { name: 'Open in Ruleset' })).toBeVisible();
      expect(await violationsOf(page)).toEqual([]);
    });
    test('table', async ({ page }) => {
      await page.goto('/hook-map?as=text&chain=ip+kube-proxy+nat-prerouting');
      await expect(page.getByRole('table').first()).toBeVisible();
      expect(await violationsOf(page)).toEqual([]);
    });
    test('keys, and the menus of the bar', async ({ page }) => {
      await page.goto('/hook-map');
      await expect(figure(page)).toBeVisible();
      await page.keyboard.press('?');
      await expect(page.getByRole('dialog', { name: 'Keys' })).toBeVisible();
      expect(await violationsOf(page)).toEqual([]);
      await page.keyboard.press('Escape');
      await page.getByRole('button', { name: /^Source:/ }).click();
      await expect(page.getByRole('menuitemradio').first()).toBeVisible();
      // An open menu stands beside the landmarks, at the end of the body.
      expect(await violationsOf(page, ['region'])).toEqual([]);
    });
  });
}

test('at 390 px the map opens as its list, and a chain as a sheet', async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto('/hook-map');
  await expect(page.getByRole('heading', { name: 'prerouting' })).toBeVisible();
  await expect(figure(page)).toBeHidden();
  await page.getByRole('button', { name: /nat-prerouting/ }).click();
  await expect(page.getByRole('region', { name: 'ip kube-proxy nat-prerouting' })).toBeInViewport();
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map((v) => v.id)).toEqual([]);
  await page.getByRole('button', { name: 'Close' }).click();
  await expect(page).not.toHaveURL(/chain=/);
});

test('the theme is chosen in the bar and kept', async ({ page }) => {
  await page.emulateMedia({ colorScheme: 'light' });
  await page.goto('/hook-map');
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await background();
  await page.getByRole('button', { name: 'Theme' }).click();
  await page.getByRole('menuitemradio', { name: 'Dark' }).click();
  await expect.poll(background).not.toBe(light);
  await page.reload();
  expect(await background()).not.toBe(light);
});

for (const as of ['figure', 'text']) {
  test(`in a small window the page scrolls, not a slit of it: ${as}`, async ({ page }) => {
    await page.setViewportSize({ width: 720, height: 450 });
    await page.goto(`/hook-map?as=${as}`);
    const chain = page.getByRole('button', { name: /nat-postrouting/ }).first();
    await expect(chain).toBeAttached();
    // No part of the view between the page and the chain hides some of its height.
    const slits = await chain.evaluate((element) => {
      const found: string[] = [];
      for (
        let at = element.parentElement;
        at?.parentElement && at.parentElement.parentElement?.id !== 'view';
        at = at.parentElement
      )
        if (at.scrollHeight > at.clientHeight + 1 && getComputedStyle(at).overflowY !== 'visible')
          found.push(at.className);
      return found;
    });
    expect(slits).toEqual([]);
  });
}
