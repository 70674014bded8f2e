import { expect, test } from 'vitest';
import { describeInBrowser, useBrowser, withPage } from '../support/browser.ts';
import { trpcClient } from '../support/client.ts';
import { entryOf, openDashboard } from '../support/dashboard.ts';
import { useDatabase } from '../support/database.ts';
import { useServer } from '../support/server.ts';

const ENTRIES = 5000;
/** Calls that one request may carry. */
const BATCH = 20;

describeInBrowser('a vault of 5,000 entries', () => {
  const server = useServer(useDatabase());
  const use = useBrowser();

  test('opens within a second, scrolls without long pauses, and holds few of them at a time', async () => {
    const session = await server.login('ast-large');
    const client = trpcClient(server.url, { session, clientId: 'agent-a' });
    const { vault_id } = await client.vault.create.mutate({ summary: 'large' });
    const text = (i: number) => `## Entry ${i}\n\n${'Some **words** of a hand-over. '.repeat(1 + (i % 9))}`;
    for (let i = 0; i < ENTRIES; i += BATCH) {
      const texts = Array.from({ length: BATCH }, (_, k) => text(i + k));
      await Promise.all(texts.map((one) => client.vault.append.mutate({ vault_id, text: one })));
    }
    await withPage(use, async (page) => {
      // The machine may be busy with something else: the best of three counts.
      const times: number[] = [];
      for (let i = 0; i < 3; i++) {
        await page.goto('about:blank');
        await openDashboard(page, server.url, { session, clientId: 'maria' });
        await page.getByText('5,000 entries').waitFor();
        const started = performance.now();
        await page.getByText('large').click();
        await entryOf(page, 1).waitFor();
        times.push(performance.now() - started);
      }
      expect(Math.min(...times)).toBeLessThan(1000);

      // The longest pause between two frames while the wheel turns.
      const pause = await page.evaluate<number>(`new Promise((resolve) => {
        let longest = 0, last = performance.now(), frames = 0;
        const step = (now) => {
          longest = Math.max(longest, now - last);
          last = now;
          window.scrollBy(0, 400);
          if (++frames < 120) requestAnimationFrame(step); else resolve(longest);
        };
        requestAnimationFrame(step);
      })`);
      expect(pause).toBeLessThan(250);
      expect(await page.locator('.entry').count()).toBeLessThan(60);

      await page.getByRole('button', { name: 'Newest' }).click();
      await entryOf(page, ENTRIES).waitFor();
      await client.vault.append.mutate({ vault_id, text: 'one more' });
      await entryOf(page, ENTRIES + 1)
        .getByText('one more')
        .waitFor({ timeout: 1000 });
    });
  });
});
