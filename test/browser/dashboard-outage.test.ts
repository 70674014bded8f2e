import { expect, test } from 'vitest';
import { describeInBrowser, useBrowser, withPage } from '../support/browser.ts';
import { trpcClient } from '../support/client.ts';
import { entryOf, openDashboard } from '../support/dashboard.ts';
import { useDatabase } from '../support/database.ts';
import { startRelayServer } from '../support/relay-server.ts';
import { useServer } from '../support/server.ts';

const BANNER = 'The server cannot be reached. Trying again…';
/** What a browser says of requests that get no answer. */
const expected =
  /ERR_INTERNET_DISCONNECTED|ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_EMPTY|ERR_CONNECTION_RESET|status of 503/;

describeInBrowser('a server that cannot be reached', () => {
  const database = useDatabase();
  const server = useServer(database);
  const use = useBrowser();

  const enter = async () => {
    const session = await server.login('ast-outage');
    const client = trpcClient(server.url, { session, clientId: 'agent-a' });
    const { vault_id } = await client.vault.create.mutate({ summary: 'auth' });
    const write = (text: string) => client.vault.append.mutate({ vault_id, text });
    await write('before');
    return { who: { session, clientId: 'maria' }, session, vault_id, write };
  };

  test('shows a message, and loads missed rows automatically when the server is back', async () => {
    const { who, vault_id, write } = await enter();
    await withPage({ ...use, expected }, async (page) => {
      await openDashboard(page, server.url, who, `/v/${vault_id}`);
      await entryOf(page, 1).waitFor();
      await page.context().setOffline(true);
      await page.getByText(BANNER).waitFor();
      await write('meanwhile');
      await page.context().setOffline(false);
      await page.getByText('Connected again.').waitFor();
      await entryOf(page, 2).getByText('meanwhile').waitFor();
      await page.getByText(BANNER).waitFor({ state: 'detached' });
      await write('live again');
      await entryOf(page, 3).getByText('live again').waitFor({ timeout: 2000 });
    });
  });

  test('makes no second entry of one whose answer was lost, over a reload', async () => {
    const { who, vault_id, session } = await enter();
    await withPage({ ...use, expected: /ERR_/ }, async (page) => {
      const write = page.getByRole('button', { name: 'Write', exact: true });
      await page.route(/vault\.append/, async (route) => {
        await route.fetch();
        await route.abort();
      });
      await openDashboard(page, server.url, who, `/v/${vault_id}`);
      await page.getByLabel('Write an entry').fill('only once');
      await write.click();
      await page
        .locator('.composer')
        .getByRole('alert')
        .filter({ hasText: 'The server cannot be reached.' })
        .waitFor();
      await page.unroute(/vault\.append/);
      await page.reload();
      await write.click();
      await expect.poll(() => page.getByLabel('Write an entry').inputValue()).toBe('');
      const client = trpcClient(server.url, { session, clientId: 'agent-a' });
      const entries = await client.vault.read.query({ vault_id });
      expect(entries.map(({ content }) => content)).toEqual(['before', 'only once']);
    });
  });

  test('removes the draft of a write that finished after the page was left', async () => {
    const { who, vault_id } = await enter();
    await withPage(use, async (page) => {
      await openDashboard(page, server.url, who, `/v/${vault_id}`);
      let answer = () => {};
      const left = new Promise<void>((resolve) => {
        answer = resolve;
      });
      await page.route(/vault\.append/, async (route) => {
        const response = await route.fetch();
        await left;
        await route.fulfill({ response });
      });
      await page.getByLabel('Write an entry').fill('on the way out');
      await page.getByRole('button', { name: 'Write', exact: true }).click();
      await page.getByRole('link', { name: 'Time travel' }).click();
      await page.getByText('on the way out').waitFor();
      const answered = page.waitForResponse(/vault\.append/);
      answer();
      await (await answered).finished();
      await page.getByRole('link', { name: 'Entries' }).click();
      await entryOf(page, 2).getByText('on the way out').waitFor();
      expect(await page.getByLabel('Write an entry').inputValue()).toBe('');
    });
  });

  test('a server with another version: shows a message and loads the new parts', async () => {
    const { who, vault_id } = await enter();
    await withPage(
      { ...use, expected: /status of 404|Failed to fetch dynamically|Unable to preload/ },
      async (page) => {
        await page.route(/app\/vault-page/, (route) => route.fulfill({ status: 404, body: '' }));
        await openDashboard(page, server.url, who);
        await page.getByRole('link', { name: vault_id }).click();
        await page.getByText('Something went wrong.').waitFor();
        await page.unroute(/app\/vault-page/);
        await page.getByRole('button', { name: 'Try again' }).click();
        await entryOf(page, 1).getByText('before').waitFor();
      },
    );
  });

  test('reconnects to a server that returned as another process', async () => {
    const { session, vault_id, write } = await enter();
    const first = await startRelayServer(database.url);
    const port = Number(new URL(first.url).port);
    const who = { session, clientId: 'maria' };
    await withPage({ ...use, expected }, async (page) => {
      await openDashboard(page, first.url, who, `/v/${vault_id}`);
      await entryOf(page, 1).waitFor();
      await first.stop();
      await page.getByText(BANNER).waitFor();
      await write('while it was away');
      const second = await startRelayServer(database.url, { config: { port } });
      try {
        await entryOf(page, 2).getByText('while it was away').waitFor();
        const there = trpcClient(second.url, { session, clientId: 'agent-a' });
        await there.vault.append.mutate({ vault_id, text: 'and after' });
        await entryOf(page, 3).getByText('and after').waitFor();
      } finally {
        await page.close();
        await second.stop();
      }
    });
  });
});
