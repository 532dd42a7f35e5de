import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from './app';

/** All rules of WCAG 2.0 to 2.2, A and AA, and axe's best practices: by default axe leaves some of them out. */
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa', 'best-practice'];

/** What axe finds on the page as it stands, a line each; `within` looks at a part of the page only. */
export async function violationsOf(page: Page, within?: string): Promise<readonly string[]> {
  const axe = new AxeBuilder({ page }).withTags(TAGS);
  const { violations } = await (within === undefined ? axe : axe.include(within)).analyze();
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, any, all }) => `${id}: ${html} (${[...any, ...all].map(({ message }) => message).join('; ')})`),
  );
}
