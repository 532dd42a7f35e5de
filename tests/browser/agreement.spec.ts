import { AxeBuilder } from '@axe-core/playwright';
import type { SourcesView, TraceAnswer } from '../../lib/api/types';
import { expect, type Page, test } from './app';

const QUESTION = 'from=external&to=svc:shop/inventory:http';

/** What nft would print of the trace, made from the answer itself: without the ends of chains. */
async function monitorOutput(page: Page): Promise<string> {
  const { sources } = (await (await page.request.get('/api/sources')).json()) as SourcesView;
  const path = `/api/sources/${sources[0]?.id}/nodes/node-1/trace?${QUESTION}`;
  const { trace, rules } = (await (await page.request.get(path)).json()) as TraceAnswer;
  const lines = (trace.branches[0]?.steps ?? []).flatMap((step) => {
    if (step.kind === 'policy') return `trace id 1 ${step.family} ${step.table} ${step.chain} policy ${step.verdict}`;
    if (step.kind !== 'rule') return [];
    const { family, table, chain, handle } = step.at;
    const text = rules[`${family} ${table} ${chain} ${handle}`]?.tokens.map((token) => token.text).join('');
    const target = step.jumpTarget === undefined ? '' : ` ${step.jumpTarget}`;
    return `trace id 1 ${family} ${table} ${chain} rule ${text} (verdict ${step.verdict}${target})`;
  });
  return lines.join('\n');
}

async function paste(page: Page, text: string) {
  await page.goto(`/trace?${QUESTION}&node=node-1`);
  await page.getByRole('button', { name: 'Paste nft monitor trace…' }).click();
  await page.getByRole('textbox', { name: 'Output of nft monitor trace' }).fill(text);
}

test('pasted nft monitor trace stands beside the trace, recognised by its text', async ({ page }) => {
  await paste(page, await monitorOutput(page));
  await expect(page.getByText(/^Agrees: \d+ of \d+ steps\.$/)).toBeVisible();
  const table = page.getByRole('table', { name: 'Lines of nft monitor trace and steps of the trace' });
  await expect(table.getByText('agrees by place')).toHaveCount(0);
  expect(await table.getByText('agrees', { exact: true }).count()).toBeGreaterThan(3);
  const { violations } = await new AxeBuilder({ page }).include('[role=dialog]').analyze();
  expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
});

test('the first line that differs is marked', async ({ page }) => {
  await paste(page, (await monitorOutput(page)).replaceAll('(verdict drop)', '(verdict accept)'));
  await expect(page.getByText(/^Differs at step \d+ of \d+\.$/)).toBeVisible();
  await expect(page.locator('tr[aria-current]')).toContainText('verdict: kernel accept, trace drop');
});

test('a replay is offered only where the server was started for it', async ({ page }) => {
  const answered = page.waitForResponse('**/api/replay');
  await page.goto(`/trace?${QUESTION}&node=node-1`);
  expect((await (await answered).json()).offered).toBe(false);
  await expect(page.getByRole('button', { name: 'Paste nft monitor trace…' })).toBeVisible();
  await expect(page.getByRole('button', { name: /Replay/ })).toHaveCount(0);
});
