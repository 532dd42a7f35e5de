import { AxeBuilder } from '@axe-core/playwright';
import { expect, type Page, test } from './app';

const TABLE = '/ruleset?table=ip+kube-proxy';
const RULE = `${TABLE}&chain=services&rule=52`;
const MAP = `${TABLE}&set=service-ips`;

const tree = (page: Page) => page.getByRole('tree');
const text = (page: Page) => page.getByRole('region', { name: /^Text of the table/ });
const explanation = (page: Page) => page.getByLabel('Explanation').filter({ visible: true });
const searchbox = (page: Page) => page.getByRole('searchbox', { name: 'Search the ruleset' });

test('the tree names tables, their owners and what they hold', async ({ page }) => {
  await page.goto('/ruleset');
  await expect(tree(page)).toMatchAriaSnapshot(`
    - tree "Tables, chains, sets and maps":
      - treeitem "ip kube-proxy, 97 rules" [expanded] [level=1]
      - treeitem "base chains, 8" [expanded] [level=2]
      - treeitem "filter-prerouting-pre-dnat, prerouting, priority -110" [level=3]
      - treeitem "nat-prerouting, prerouting, priority -100" [level=3]
      - treeitem "filter-input, input, priority 0" [level=3]
      - treeitem "filter-forward, forward, priority 0" [level=3]
      - treeitem "filter-output-pre-dnat, output, priority -110" [level=3]
      - treeitem "nat-output, output, priority -100" [level=3]
      - treeitem "filter-output, output, priority 0" [level=3]
      - treeitem "nat-postrouting, postrouting, priority 100" [level=3]
      - treeitem "chains, 7" [expanded] [level=2]
  `);
});

test('the tree by keyboard: one stop, arrows open and move, Enter shows', async ({ page }) => {
  await page.goto('/ruleset');
  await tree(page).getByRole('treeitem').first().focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowLeft');
  await expect(page.locator(':focus')).toHaveAccessibleName('base chains, 8');
  await expect(page.locator(':focus')).toHaveAttribute('aria-expanded', 'false');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowRight');
  await expect(page.locator(':focus')).toHaveAccessibleName('nodeport-endpoints-check, 1 rule');
  for (let i = 0; i < 3; i++) await page.keyboard.press('ArrowDown');
  await expect(page.locator(':focus')).toHaveAccessibleName('services, 3 rules');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/chain=services/);
  await expect(text(page).getByRole('button', { name: 'chain services', pressed: true })).toBeInViewport();
  await page.keyboard.press('End');
  await expect(page.locator(':focus')).toHaveAccessibleName(/^inet kindnet-ipmasq/);
  // A single stop of the tab key, also while most of the tree is not in the document.
  await expect(tree(page).locator('[tabindex="0"]')).toHaveCount(1);
});

test('a rule is explained part by part, with where it leads and what leads there', async ({ page }) => {
  await page.goto(RULE);
  await expect(text(page).getByRole('button', { name: 'Rule 52', pressed: true })).toBeInViewport();
  await expect(explanation(page)).toMatchAriaSnapshot(`
    - region "Explanation":
      - heading "Rule 52 ip kube-proxy services" [level=2]
      - paragraph:
        - text: This rule looks up the destination address, protocol and destination port in the map
        - code: service-ips
        - text: (36 elements) and does what the element found says.
      - heading "Part by part" [level=3]
      - list:
        - listitem:
          - code: ip daddr . meta l4proto . th dport
          - paragraph: "the key: destination address, protocol and destination port"
        - listitem:
          - code: vmap @service-ips
          - paragraph:
            - text: looks it up in the map
            - code: service-ips
            - text: (36 elements) and does what the element found says
          - paragraph: Without such an element, evaluation goes on with rule 53.
      - heading "Leads to" [level=3]
      - paragraph:
        - link "map service-ips"
        - text: 36 elements
      - textbox "Look up a key in service-ips"
      - heading "Reached from" [level=3]
      - list:
        - listitem:
          - link /nat-prerouting .28 jump/
        - listitem:
          - link /nat-output .27 jump/
      - heading "Written by" [level=3]
  `);
});

test('links lead both ways, and a look-up says where a key goes', async ({ page }) => {
  await page.goto(RULE);
  await explanation(page)
    .getByRole('textbox', { name: 'Look up a key in service-ips' })
    .fill('10.99.151.112 . tcp . 80');
  const target = explanation(page).getByRole('link', { name: 'service-WEZGB4Y6-shop/api/tcp/http' });
  await expect(target).toBeVisible();
  await target.click();
  await expect(page).toHaveURL(/chain=service-WEZGB4Y6/);
  await expect(explanation(page).getByRole('heading', { level: 2 })).toContainText('shop/api/tcp/http');
  // Back from the chain to the element that leads to it.
  await explanation(page)
    .getByRole('link', { name: /^service-ips 10\.99\.151\.112 \. tcp \. 80 goto/ })
    .click();
  await expect(page).toHaveURL(/set=service-ips/);
  await expect(page.getByRole('row', { selected: true })).toContainText('10.99.151.112');
});

test('the text by keyboard: arrows go from rule to rule, Enter chooses', async ({ page }) => {
  await page.goto(RULE);
  await text(page).getByRole('button', { name: 'Rule 52' }).focus();
  await page.keyboard.press('ArrowDown');
  await expect(page.locator(':focus')).toHaveAccessibleName('Rule 53');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/rule=53/);
  await expect(explanation(page).getByRole('heading', { level: 2 })).toContainText('Rule 53');
  await page.keyboard.press('End');
  await expect(page.locator(':focus')).toBeInViewport();
  await page.goBack();
  await expect(explanation(page).getByRole('heading', { level: 2 })).toContainText('Rule 52');
});

test('search finds an address inside prefixes and maps', async ({ page }) => {
  await page.goto('/ruleset');
  await expect(tree(page)).toBeVisible();
  await page.keyboard.press('/');
  await expect(searchbox(page)).toBeFocused();
  await page.keyboard.type('ip:10.99.151.112 ');
  await expect(page.getByText('4 places')).toBeVisible();
  await expect(page).toHaveURL(/q=ip:10\.99\.151\.112/);
  const places = page.getByRole('region', { name: 'Places found' });
  await expect(places.getByRole('listitem')).toHaveCount(4);
  await places.getByRole('link', { name: /rule cluster-ips-check #39/ }).click();
  await expect(page).toHaveURL(/rule=39/);
  await expect(text(page).getByText('holds 10.99.151.112')).toBeInViewport();
  await expect(text(page).locator('mark').filter({ hasText: '10.96.0.0/12' })).toBeVisible();
  await page.getByRole('button', { name: 'Remove ip:10.99.151.112' }).click();
  await expect(places).toBeHidden();
});

test('a filter that does not exist says which do', async ({ page }) => {
  await page.goto('/ruleset?q=foo:bar');
  await expect(page.getByText('There is no filter called foo.')).toBeVisible();
});

test('keys: views, help, and none while typing', async ({ page }) => {
  await page.goto('/ruleset?node=node-2');
  await expect(tree(page)).toBeVisible();
  await page.keyboard.press('?');
  const help = page.getByRole('dialog', { name: 'Keys' });
  await expect(help.getByText('Search the ruleset')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(help).toBeHidden();
  await searchbox(page).click();
  await page.keyboard.type('gh?');
  await expect(searchbox(page)).toHaveValue('gh?');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await expect(searchbox(page)).not.toBeFocused();
  await page.keyboard.press('g');
  await page.keyboard.press('h');
  await expect(page).toHaveURL(/\/hook-map\?.*node=node-2/);
});

test('the text as nft prints it, and the link, are copied', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.goto(RULE);
  await expect(explanation(page)).toContainText('Rule 52');
  const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
  await page.getByRole('button', { name: 'Copy nft' }).click();
  await expect(page.getByRole('button', { name: 'Copied' })).toBeVisible();
  expect(await clipboard()).toMatch(/^table ip kube-proxy \{\n\tcomment "rules for kube-proxy"\n/);
  await explanation(page).getByRole('button', { name: 'Copy reference' }).click();
  await expect.poll(clipboard).toBe('ip kube-proxy services #52');
  await page.keyboard.press('y');
  await expect.poll(clipboard).toMatch(/\/ruleset\?.*rule=52/);
});

test('a rule that is gone is said, beside its chain', async ({ page }) => {
  await page.goto(`${TABLE}&chain=services&rule=35`);
  await expect(explanation(page).getByRole('alert')).toContainText('The chain services has no rule with handle 35.');
  await expect(text(page).getByRole('button', { name: 'chain services' })).toBeInViewport();
});

test('a table or node that is not there is said, never replaced', async ({ page }) => {
  await page.goto('/ruleset?table=ip+nowhere');
  await expect(page.getByText('node-1 has no table ip nowhere.')).toBeVisible();
  await page.goto('/ruleset?node=node-9');
  await expect(page.getByText('has no node called node-9')).toBeVisible();
  await page.goto('/ruleset?source=gone');
  await expect(page.getByText('There is no source called gone.')).toBeVisible();
});

// ------------------------------------------------------------------------------------------------------ elements

test('elements: columns by key part, sorted by value, filtered by label', async ({ page }) => {
  await page.goto(MAP);
  const grid = page.getByRole('grid', { name: 'Elements of service-ips' });
  await expect(grid.getByRole('columnheader')).toHaveText([
    'address',
    'protocol',
    'port',
    'verdict',
    'chain',
    'object',
  ]);
  const first = grid.getByRole('row').nth(1);
  await grid.getByRole('button', { name: 'address' }).click();
  await expect(grid.getByRole('columnheader', { name: 'address' })).toHaveAttribute('aria-sort', 'ascending');
  await expect(first).toContainText('10.96.0.1');
  await grid.getByRole('button', { name: 'port' }).click();
  await grid.getByRole('button', { name: 'port' }).click();
  await expect(grid.getByRole('columnheader', { name: 'port' })).toHaveAttribute('aria-sort', 'descending');
  await expect(first).toContainText('38412');
  await page.getByRole('searchbox', { name: 'Filter the elements' }).fill('proto:tcp ');
  await expect(page.getByText('30 of 36 elements')).toBeVisible();
  await expect(page.getByText('6 elements hidden by the filter')).toBeVisible();
  await expect(page).toHaveURL(/sort=key2.*/);
});

test('elements by keyboard: rows, then the chain behind one', async ({ page }) => {
  await page.goto(MAP);
  const grid = page.getByRole('grid', { name: 'Elements of service-ips' });
  await grid.getByRole('row').nth(1).focus();
  await page.keyboard.press('ArrowDown');
  await expect(page.locator(':focus')).toContainText('10.96.0.10');
  await page.keyboard.press('End');
  await expect(page.locator(':focus')).toHaveAttribute('aria-rowindex', '37');
  await page.keyboard.press('Home');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/chain=service-NWBZK7IH/);
});

test('a look-up hits or misses as the kernel would', async ({ page }) => {
  await page.goto(MAP);
  const key = page.getByRole('textbox', { name: 'Look up a key' });
  await key.fill('10.96.0.10 . udp . 53');
  await expect(page.getByText('found', { exact: true })).toBeVisible();
  await expect(page.getByRole('row', { selected: true })).toContainText('kube-system/kube-dns/udp/dns');
  await key.fill('10.96.0.99 . udp . 53');
  await expect(page.getByText('none of 36')).toBeVisible();
});

test('elements are exported as CSV', async ({ page }) => {
  await page.goto(`${MAP}&filter=port:9090`);
  await expect(page.getByText('2 of 36 elements')).toBeVisible();
  const download = page.waitForEvent('download');
  await page.keyboard.press('x');
  expect((await download).suggestedFilename()).toBe('service-ips.csv');
});

// --------------------------------------------------------------------------------------------------------- sizes

/** A listing of many rules in one chain, and a set of many elements, as nft -j prints them. */
function largeListing(rules: number, elements: number): Buffer {
  const at = { family: 'ip', table: 'big' };
  const objects: unknown[] = [
    { metainfo: { version: '1.0.9', release_name: 'Old Doc Yak #3', json_schema_version: 1 } },
    { table: { family: 'ip', name: 'big', handle: 1 } },
    {
      set: {
        ...at,
        name: 'many',
        handle: 2,
        type: 'ipv4_addr',
        elem: Array.from({ length: elements }, (_, i) => `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`),
      },
    },
    { chain: { ...at, name: 'long', handle: 3, type: 'filter', hook: 'forward', prio: 0, policy: 'accept' } },
  ];
  for (let i = 0; i < rules; i++) {
    objects.push({
      rule: {
        ...at,
        chain: 'long',
        handle: i + 4,
        expr: [
          {
            match: {
              op: '==',
              left: { payload: { protocol: 'ip', field: 'saddr' } },
              right: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`,
            },
          },
          { drop: null },
        ],
      },
    });
  }
  return Buffer.from(JSON.stringify({ nftables: objects }));
}

test('20,000 rules and 100,000 elements stay a screenful', async ({ page }) => {
  test.setTimeout(120_000);
  await page.goto('/ruleset');
  await expect(tree(page)).toBeVisible();
  await page
    .locator('input[type=file]')
    .setInputFiles({ name: 'large.json', mimeType: 'application/json', buffer: largeListing(20_000, 100_000) });
  await expect(tree(page).getByRole('treeitem', { name: 'ip big, 20000 rules' })).toBeVisible({ timeout: 60_000 });
  await expect(page).toHaveURL(/source=upload/);

  await tree(page).getByRole('treeitem', { name: /^long/ }).click();
  // The choice is brought into sight first; what is pressed before that is undone by it.
  await expect(page).toHaveURL(/chain=long/);
  await text(page).getByRole('button', { name: 'chain long' }).focus();
  await page.keyboard.press('End');
  await expect(text(page).getByText('10.0.78.31', { exact: true })).toBeInViewport();
  expect(await text(page).locator('[data-index]').count()).toBeLessThan(200);
  await text(page).getByRole('button', { name: 'Rule 20003' }).click();
  await expect(explanation(page)).toContainText('If the source address is 10.0.78.31, this rule drops the packet.');

  await tree(page).getByRole('treeitem', { name: /^many/ }).click();
  const grid = page.getByRole('grid', { name: 'Elements of many' });
  await expect(page.getByText('100,000 of 100,000 elements')).toBeVisible();
  await grid.getByRole('row').nth(1).focus();
  await page.keyboard.press('End');
  await expect(page.locator(':focus')).toContainText('10.1.134.159');
  expect(await grid.getByRole('row').count()).toBeLessThan(150);

  // A flick through the whole list: at no time more rows than fit the window are in the page.
  const most = await page.evaluate(async () => {
    const table = document.querySelector('table[role=grid]');
    const scroller = table?.parentElement;
    let rows = 0;
    for (let i = 0; i < 60; i++) {
      scroller?.scrollTo({ top: (scroller.scrollHeight * i) / 60 });
      await new Promise((resolve) => requestAnimationFrame(resolve));
      rows = Math.max(rows, table?.querySelectorAll('[role=row], tr').length ?? 0);
    }
    return rows;
  });
  expect(most).toBeGreaterThan(10);
  expect(most).toBeLessThan(150);
});

// ------------------------------------------------------------------------------------------------- accessibility

for (const scheme of ['light', 'dark'] as const) {
  test.describe(`axe, ${scheme}`, () => {
    test.use({ colorScheme: scheme });
    for (const [name, path] of [
      ['a rule explained', RULE],
      ['a search', `${RULE}&q=ip:10.99.151.112`],
      ['elements', `${MAP}&key=10.99.151.112+.+tcp+.+80`],
    ] as const) {
      for (const size of [
        { width: 1440, height: 900 },
        { width: 390, height: 844 },
      ]) {
        test(`${name} at ${size.width} px`, async ({ page }) => {
          await page.setViewportSize(size);
          await page.goto(path);
          await expect(name === 'elements' ? page.getByRole('grid') : explanation(page)).toBeVisible();
          if (name !== 'elements') await expect(explanation(page)).toContainText('looks it up');
          const { violations } = await new AxeBuilder({ page }).analyze();
          expect(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' | ')}`)).toEqual([]);
        });
      }
    }
  });
}

test('at 390 px the tree is a drawer and the explanation a sheet', async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(TABLE);
  await page.getByRole('button', { name: 'Tables and chains' }).click();
  await tree(page).getByRole('treeitem', { name: 'services, 3 rules' }).click();
  await expect(page.getByRole('dialog')).toBeHidden();
  await text(page).getByRole('button', { name: 'Rule 52' }).click();
  await expect(explanation(page)).toContainText('Rule 52');
  // Nothing is wider than the screen.
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  await page.getByRole('button', { name: 'Close' }).click();
  await expect(page).not.toHaveURL(/rule=/);
});
