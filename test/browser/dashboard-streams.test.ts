import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { describeInBrowser, useBrowser, useSharedPage, withPage } from '../support/browser.ts';
import { trpcClient } from '../support/client.ts';
import { entryOf, goTo, openDashboard } from '../support/dashboard.ts';
import { useDatabase } from '../support/database.ts';
import { useServer } from '../support/server.ts';

/** Time in which a stream that reopens itself did so ten times. */
const LONG_MS = 10_000;

describeInBrowser('streams of the dashboard', () => {
  const database = useDatabase();
  const server = useServer(database);
  const use = useBrowser();

  let session: string;
  beforeAll(async () => {
    session = await server.login('ast-streams');
  });
  const onPage = useSharedPage(use, {}, async (page) => {
    await page.clock.install();
    await openDashboard(page, server.url, { session, clientId: 'maria' });
  });
  const enter = async () => {
    const agent = trpcClient(server.url, { session, clientId: 'agent-a' });
    const { vault_id } = await agent.vault.create.mutate({ summary: 'auth' });
    await agent.vault.append.mutate({ vault_id, text: 'first' });
    return { agent, vault_id };
  };
  /** Counts the requests of procedures, by name. */
  const countCalls = (page: Page) => {
    const calls = new Map<string, number>();
    page.on('request', (request) => {
      const { pathname } = new URL(request.url());
      if (!pathname.startsWith('/trpc/')) return;
      for (const name of pathname.slice(6).split(',')) calls.set(name, (calls.get(name) ?? 0) + 1);
    });
    return (name: string) => calls.get(name) ?? 0;
  };
  /** Hides the tab, and shows it again. */
  const blink = async (page: Page) => {
    for (const state of ['hidden', 'visible']) {
      await page.evaluate(`
        Object.defineProperty(document, 'visibilityState', { value: '${state}', configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));`);
    }
  };

  describe('D1: the clean-up of a stream does not open it again', () => {
    test('on the first visit to time travel, and on each way back', async () => {
      const { vault_id } = await enter();
      await onPage(async (page) => {
        const count = countCalls(page);
        await goTo(page, `/v/${vault_id}`);
        await entryOf(page, 1).waitFor();
        await page.getByRole('link', { name: 'Time travel' }).click();
        await page.getByText('Change 2 of 2').waitFor();
        await page.clock.runFor(LONG_MS);
        expect(count('vault.watch')).toBeLessThanOrEqual(3);
        const before = count('vault.watch');
        await page.clock.runFor(LONG_MS);
        expect(count('vault.watch')).toBe(before);
      });
    });

    test.each([
      ['a vault', 'vault.watch', (vault: string) => `/v/${vault}`],
      ['the list', 'vault.changes', () => '/'],
    ])('when the tab of %s is hidden for a moment', async (_, stream, path) => {
      const { vault_id } = await enter();
      await onPage(async (page) => {
        await goTo(page, '/nowhere');
        const count = countCalls(page);
        await goTo(page, path(vault_id));
        await page.locator('.entry, .vault-row').first().waitFor();
        await expect.poll(() => count(stream)).toBe(1);
        await blink(page);
        await expect.poll(() => count(stream)).toBe(2);
        await page.clock.runFor(LONG_MS);
        expect(count(stream)).toBe(2);
      });
    });
  });

  describe('D17: the list', () => {
    test('is read once, and then only what changed', async () => {
      const { agent, vault_id } = await enter();
      await database.admin.query(
        `INSERT INTO vaults (bucket, vault_id, work_session_id, created_by, summary)
         SELECT vault_bucket('v-many' || n), 'v-many' || n, 'ast-streams', 'agent-a', 'one of many ' || n FROM generate_series(1, 1500) AS n`,
      );
      await withPage(use, async (page) => {
        const count = countCalls(page);
        await openDashboard(page, server.url, { session, clientId: 'maria' });
        await page.locator('.vault-row').first().waitFor();
        const before = count('vault.listPage');
        for (const text of ['second', 'third', 'fourth']) {
          await agent.vault.append.mutate({ vault_id, text });
          const entries = { second: 2, third: 3, fourth: 4 }[text];
          const row = page.locator('.vault-row').first();
          await row.getByText(`${entries} entries`).waitFor();
          expect(await row.getByText(vault_id).count()).toBe(1);
        }
        await agent.vault.create.mutate({ summary: 'a new one' });
        await page.locator('.vault-row').first().getByText('a new one').waitFor();
        expect(count('vault.listPage')).toBe(before);
        expect(count('vault.meta')).toBe(0);
        expect(before).toBeLessThanOrEqual(3);
        expect(await page.locator('.vault-row').count()).toBeLessThan(100);
      });
    });
  });

  test('a burst of rows is shown at once, and costs no read for each of them', async () => {
    const { agent, vault_id } = await enter();
    await onPage(async (page) => {
      const count = countCalls(page);
      await goTo(page, `/v/${vault_id}`);
      await entryOf(page, 1).waitFor();
      await Promise.all(
        Array.from({ length: 100 }, (_, i) => agent.vault.append.mutate({ vault_id, text: `row ${i}` })),
      );
      await page.getByText('101 entries').waitFor();
      expect(count('vault.meta')).toBeLessThan(20);
      expect(count('vault.readPage')).toBeLessThan(5);
    });
  });
});
