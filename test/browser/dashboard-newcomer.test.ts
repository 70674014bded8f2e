import type { Locator } from 'playwright-core';
import { expect, test } from 'vitest';
import { describeInBrowser, useBrowser, withPage } from '../support/browser.ts';
import { entryOf } from '../support/dashboard.ts';
import { watchForForm } from '../support/people-pages.ts';
import { serve, stop, withDataDir } from '../support/process.ts';

describeInBrowser('a newcomer', () => {
  const use = useBrowser();

  test('reads and writes a vault from the link of the start with one copy and three clicks', () =>
    withDataDir(async (DATA_DIR) => {
      const { program, url } = await serve({ DATA_DIR });
      try {
        // The one copy.
        const [, link = ''] = await program.printed(/^Dashboard: (\S+)$/m);
        await withPage({ ...use, expected: /status of 409/ }, async (page) => {
          let clicks = 0;
          const click = async (target: Locator) => {
            clicks++;
            await target.click();
          };
          await watchForForm(page);
          await page.goto(link);
          await page.getByRole('dialog').waitFor();
          await page.keyboard.type('Maria');
          await page.keyboard.press('Enter');
          await click(page.getByRole('button', { name: 'Create an example' }));
          await entryOf(page, 3).getByText('refused it with a conflict').waitFor();
          await click(page.getByRole('textbox', { name: 'Write an entry' }));
          await page.keyboard.type('Hello from Maria.');
          await click(page.getByRole('button', { name: 'Write', exact: true }));
          await entryOf(page, 5).getByText('Hello from Maria.').waitFor();
          await entryOf(page, 5)
            .getByText(/^person [0-9a-z]{12}$/)
            .waitFor();
          expect(clicks).toBe(3);
          expect(page.url()).not.toContain('in=');

          const other = await page.context().newPage();
          await other.goto(url);
          await other.getByText('Example: from session table to signed cookies').waitFor();
          const permalink = await page.context().newPage();
          await permalink.goto(`${page.url()}/e5/v1`);
          await entryOf(permalink, 5).getByText('Hello from Maria.').waitFor();
          for (const tab of [page, other, permalink]) {
            expect(await tab.evaluate('window.sawForm')).toBe(false);
            expect(await tab.evaluate('document.cookie')).toBe('');
          }
        });
      } finally {
        await stop(program);
      }
    }));
});
