import { expect, test } from 'vitest';
import { describeInBrowser, useBrowser, withPage } from '../support/browser.ts';
import { trpcClient } from '../support/client.ts';
import { entryOf, expectAccessible, openDashboard, overflowOf } from '../support/dashboard.ts';
import { useDatabase } from '../support/database.ts';
import { useServer } from '../support/server.ts';

const TOKEN = 'operator-token-of-the-tests-0123456789';

describeInBrowser('an operator', () => {
  const server = useServer(useDatabase(), { dashboardToken: TOKEN });
  const use = useBrowser();

  const enter = async (astationId: string) => {
    const session = await server.login(astationId);
    return trpcClient(server.url, { session, clientId: 'agent-a' });
  };

  test('sees the vaults of all work sessions, live, and can write into none', async () => {
    const [one, two] = await Promise.all([enter('ast-one'), enter('ast-two')]);
    await one.vault.create.mutate({ summary: 'of one' });
    const { vault_id } = await two.vault.create.mutate({ summary: 'of two' });
    await two.vault.append.mutate({ vault_id, text: 'hello' });
    await withPage(use, async (page) => {
      await openDashboard(page, server.url, { token: TOKEN });
      await page.getByText('of one').waitFor();
      await one.vault.create.mutate({ summary: 'of one, later' });
      await page.getByText('of one, later').waitFor({ timeout: 2000 });
      await page.getByText('of two').click();
      await entryOf(page, 1).getByText('hello').waitFor();
      expect(await page.getByRole('button', { name: /^(Edit|Write)/ }).count()).toBe(0);
      expect(await page.getByRole('textbox', { name: 'Write an entry' }).count()).toBe(0);
      await two.vault.append.mutate({ vault_id, text: 'live' });
      await entryOf(page, 2).getByText('live').waitFor({ timeout: 1000 });
      await page.getByRole('link', { name: 'Proof' }).click();
      await page.getByText('Verified up to seq').waitFor();
      await page.getByText('ast-two').waitFor();
    });
  });

  test('sees how the server is, in light and dark, and on a small telephone', async () => {
    await enter('ast-one');
    await withPage(use, async (page) => {
      await openDashboard(page, server.url, { token: TOKEN });
      await page.getByRole('button', { name: 'Menu' }).click();
      await page.getByRole('menuitem', { name: 'Server' }).click();
      await page.getByRole('heading', { name: 'Server', level: 1 }).waitFor();
      await page.getByRole('row', { name: /ast-one/ }).waitFor();
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        await expectAccessible(page);
      }
      await page.setViewportSize({ width: 320, height: 568 });
      expect(await overflowOf(page)).toBe(0);
    });
  });
});
