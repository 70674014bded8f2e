import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { describeInBrowser, useBrowser, withPage } from '../support/browser.ts';
import { trpcClient } from '../support/client.ts';
import { entryOf, openDashboard } from '../support/dashboard.ts';
import { useDatabase } from '../support/database.ts';
import { useServer } from '../support/server.ts';

const ENTRIES = 5000;
/** Calls that one request may carry. */
const BATCH = 20;

/** How long nine of ten frames take at most. @param each what happens in each of them */
const frameTime = (page: Page, each = '') =>
  page.evaluate<number>(`new Promise((resolve) => {
    const times = [];
    let last = performance.now();
    const step = (now) => {
      times.push(now - last);
      last = now;
      ${each};
      if (times.length < 120) requestAnimationFrame(step);
      else resolve(times.sort((a, b) => a - b)[Math.floor(times.length * 0.9)]);
    };
    requestAnimationFrame(step);
  })`);

/** Takes the time from a click until the first entry is painted, in the page itself. */
const CLOCK = `
  var painted = new Promise((resolve) => {
    let clicked;
    addEventListener('click', () => { clicked = performance.now(); }, true);
    new MutationObserver((_, observer) => {
      if (clicked === undefined || !document.querySelector('.entry')) return;
      observer.disconnect();
      requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - clicked)));
    }).observe(document.body, { childList: true, subtree: true });
  });`;

describeInBrowser('a vault of 5,000 entries', () => {
  const server = useServer(useDatabase());
  const use = useBrowser();

  test('opens within a second, scrolls without long pauses, and holds few of them at a time', async () => {
    const session = await server.login('ast-large');
    const client = trpcClient(server.url, { session, clientId: 'agent-a' });
    const small = await client.vault.create.mutate({ summary: 'small' });
    await client.vault.append.mutate({ vault_id: small.vault_id, text: 'one' });
    const { vault_id } = await client.vault.create.mutate({ summary: 'large' });
    const text = (i: number) => `## Entry ${i}\n\n${'Some **words** of a hand-over. '.repeat(1 + (i % 9))}`;
    for (let i = 0; i < ENTRIES; i += BATCH) {
      const texts = Array.from({ length: BATCH }, (_, k) => text(i + k));
      await Promise.all(texts.map((one) => client.vault.append.mutate({ vault_id, text: one })));
    }
    await withPage(use, async (page) => {
      /** The best of three, as the machine may be busy with something else. */
      const open = async (summary: string) => {
        const times: number[] = [];
        for (let i = 0; i < 3; i++) {
          await page.goto('about:blank');
          await openDashboard(page, server.url, { session, clientId: 'maria' });
          const row = page.getByText(summary, { exact: true });
          await row.waitFor();
          await page.evaluate(CLOCK);
          await row.click();
          await entryOf(page, 1).waitFor();
          times.push(await page.evaluate<number>('painted'));
        }
        return Math.min(...times);
      };
      // On a machine where a small vault takes long as well, that is the measure.
      const usual = await open('small');
      const still = await frameTime(page);
      expect(await open('large')).toBeLessThan(Math.max(1000, 3 * usual));

      await page.getByText('5,000 entries').waitFor();
      const newest = page.getByRole('button', { name: 'Newest' });
      const showsLast = async () => {
        await newest.click();
        return (await entryOf(page, ENTRIES).count()) === 1;
      };
      await expect.poll(showsLast).toBe(true);
      expect(await frameTime(page, 'window.scrollBy(0, -300)')).toBeLessThan(Math.max(60, 4 * still));
      expect(await page.locator('.entry').count()).toBeLessThan(60);
      await newest.click();
      await entryOf(page, ENTRIES).waitFor();
      await client.vault.append.mutate({ vault_id, text: 'one more' });
      await entryOf(page, ENTRIES + 1)
        .getByText('one more')
        .waitFor({ timeout: 2000 });
    });
  });
});
