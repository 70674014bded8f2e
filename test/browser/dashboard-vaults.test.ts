import { expect, test } from 'vitest';
import { describeInBrowser, useBrowser, withPage } from '../support/browser.ts';
import { trpcClient } from '../support/client.ts';
import { openDashboard } from '../support/dashboard.ts';
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

  test('finds vaults by their text while the user types', async () => {
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
      expect(await page.locator('.vault-name').allTextContents()).toEqual(['auth']);
      await page.keyboard.type(' nowhere');
      await page.getByText('No vault matches “cookie nowhere”.').waitFor();
      await page.keyboard.press('Escape');
      await page.getByText('billing').waitFor();
    });
  });
});
