import { expect, test } from 'vitest';
import { describeInBrowser, useBrowser, withPage } from '../support/browser.ts';
import { trpcClient } from '../support/client.ts';
import { entryOf, expectAccessible, goTo, openDashboard, overflowOf } from '../support/dashboard.ts';
import { useDatabase } from '../support/database.ts';
import { useServer } from '../support/server.ts';

describeInBrowser('the list of vaults', () => {
  const server = useServer(useDatabase());
  const use = useBrowser();

  /** A work session of its own for each test. */
  const enter = async (astationId: string) => {
    const session = await server.login(astationId);
    const as = (clientId: string) => trpcClient(server.url, { session, clientId });
    return { who: { session, clientId: 'maria' }, as };
  };

  test('an empty list shows the first command, and creates a vault', async () => {
    const { who } = await enter('ast-first');
    await withPage(use, async (page) => {
      await openDashboard(page, server.url, who);
      await page.getByText('atem vault new --summary "auth refactor"').waitFor();
      await page.getByRole('button', { name: 'New vault' }).click();
      await page.getByLabel('What is it for?').fill('认证重构');
      await page.getByRole('button', { name: 'Create vault' }).click();
      await page.getByRole('heading', { name: '认证重构', level: 1 }).waitFor();
      await page.getByRole('link', { name: 'All vaults' }).click();
      await page.getByRole('link', { name: /认证重构/ }).waitFor();
    });
  });

  test('sorts by last change, shows writers, and follows changes', async () => {
    const { who, as } = await enter('ast-list');
    const a = as('agent-a');
    const first = await a.vault.create.mutate({ summary: 'first' });
    await a.vault.create.mutate({ summary: 'second' });
    await withPage(use, async (page) => {
      const names = () => page.locator('.vault-name').allTextContents();
      await openDashboard(page, server.url, who);
      await page.getByText('second').waitFor();
      expect(await names()).toEqual(['second', 'first']);
      await as('agent-b').vault.append.mutate({ vault_id: first.vault_id, text: 'hello' });
      const row = page.locator('.vault-row').first();
      await row.getByText('agent-b').waitFor({ timeout: 2000 });
      expect(await names()).toEqual(['first', 'second']);
      await row.getByText('1 entry').waitFor();
      await a.vault.create.mutate({ summary: 'third' });
      await page.getByText('third').waitFor({ timeout: 2000 });
    });
  });

  test('finds texts while the user types, and vaults by one character', async () => {
    const { who, as } = await enter('ast-search');
    const client = as('agent-a');
    const auth = await client.vault.create.mutate({ summary: 'auth' });
    await client.vault.create.mutate({ summary: 'billing' });
    await client.vault.append.mutate({ vault_id: auth.vault_id, text: 'JWT in a cookie' });
    await withPage(use, async (page) => {
      await openDashboard(page, server.url, who);
      await page.getByText('billing').waitFor();
      await page.keyboard.press('/');
      await page.keyboard.type('cookie');
      await page.getByText('billing').waitFor({ state: 'detached' });
      await page.locator('.hit-text').waitFor();
      expect(await page.locator('.vault-name').allTextContents()).toEqual(['auth']);
      expect(await page.locator('.hit-text').textContent()).toBe('JWT in a cookie');
      await page.keyboard.type(' nowhere');
      await page.getByText('Nothing matches “cookie nowhere”.').waitFor();
      await page.keyboard.press('Escape');
      await page.getByText('billing').waitFor();
      await page.keyboard.type('b');
      await page.getByText('auth').waitFor({ state: 'detached' });
      await page.getByText('0 entries').waitFor();
    });
  });

  test('tells who decided something and when in three steps, in earlier versions too, also on a telephone', async () => {
    const { who, as } = await enter('ast-decided');
    const decided = '<i>We</i> decided: JWT in a cookie, the COOKIE lasts 15 minutes. '.padEnd(400, 'x ');
    const { vault_id } = await as('agent-a').vault.create.mutate({ summary: 'auth' });
    await as('agent-a').vault.append.mutate({ vault_id, text: decided });
    await as('agent-b').vault.override.mutate({ vault_id, entry_id: 1, text: '决定：使用数据库' });
    await as('agent-b').vault.setSummary.mutate({ vault_id, text: 'auth is done' });
    const telephone = { viewport: { width: 390, height: 780 }, isMobile: true, hasTouch: true };
    await withPage({ ...use, ...telephone }, async (page) => {
      await openDashboard(page, server.url, who);
      const [rows, marks] = [page.locator('.vault-row'), page.locator('mark')];
      await page.getByLabel('Search vaults').fill('cookie DECIDED');
      await page.getByText('Nothing matches').waitFor();
      await page.getByLabel('Earlier versions too').check();
      await rows.getByText('earlier version').waitFor();
      expect(await marks.allTextContents()).toEqual(['decided', 'cookie', 'COOKIE']);
      const row = await rows.textContent();
      for (const fact of ['auth is done', '<i>We</i>', 'e1 v1', 'agent-a', 'just now'])
        expect(row).toContain(fact);
      expect(await overflowOf(page)).toBeLessThanOrEqual(0);
      await expectAccessible(page);
      await rows.click();
      const dialog = page.getByRole('dialog', { name: 'History of e1' });
      const chosen = dialog.locator('[aria-current=true]');
      await chosen.getByText('agent-a').waitFor();
      expect(await chosen.textContent()).toContain('e1 v1');

      await goTo(page, '/?q=数据');
      await rows.getByText('使用数据库').waitFor();
      expect(await marks.allTextContents()).toEqual(['数据']);
      await rows.click();
      await entryOf(page, 1).getByText('使用数据库').waitFor();
      await goTo(page, '/?q=auth&older=true');
      await expect.poll(() => rows.count()).toBe(2);
      await rows.last().click();
      await page.getByRole('dialog', { name: 'History of the summary' }).waitFor();
    });
  });

  test('more than fifty hits are read when the user asks, and those that arrive are shown', async () => {
    const { who, as } = await enter('ast-hits');
    const client = as('agent-a');
    const { vault_id } = await client.vault.create.mutate({ summary: 'many' });
    for (let n = 1; n <= 60; n++) await client.vault.append.mutate({ vault_id, text: `needle ${n}` });
    await withPage(use, async (page) => {
      await openDashboard(page, server.url, who, '/?q=needle');
      await page.getByText('needle 60', { exact: true }).waitFor();
      await page.getByRole('button', { name: 'Show more' }).click();
      await page.getByRole('button', { name: 'Show more' }).waitFor({ state: 'detached' });
      await page.evaluate('window.scrollTo(0, document.documentElement.scrollHeight)');
      await page.getByText('needle 1', { exact: true }).waitFor();
      await client.vault.append.mutate({ vault_id, text: 'a new needle' });
      await page.evaluate('window.scrollTo(0, 0)');
      await page.getByText('a new needle').waitFor();
    });
  });
});
