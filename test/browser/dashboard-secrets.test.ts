import { expect, test } from 'vitest';
import { makeKey } from '../../src/access/key-format.ts';
import { describeInBrowser, useBrowser, useSharedPage } from '../support/browser.ts';
import { trpcClient } from '../support/client.ts';
import { entryOf, goTo, openDashboard } from '../support/dashboard.ts';
import { useDatabase } from '../support/database.ts';
import { useServer } from '../support/server.ts';

describeInBrowser('secrets in a vault', () => {
  const server = useServer(useDatabase(), { secretScan: 'refuse' });
  const use = useBrowser();
  const who = { session: '', clientId: 'maria' };
  const onPage = useSharedPage(use, { expected: /status of 422/ }, async (page) => {
    who.session = await server.login('ast-secrets');
    await openDashboard(page, server.url, who);
  });

  test('the composer warns before it sends, a reason writes a refused text, and the row is flagged', () =>
    onPage(async (page) => {
      const { vault } = trpcClient(server.url, who);
      const { vault_id } = await vault.create.mutate({});
      await vault.append.mutate({ vault_id, text: 'nothing to see' });
      await goTo(page, `/v/${vault_id}`);
      const line = 'Line 2 looks like a secret: vault-relay-key (vr_…).';
      await page.getByLabel('Write an entry').fill(`one\n${makeKey().key}`);
      await page.locator('.composer').getByText(line).waitFor();
      await page.getByRole('button', { name: 'Write', exact: true }).click();
      await page.getByText('it looks like it holds a secret').waitFor();
      await page.getByLabel('Why this may be written').fill('of a test');
      await page.getByRole('button', { name: 'Write anyway' }).click();
      await entryOf(page, 2).getByText(line).waitFor();
      expect(await page.locator('.composer [data-secret]').count()).toBe(0);
      expect(await entryOf(page, 1).locator('[data-secret]').count()).toBe(0);
    }));
});
