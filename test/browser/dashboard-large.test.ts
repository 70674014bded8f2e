import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { describeInBrowser, useBrowser, withPage } from '../support/browser.ts';
import { trpcClient } from '../support/client.ts';
import { entryOf, openDashboard, timeOfPage } from '../support/dashboard.ts';
import { useDatabase } from '../support/database.ts';
import { useServer } from '../support/server.ts';

/** Far more than the page holds at a time. */
const ENTRIES = 2000;
const FRAMES = 60;
/** Ms within which the first entry has to be painted. */
const SOON_MS = 1000;

/** Turns the wheel for some frames. @returns ms of processor time that each of them took, whatever else the machine did */
async function scroll(page: Page, step: number): Promise<number> {
  const spent = await timeOfPage(page, () =>
    page.evaluate(`new Promise((resolve) => {
    let frames = 0;
    const turn = () => {
      window.scrollBy(0, ${step});
      if (++frames < ${FRAMES}) requestAnimationFrame(turn); else resolve();
    };
    requestAnimationFrame(turn);
  })`),
  );
  return spent / FRAMES;
}

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

describeInBrowser('a vault of 2,000 entries', () => {
  const database = useDatabase();
  const server = useServer(database);
  const use = useBrowser();

  test('opens within a second, scrolls without long pauses, and holds few of them at a time', async () => {
    const session = await server.login('ast-large');
    const client = trpcClient(server.url, { session, clientId: 'agent-a' });
    const small = await client.vault.create.mutate({ summary: 'small' });
    await client.vault.append.mutate({ vault_id: small.vault_id, text: 'one' });
    const { vault_id } = await client.vault.create.mutate({ summary: 'large' });
    await database.admin.query(
      `INSERT INTO vault_entries (bucket, vault_id, seq, entry_no, version, kind, writer_id, content, hash)
       SELECT vault_bucket($1), $1, n + 1, n, 1, 'content', 'agent-a',
         '## Entry ' || n || E'\\n\\n' || repeat('Some **words** of a hand-over. ', 1 + n % 9), sha256('')
       FROM generate_series(1, ${ENTRIES}) AS n`,
      [vault_id],
    );
    await database.admin.query(
      `UPDATE vaults SET next_entry_no = ${ENTRIES + 1}, versions = ${ENTRIES},
         head_seq = (SELECT max(seq) FROM vault_entries WHERE vault_id = $1)
       WHERE vault_id = $1`,
      [vault_id],
    );
    await withPage(use, async (page) => {
      const open = async (summary: string) => {
        await page.goto('about:blank');
        await openDashboard(page, server.url, { session, clientId: 'maria' });
        const row = page.getByText(summary, { exact: true });
        await row.waitFor();
        await page.evaluate(CLOCK);
        await row.click();
        await entryOf(page, 1).waitFor();
        return page.evaluate<number>('painted');
      };
      // On a machine where a small vault takes long as well, that is the measure.
      const limit = Math.max(SOON_MS, 3 * (await open('small')));
      // Up to three times, as the machine may be busy with something else.
      let best = await open('large');
      for (let n = 1; n < 3 && best >= limit; n++) best = Math.min(best, await open('large'));
      expect(best).toBeLessThan(limit);

      await page.getByText('2,000 entries').waitFor();
      const newest = page.getByRole('button', { name: 'Newest' });
      const showsLast = async () => {
        await newest.click();
        return (await entryOf(page, ENTRIES).count()) === 1;
      };
      await expect.poll(showsLast, { timeout: 15_000 }).toBe(true);
      // 60 frames a second leave 16 ms for each.
      const spent = await scroll(page, -300);
      expect(spent).toBeLessThan(16);
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
