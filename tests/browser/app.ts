import { test as base } from '@playwright/test';

export { expect, type Page } from '@playwright/test';

/** A page that is loaded takes keys: what a person presses before that is lost, and no test should depend on who is faster. */
export const test = base.extend({
  page: async ({ page }, use) => {
    const goto = page.goto.bind(page);
    page.goto = async (...args) => {
      const response = await goto(...args);
      if (response?.headers()['content-type']?.startsWith('text/html') === true && response.ok())
        await page.locator('html[data-keys]').waitFor({ state: 'attached' });
      return response;
    };
    await use(page);
  },
});
