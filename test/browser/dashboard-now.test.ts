import type { Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import type { VaultRelayClient } from '../../src/client/index.ts';
import { describeInBrowser, useBrowser, withPage } from '../support/browser.ts';
import { RestVaults, trpcClient } from '../support/client.ts';
import { expectAccessible, goTo, openDashboard, overflowOf } from '../support/dashboard.ts';
import { useDatabase } from '../support/database.ts';
import { useServer } from '../support/server.ts';
import { withoutTriggers } from '../support/tamper.ts';

const AGENT = '5f0c1f0e-8a43-4a6c-9d56-0f6f2f6d1c11';

describeInBrowser('the page of what goes on', () => {
  const database = useDatabase();
  const server = useServer(database);
  const use = useBrowser();

  let who: { session: string; clientId: string };
  let as: (clientId: string) => VaultRelayClient;
  let auth: string;
  let docs: string;
  /** Yesterday at 18:00, in the time zone of the page. */
  const timezoneId = 'UTC';
  const yesterday = new Date();
  yesterday.setUTCDate(yesterday.getUTCDate() - 1);
  yesterday.setUTCHours(18, 0, 0, 0);

  beforeAll(async () => {
    const session = await server.login('ast-now');
    who = { session, clientId: 'maria' };
    as = (clientId) => trpcClient(server.url, { session, clientId });
    auth = (await as('build-mac').vault.create.mutate({ summary: 'auth refactor' })).vault_id;
    docs = (await as('build-mac').vault.create.mutate({ summary: '文档' })).vault_id;
    const texts = ['long before', 'before', 'after', 'later'];
    for (const text of texts)
      await as('build-mac').vault.append.mutate({
        vault_id: auth,
        text,
        tags: text === 'after' ? ['decision'] : [],
      });
    // The first two were written before yesterday 18:00, the others after it.
    const at = (hours: number) =>
      `'${new Date(yesterday.getTime() + hours * 3_600_000).toISOString()}'::timestamptz`;
    await withoutTriggers(
      database.admin,
      `UPDATE vault_entries SET created_at = CASE content WHEN 'long before' THEN ${at(-9)} WHEN 'before' THEN ${at(-0.5)}
         WHEN 'after' THEN ${at(0.5)} WHEN 'later' THEN ${at(1)} ELSE ${at(-10)} END`,
    );
  });

  const shownTexts = (page: Page) => page.locator('.happening-text').allTextContents();
  /** Counts the requests of the page, but not those of its files. */
  const countRequests = (page: Page) => {
    let requests = 0;
    page.on('request', (request) => {
      if (new URL(request.url()).pathname.startsWith('/trpc/')) requests++;
    });
    return () => requests;
  };

  test('what happened since yesterday 18:00: two steps, in the address, by keyboard too', async () => {
    await withPage({ ...use, timezoneId }, async (page) => {
      // Step 1: the page. Step 2: the hour in the chart.
      await openDashboard(page, server.url, who, '/now');
      await page.getByText('long before').waitFor();
      const hour = page.locator('.hour[aria-label*="6:00"][aria-label$="1 change"]').first();
      await hour.focus();
      await page.keyboard.press('Enter');
      await page.getByRole('status').getByText('2 changes').waitFor();
      await expect.poll(() => shownTexts(page)).toEqual(['later', 'after']);
      expect(await page.locator('.found').textContent()).toContain('in 1 vault since');
      await expect.poll(() => page.url()).toContain(`since=${encodeURIComponent(yesterday.toISOString())}`);
      await page.getByRole('button', { name: '#decision' }).click();
      await expect.poll(() => shownTexts(page)).toEqual(['after']);
      await page.reload();
      await expect.poll(() => shownTexts(page)).toEqual(['after']);
      // Enter on the row opens the entry, and Back comes back to the same rows.
      await page.keyboard.press('j');
      await page.keyboard.press('Enter');
      await page.locator('[data-entry="3"]').waitFor();
      await page.goBack();
      await expect.poll(() => shownTexts(page)).toEqual(['after']);
      await page.getByRole('button', { name: 'Clear filters' }).click();
      await expect.poll(async () => (await shownTexts(page)).length).toBe(6);
    });
  });

  test('follow who is here: two steps; rows come by one stream, and move nothing that is read', async () => {
    await withPage({ ...use, viewport: { width: 1024, height: 700 } }, async (page) => {
      const requests = countRequests(page);
      await openDashboard(page, server.url, who, '/now');
      await page.getByText('long before').waitFor();
      await as(AGENT).vault.append.mutate({ vault_id: docs, text: '**Decided**: `JWT`' });
      // At the top, what happens appears at once, as words.
      await page.getByText('Decided: JWT').waitFor();
      await as('build-mac').vault.append.mutate({ vault_id: docs, text: 'and build-mac too' });
      await page.getByText('and build-mac too').waitFor();
      await page.locator('.present .avatar', { hasText: '5f' }).waitFor();
      // Step 1: the client. Step 2: none, its rows follow.
      await page.locator('.present', { hasText: '5f0c1f0e…' }).click();
      await expect.poll(() => shownTexts(page)).toEqual(['Decided: JWT']);
      await as('build-mac').vault.append.mutate({ vault_id: auth, text: 'not shown' });
      // While the pointer is on the list, rows wait.
      await page.locator('.happened').first().hover();
      const [first] = await page.locator('.happened').all();
      const before = await first?.boundingBox();
      await as(AGENT).vault.override.mutate({ vault_id: docs, entry_id: 1, text: 'second thoughts' });
      const fresh = page.getByRole('button', { name: '1 new ↑' });
      await fresh.waitFor();
      expect(await first?.boundingBox()).toEqual(before);
      expect(await shownTexts(page)).toEqual(['Decided: JWT']);
      await fresh.click();
      await expect.poll(() => shownTexts(page)).toEqual(['second thoughts', 'Decided: JWT']);
      // Read from outside, as it happens.
      const away = await server.login('ast-away');
      await page.locator('.present', { hasText: '5f0c1f0e…' }).click();
      await new RestVaults(server.url, { session: away, clientId: AGENT }).read(docs);
      await page.getByText('read it from outside from ast-away').waitFor();
      // The stream, the rows with the hours, and the rows of one writer.
      expect(requests()).toBeLessThanOrEqual(4);
    });
  });

  test('unread: a vault that was looked at counts as read, and the last visit has a line', async () => {
    await withPage(use, async (page) => {
      const visits = { here: new Date(yesterday.getTime()).toISOString().replace('Z', '000Z') };
      await page.addInitScript(
        `if (!localStorage.length) localStorage.setItem('vault-relay.visits.client maria', ${JSON.stringify(JSON.stringify(visits))})`,
      );
      await openDashboard(page, server.url, who, '/now');
      await page.getByText('You were last here').waitFor();
      const order = await page.locator('.happening-text, .visit-line').allTextContents();
      expect(order.indexOf('after')).toBeLessThan(order.indexOf('You were last here'));
      expect(order.indexOf('before')).toBeGreaterThan(order.indexOf('You were last here'));
      const news = page.locator('.news-vault', { hasText: 'auth refactor' });
      await news.locator('.unread').waitFor();
      await news.click();
      await page.locator('[data-entry="1"]').waitFor();
      await page.goBack();
      await news.waitFor();
      await news.locator('.unread').waitFor({ state: 'detached' });
    });
  });

  test('is accessible and fits, at each size, in both themes, both languages and forced colours', async () => {
    for (const [width, options] of [
      [390, { colorScheme: 'light' }],
      [1024, { colorScheme: 'dark', locale: 'zh-CN' }],
      [1440, { colorScheme: 'light', forcedColors: 'active' }],
    ] as const) {
      await withPage({ ...use, viewport: { width, height: 844 }, ...options }, async (page) => {
        await openDashboard(page, server.url, who, '/now');
        await page.locator('.happened').first().waitFor();
        await page.locator('.present').first().waitFor();
        await expectAccessible(page);
        expect(await overflowOf(page)).toBe(0);
        await page.emulateMedia({ colorScheme: options.colorScheme === 'light' ? 'dark' : 'light' });
        await expectAccessible(page, ['color-contrast']);
        await goTo(page, '/now?writer=nobody');
        await page.locator('.empty').waitFor();
        await expectAccessible(page);
      });
    }
  });
});
