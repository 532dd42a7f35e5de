import { expect, type Page, test } from './app';
import { violationsOf } from './axe';

const API = '/trace?from=shop/web-6d4f8b7c9-2hxkz&to=svc:shop/api:http';
const INVENTORY = '/trace?from=shop/web-6d4f8b7c9-2hxkz&to=svc:shop/inventory:http';
const RULE = '/ruleset?table=ip+kube-proxy&chain=services&rule=52';
const MAP = '/ruleset?table=ip+kube-proxy&set=service-ips';
const UNDECIDED = '{"iif":"nonexist","saddr":"10.244.1.3","daddr":"10.96.0.10","protocol":"tcp","dport":53}';

/** A view as a person sees it: the address, and what is there or done before axe looks. */
interface State {
  readonly name: string;
  readonly path: string;
  readonly arrange: (page: Page) => Promise<void>;
}

const headline = async (page: Page) => {
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  await expect(page.getByText('reading the rule')).toHaveCount(0);
};
const explained = (page: Page) =>
  expect(page.getByLabel('Explanation').filter({ visible: true })).toContainText('looks it up');
const press = async (page: Page, key: string, shows: string) => {
  await page.keyboard.press(key);
  await expect(page.getByRole('dialog', { name: shows })).toBeVisible();
};

const STATES: readonly State[] = [
  {
    name: 'ruleset, nothing chosen',
    path: '/ruleset',
    arrange: (page) => expect(page.getByRole('region', { name: /^Text of the table/ })).toContainText('chain'),
  },
  { name: 'ruleset, a rule', path: RULE, arrange: explained },
  { name: 'ruleset, a rule and a search', path: `${RULE}&q=ip:10.99.151.112`, arrange: explained },
  {
    name: 'ruleset, a search',
    path: '/ruleset?q=port:80',
    arrange: (page) => expect(page.getByText(/^\d+ places$/).first()).toBeVisible(),
  },
  {
    name: 'ruleset, a map',
    path: `${MAP}&key=10.99.151.112+.+tcp+.+80`,
    arrange: (page) => expect(page.getByText('found', { exact: true })).toBeVisible(),
  },
  {
    name: 'hook map, figure',
    path: '/hook-map?as=figure&chain=ip+kube-proxy+nat-prerouting',
    arrange: (page) => expect(page.getByRole('link', { name: 'Open in Ruleset' })).toBeVisible(),
  },
  {
    name: 'hook map, text',
    path: '/hook-map?as=text&chain=ip+kube-proxy+nat-prerouting',
    arrange: (page) => expect(page.getByRole('table').first()).toBeVisible(),
  },
  { name: 'trace, delivered', path: `${API}&why=true`, arrange: headline },
  { name: 'trace, rejected', path: INVENTORY, arrange: headline },
  {
    name: 'trace, rejected, with its finding',
    path: INVENTORY,
    arrange: async (page) => {
      await headline(page);
      await expect(page.getByRole('link', { name: /^Service shop\/inventory has no endpoints/ })).toBeAttached();
    },
  },
  {
    name: 'trace, compared with what was sent',
    path: `${API}&compare=true`,
    arrange: async (page) => {
      await headline(page);
      if ((page.viewportSize()?.width ?? 0) < 1024)
        await page.getByRole('button', { name: /^Packet after step/ }).click();
      await expect(page.getByRole('columnheader', { name: 'as sent' }).filter({ visible: true })).toBeVisible();
    },
  },
  {
    name: 'conflicts, below IP',
    path: '/conflicts?family=link',
    arrange: (page) =>
      expect(page.getByRole('heading', { name: /whose order matters|No packet was found/ })).toBeVisible(),
  },
  {
    name: 'trace, undecided',
    path: `/trace?node=node-1&packet=${encodeURIComponent(UNDECIDED)}`,
    arrange: headline,
  },
  { name: 'trace, text', path: `${API}&text=true`, arrange: headline },
  {
    name: 'trace, packet fields',
    path: API,
    arrange: async (page) => {
      await headline(page);
      await page.getByRole('button', { name: 'Packet fields…' }).click();
      await expect(page.getByRole('form', { name: 'Packet fields' })).toBeVisible();
    },
  },
  {
    name: 'trace, pasted nft monitor trace',
    path: INVENTORY,
    arrange: async (page) => {
      await headline(page);
      await page.getByRole('button', { name: 'Paste nft monitor trace…' }).click();
      await page
        .getByRole('textbox', { name: 'Output of nft monitor trace' })
        .fill('trace id 1 ip kube-proxy filter-forward verdict continue');
      await expect(page.getByRole('table').first()).toBeVisible();
    },
  },
  {
    name: 'trace, a question that cannot be answered',
    path: '/trace?from=shop/nobody&to=svc:shop/zzz',
    arrange: headline,
  },
  {
    name: 'trace, the whole path',
    path: `${API}&scope=path`,
    arrange: (page) => expect(page.getByRole('link', { name: /^Trace of the reply on/ }).first()).toBeVisible(),
  },
  {
    name: 'trace, from every node',
    path: `${API}&scope=every`,
    arrange: (page) => expect(page.getByRole('cell', { name: /node-3/ })).toBeVisible(),
  },
  {
    name: 'trace, the menu of its export',
    path: API,
    arrange: async (page) => {
      await headline(page);
      await page.getByRole('button', { name: 'Export' }).click();
      await expect(page.getByRole('menuitem', { name: /^Text/ })).toBeVisible();
    },
  },
  {
    name: 'keys',
    path: API,
    arrange: async (page) => {
      await headline(page);
      await press(page, '?', 'Keys');
    },
  },
  {
    name: 'fleet',
    path: '/fleet',
    arrange: async (page) => {
      await expect(page.getByText('node-2').first()).toBeVisible();
    },
  },
];

for (const { name, path, arrange } of STATES) {
  for (const size of [
    { width: 1440, height: 900 },
    { width: 390, height: 844 },
  ]) {
    test(`axe finds nothing: ${name}, ${size.width} px`, async ({ page }) => {
      await page.setViewportSize(size);
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        await page.goto(path);
        await arrange(page);
        expect(await violationsOf(page), colorScheme).toEqual([]);
      }
    });
  }
}
