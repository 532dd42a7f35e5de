import { readFile } from 'node:fs/promises';
import { AxeBuilder } from '@axe-core/playwright';
import { expect, type Page, test } from './app';

const API = '/trace?from=shop/web-6d4f8b7c9-2hxkz&to=svc:shop/api:http';
const INVENTORY = '/trace?from=shop/web-6d4f8b7c9-2hxkz&to=svc:shop/inventory:http';

const steps = (page: Page) => page.getByRole('region', { name: 'Steps' });
const current = (page: Page) =>
  steps(page)
    .getByRole('button', { name: /^Step \d+ of/ })
    .and(page.locator('[aria-current=step]'));
const packet = (page: Page) => page.getByRole('complementary', { name: 'Packet' }).filter({ visible: true });

async function open(page: Page, path: string) {
  await page.goto(path);
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  await expect(page.locator('html[data-keys*=Trace]')).toBeAttached();
}

test('the start is an answer: a question from the capture, traced', async ({ page }) => {
  await open(page, '/');
  await expect(page).toHaveURL(/\/trace\?.*from=.*to=svc/);
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Reaches one of');
});

test('verdict, facts and way of a delivered packet', async ({ page }) => {
  await open(page, `${API}&branch=2`);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(
    'Reaches one of 3 shop/api pods. The client address is kept.',
  );
  await expect(page.getByText('the reply is translated back')).toBeVisible();
  await expect(page.getByRole('region', { name: 'Way of the packet' })).toMatchAriaSnapshot(`
    - region "Way of the packet":
      - list:
        - listitem: /pod shop\\/web-.+10\\.244\\.1\\.3/
        - listitem: 10.99.151.112:80
        - listitem:
          - text: /prerouting in veth/
          - button /kube-proxy.*priority -110, step 1/
          - button /kube-proxy.*nat-prerouting, priority -100, steps 2–4/
        - listitem: 10.244.2.4:8080
        - listitem:
          - button "routing, step 5"
        - listitem:
          - button /filter-forward, priority 0, steps 6–7/
        - listitem:
          - button /kindnet.*priority 90, step 8/
          - button /nat-postrouting, priority 100, step 9/
        - listitem: next hop node-2
        - listitem: /pod shop\\/api-.+10\\.244\\.2\\.4:8080/
  `);
  await expect(packet(page).getByRole('heading', { name: 'Packet after step 4' })).toBeVisible();
  await expect(packet(page).getByText('was 10.99.151.112')).toBeVisible();
  // The rule in words comes from the server, for the rule of the step.
  await expect(packet(page).getByText('changes the destination')).toBeVisible();
});

test('keys step through, and a reload keeps the step', async ({ page }) => {
  await open(page, API);
  await expect(current(page)).toHaveAccessibleName(/^Step 4 of 9, dnat accept, ip daddr 10\.244\.1\.4/);
  await page.keyboard.press('s');
  await expect(current(page)).toHaveAccessibleName(/^Step 5 of 9, to forward/);
  await expect(page.getByRole('log')).toContainText('Step 5 of 9');
  await page.keyboard.press('n');
  await page.keyboard.press('n');
  await expect(current(page)).toHaveAccessibleName(/^Step 7 of 9/);
  await page.keyboard.press('o');
  await expect(current(page)).toHaveAccessibleName(/^Step 8 of 9/);
  await page.keyboard.press('b');
  await page.keyboard.press('v');
  await expect(current(page)).toHaveAccessibleName(/^Step 9 of 9/);
  await expect(page).toHaveURL(/step=9/);
  await page.reload();
  await expect(current(page)).toHaveAccessibleName(/^Step 9 of 9/);
  await expect(page.getByRole('slider', { name: 'Step' })).toHaveAttribute('aria-valuenow', '9');
});

test('way, row and scrubber choose the same step', async ({ page }) => {
  await open(page, API);
  await page.getByRole('button', { name: /filter-forward, priority 0/ }).click();
  await expect(current(page)).toHaveAccessibleName(/^Step 6/);
  const slider = page.getByRole('slider', { name: 'Step' });
  await slider.focus();
  await page.keyboard.press('ArrowRight');
  await expect(current(page)).toHaveAccessibleName(/^Step 7/);
  await steps(page)
    .getByRole('button', { name: /^Step 3 of/ })
    .click();
  await expect(slider).toHaveAttribute('aria-valuenow', '3');
  await expect(packet(page).getByRole('heading', { name: 'Packet after step 3' })).toBeVisible();
  await page.keyboard.press('ArrowDown');
  await expect(current(page)).toBeFocused();
  await expect(current(page)).toHaveAccessibleName(/^Step 4/);
});

test('why not: the match that failed, with both values', async ({ page }) => {
  await open(page, API);
  await steps(page).getByRole('button', { name: '1 rule passed over', exact: true }).click();
  await expect(steps(page).getByText('10.244.1.3 is in 10.244.0.0/16, so != fails.')).toBeVisible();
  for (const isOpen of [true, false, true]) {
    await page.keyboard.press('w');
    // The address follows shortly after the key.
    if (isOpen) await expect(page).toHaveURL(/[?&]why=true/);
    else await expect(page).not.toHaveURL(/[?&]why=/);
  }
  await expect(steps(page).getByText('Why not:')).toHaveCount(9);
  await page.reload();
  await expect(steps(page).getByText('Why not:')).toHaveCount(9);
});

test('a trace is exported as the command prints it, and as the JSON of the API', async ({ page }) => {
  await open(page, INVENTORY);
  const file = async (item: RegExp) => {
    await page.getByRole('button', { name: 'Export' }).click();
    const [saved] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('menuitem', { name: item }).click(),
    ]);
    return { name: saved.suggestedFilename(), text: await readFile(await saved.path(), 'utf8') };
  };
  const text = await file(/^Text/);
  expect(text.name).toBe('trace-node-1.txt');
  expect(text.text).toContain('REJECTED  shop/inventory has no endpoints, so node-1 refuses the connection.');
  const json = await file(/^JSON/);
  expect(json.name).toBe('trace-node-1.json');
  const asked = '/api/sources/demo/nodes/node-1/trace?from=shop/web-6d4f8b7c9-2hxkz&to=svc:shop/inventory:http';
  expect(JSON.parse(json.text)).toEqual(await (await page.request.get(asked)).json());
});

test('a branch holds everywhere', async ({ page }) => {
  await open(page, API);
  await page.keyboard.press(']');
  await expect(page.getByRole('tab', { name: /10\.244\.2\.4:8080/ })).toHaveAttribute('aria-selected', 'true');
  await expect(packet(page).getByText('10.244.2.4', { exact: true })).toBeVisible();
  await expect(page).toHaveURL(/branch=2/);
  await page.getByRole('tab', { name: /10\.244\.3\.4:8080/ }).click();
  await expect(steps(page).getByText('numgen random mod 3 = 2')).toBeVisible();
});

test('a rejected packet: the cause, what goes back, what to run', async ({ page }) => {
  await open(page, INVENTORY);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(
    'shop/inventory has no endpoints, so node-1 refuses the connection.',
  );
  await expect(current(page)).toHaveAccessibleName(/^Step 6 of 6, reject final/);
  await expect(page.getByText('ICMP port unreachable, from 10.244.1.1 back to the client')).toBeVisible();
  await expect(steps(page).getByText('not reached; 2 base chains')).toBeVisible();
  await expect(packet(page).getByText('nft list map ip kube-proxy no-endpoint-services')).toBeVisible();
  await page.getByRole('tab', { name: /ICMP port unreachable/ }).click();
  await expect(packet(page).getByText('icmp', { exact: true })).toBeVisible();
});

test('the text twin holds the same facts', async ({ page }) => {
  await open(page, INVENTORY);
  await page.keyboard.press('t');
  await expect(steps(page)).toContainText(
    'REJECTED  shop/inventory has no endpoints, so node-1 refuses the connection.',
  );
  await expect(page).toHaveURL(/text=true/);
});

test('a question by name, typed', async ({ page }) => {
  await open(page, API);
  const to = page.getByRole('combobox', { name: 'To' });
  await to.fill('inventory');
  await page.getByRole('option', { name: /shop\/inventory:http/ }).click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('shop/inventory has no endpoints');
  await to.fill('10.96.0.99:80');
  await page.getByRole('option', { name: /10\.96\.0\.99:80/ }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(
    '10.96.0.99 belongs to no Service, so node-1 drops the packet.',
  );
  await page.goBack();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('shop/inventory has no endpoints');
});

test('a packet field by field: wrong ones are named, names stay where they can', async ({ page }) => {
  await open(page, API);
  await page.getByRole('button', { name: 'Packet fields…' }).click();
  const form = page.getByRole('form', { name: 'Packet fields' });
  await form.getByRole('textbox', { name: 'ttl' }).fill('300');
  await form.getByRole('button', { name: 'Trace this packet' }).click();
  await expect(form.getByRole('status')).toContainText('ttl is 300.');
  await form.getByRole('textbox', { name: 'ttl' }).fill('1');
  await form.getByRole('button', { name: 'Trace this packet' }).click();
  await expect(page).toHaveURL(/from=.*packet=/);
  await expect(page.getByText(/ICMP time exceeded/).first()).toBeVisible();
  await page.getByRole('button', { name: 'Packet fields…' }).click();
  await form.getByRole('textbox', { name: 'daddr' }).fill('10.106.32.181');
  await form.getByRole('textbox', { name: 'ttl' }).fill('64');
  await form.getByRole('button', { name: 'Trace this packet' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('shop/inventory has no endpoints');
  await expect(page).not.toHaveURL(/from=/);
});

test('the next node goes on with the packet', async ({ page }) => {
  await open(page, `${API}&branch=2&step=9`);
  await steps(page).getByRole('button', { name: 'Trace it on node-2' }).click();
  await expect(page).toHaveURL(/node=node-2/);
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Reaches pod shop/api-5b8c9d6f7-c2mvl');
});

test('a listing that is dropped opens as a source', async ({ page }) => {
  await open(page, API);
  const data = await page.evaluateHandle(() => {
    const listing = {
      nftables: [
        { metainfo: { version: '1.0.6', release_name: 'x', json_schema_version: 1 } },
        { table: { family: 'ip', name: 't', handle: 1 } },
        {
          chain: {
            family: 'ip',
            table: 't',
            name: 'c',
            handle: 1,
            type: 'filter',
            hook: 'input',
            prio: 0,
            policy: 'accept',
          },
        },
      ],
    };
    const transfer = new DataTransfer();
    transfer.items.add(new File([JSON.stringify(listing)], 'dropped.json', { type: 'application/json' }));
    return transfer;
  });
  await page.dispatchEvent('body', 'drop', { dataTransfer: data });
  await expect(page.getByText('dropped.json').first()).toBeVisible();
  await expect(page).toHaveURL(/source=/);
});

for (const colorScheme of ['light', 'dark'] as const) {
  for (const [name, path] of [
    ['delivered', `${API}&why=true`],
    ['rejected', INVENTORY],
    ['text', `${API}&text=true`],
  ] as const) {
    test(`axe finds nothing: ${name}, ${colorScheme}`, async ({ page }) => {
      await page.emulateMedia({ colorScheme });
      await open(page, path);
      await expect(packet(page).getByText('reading the rule')).toHaveCount(0);
      expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
    });
  }
}

/** In a small window the view begins at its top: the question and the answer. */
async function expectTop(page: Page) {
  // The step that is chosen is drawn, and frames have passed in which it could have been scrolled to.
  await expect(current(page)).toBeAttached();
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  await expect(page.getByRole('combobox', { name: 'From' })).toBeInViewport({ ratio: 1 });
  await expect(page.getByRole('heading', { level: 1 })).toBeInViewport({ ratio: 1 });
}

/** In a small window, after a move: the answer stays, and the chosen step is in sight, under nothing else. */
async function expectAnswerAndStep(page: Page, sentence: string) {
  await expect(current(page)).toBeInViewport();
  const isOnTop = () =>
    current(page).evaluate((step) => {
      const { left, top, width, height } = step.getBoundingClientRect();
      const hit = document.elementFromPoint(left + width / 2, top + height / 2);
      return hit !== null && (hit === step || step.contains(hit) || hit.closest('li') === step.closest('li'));
    });
  await expect.poll(isOnTop).toBe(true);
  const sticky = page.getByTestId('sticky-verdict');
  await expect(sticky).toContainText(sentence);
  await expect(sticky.getByText(sentence)).toBeInViewport();
}

test('at 200 % zoom the chosen step is in sight, and the answer above it', async ({ page }) => {
  await page.setViewportSize({ width: 720, height: 450 });
  await open(page, INVENTORY);
  await expectTop(page);
  await page.keyboard.press('b');
  await expectAnswerAndStep(page, 'shop/inventory has no endpoints, so node-1 refuses the connection.');
  await page.getByRole('heading', { level: 1 }).scrollIntoViewIfNeeded();
  await expect(page.getByTestId('sticky-verdict').getByText('shop/inventory')).toHaveCount(0);
});

test('the text is that of the chosen branch, and says which', async ({ page }) => {
  await open(page, `${API}&branch=2&text=true`);
  await expect(steps(page)).toContainText('--- branch 2 of 3 (1/3), delivered:');
  await expect(steps(page)).not.toContainText('--- branch 1 of 3');
  await page.keyboard.press(']');
  await expect(steps(page)).toContainText('--- branch 3 of 3 (1/3), delivered:');
  await page.getByRole('button', { name: 'Export' }).click();
  await expect(page.getByRole('menuitem', { name: /^Text of branch 3 of 3, / })).toBeVisible();
});

test.describe('on a phone', () => {
  test.use({ viewport: { width: 390, height: 844 }, hasTouch: true });

  test('the answer first, one column, the packet as a sheet', async ({ page }) => {
    await open(page, API);
    await expectTop(page);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(wide).toBe(0);
    const bar = page.getByRole('toolbar', { name: 'Stepping' }).filter({ visible: true });
    for (const word of ['Back', 'Step', 'Next change']) {
      const box = await bar.getByRole('button', { name: word, exact: true }).boundingBox();
      expect(box?.height).toBeGreaterThanOrEqual(44);
    }
    await bar.getByRole('button', { name: 'Step', exact: true }).tap();
    await expect(current(page)).toHaveAccessibleName(/^Step 5 of 9/);
    await expectAnswerAndStep(page, 'Reaches one of 3 shop/api pods. The client address is kept.');
    await packet(page)
      .getByRole('button', { name: /Packet after step 5/ })
      .tap();
    await expect(packet(page).getByText('was 10.99.151.112')).toBeVisible();
    expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
  });
});

test('the family of the address is asked for, not left out', async ({ page }) => {
  await page.goto('/trace?from=shop/web-6d4f8b7c9-2hxkz&to=svc:shop/web:http&family=ip6');
  await expect(page.getByRole('alert').filter({ hasText: 'no two addresses of IPv6' })).toBeVisible();
});

test('a name that is not there offers those like it', async ({ page }) => {
  await page.goto('/trace?from=shop/web-6d4f8b7c9-2hxkz&to=svc:shp/inventory:http');
  await page.getByRole('button', { name: 'To Service shop/inventory' }).click();
  await expect(page).toHaveURL(/to=svc:shop\/inventory/);
  await expect(page.getByRole('heading', { level: 1 })).toContainText('shop/inventory has no endpoints');
});

test('a packet in the address that is cut off says so to a person', async ({ page }) => {
  await page.goto('/trace?packet=%7Bbad');
  await expect(page.getByRole('alert').filter({ hasText: 'The packet in the address is not JSON.' })).toBeVisible();
  await page.getByRole('button', { name: /^Start with/ }).click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Reaches');
});

test('a source without pods says so where they are missed', async ({ page }) => {
  await page.goto('/trace');
  const rule = (expr: readonly unknown[]) => ({
    rule: { family: 'ip', table: 't', chain: 'c', handle: 5, expr },
  });
  const listing = {
    nftables: [
      { metainfo: { version: '1.0.9', release_name: 'Old Doc Yak #3', json_schema_version: 1 } },
      { table: { family: 'ip', name: 't', handle: 1 } },
      {
        chain: {
          family: 'ip',
          table: 't',
          name: 'c',
          handle: 1,
          type: 'filter',
          hook: 'input',
          prio: 0,
          policy: 'accept',
        },
      },
      rule([{ accept: null }]),
    ],
  };
  await page.locator('input[type=file]').setInputFiles({
    name: 'one-node.json',
    mimeType: 'application/json',
    buffer: Buffer.from(JSON.stringify(listing)),
  });
  await expect(page).toHaveURL(/source=upload/);
  await page.getByRole('combobox', { name: 'From' }).click();
  await expect(page.getByText('This source names no pods.')).toBeVisible();
});
