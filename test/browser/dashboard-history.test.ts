import { beforeAll, expect, test } from 'vitest';
import { describeInBrowser, useBrowser, useSharedPage } from '../support/browser.ts';
import { trpcClient } from '../support/client.ts';
import { entryOf, goTo, openDashboard } from '../support/dashboard.ts';
import { useDatabase } from '../support/database.ts';
import { useServer } from '../support/server.ts';

/** A promise that is resolved from outside. */
function withResolvers() {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

describeInBrowser('the past of a vault', () => {
  const database = useDatabase();
  const server = useServer(database);
  const use = useBrowser();

  let session: string;
  beforeAll(async () => {
    session = await server.login('ast-history');
  });
  const onPage = useSharedPage(use, { expected: /status of 429/ }, (page) =>
    openDashboard(page, server.url, { session, clientId: 'maria' }),
  );
  /** A vault of six rows: summary v1, e1 v1, e2 v1, summary v2, e1 v2, e1 v3. */
  const enter = async () => {
    const client = trpcClient(server.url, { session, clientId: 'agent-a' });
    const { vault_id } = await client.vault.create.mutate({ summary: 'auth' });
    await client.vault.append.mutate({ vault_id, text: 'JWT in a cookie' });
    await client.vault.append.mutate({ vault_id, text: 'migrate first' });
    await client.vault.setSummary.mutate({ vault_id, text: 'auth refactor' });
    await client.vault.override.mutate({ vault_id, entry_id: 1, text: 'JWT in a header' });
    await client.vault.override.mutate({ vault_id, entry_id: 1, text: 'JWT in a header, 15 minutes' });
    return { client, vault_id };
  };

  test('shows every version of an entry, and the changes between any two', async () => {
    const { vault_id, client } = await enter();
    await onPage(async (page) => {
      await goTo(page, `/v/${vault_id}`);
      await page.getByRole('button', { name: 'History of e1 v3' }).click();
      const dialog = page.getByRole('dialog', { name: 'History of e1' });
      await dialog.getByRole('listitem').first().waitFor();
      expect(await dialog.getByRole('listitem').count()).toBe(3);
      const [added, removed] = [dialog.locator('ins'), dialog.locator('del')];
      // A worker compares the texts.
      const changes = async () => [await added.allTextContents(), await removed.allTextContents()];
      await expect.poll(changes).toEqual([[', 15 minutes'], []]);

      await dialog.getByRole('button', { name: /e1 v2/ }).click();
      await expect.poll(changes).toEqual([['header'], ['cookie']]);

      await dialog.getByRole('button', { name: /e1 v1/ }).click();
      await dialog.getByLabel('From').selectOption({ value: '3' });
      await expect.poll(changes).toEqual([['cookie'], ['header, 15 minutes']]);

      await client.vault.override.mutate({ vault_id, entry_id: 1, text: 'a fourth' });
      await dialog.getByRole('button', { name: /e1 v4/ }).waitFor();
    });
  });

  test('can be visited by a slider, with the mouse and the keyboard', async () => {
    const { vault_id, client } = await enter();
    const changes = await client.vault.read.query({ vault_id, history: true, kind: 'all' });
    await onPage(async (page) => {
      await goTo(page, `/v/${vault_id}`);
      await page.getByRole('link', { name: 'Time travel' }).click();
      await page.getByText('Change 6 of 6').waitFor();
      await entryOf(page, 1).getByText('JWT in a header, 15 minutes').waitFor();
      const slider = page.getByRole('slider', { name: 'Moment' });
      await slider.press('Home');
      await page.getByText('Before the first change').waitFor();
      await page.getByText('At this moment the vault was empty.').waitFor();
      for (const [step, there] of [
        ['Change 1 of 6', 'changed the summary'],
        ['Change 2 of 6', 'JWT in a cookie'],
        ['Change 3 of 6', 'migrate first'],
        ['Change 4 of 6', 'auth refactor'],
        ['Change 5 of 6', 'JWT in a header'],
      ] as const) {
        await slider.press('ArrowRight');
        await page.getByText(step).waitFor();
        await page.getByText(there).first().waitFor();
      }
      await page.getByRole('button', { name: 'Earlier' }).click();
      await page.getByText('Change 4 of 6').waitFor();
      await entryOf(page, 1).getByText('JWT in a cookie').waitFor();
      // D13: the address keeps the moment. It is written a few times a second, as browsers allow.
      await page.waitForURL(new RegExp(`moment=${changes[3]?.seq}\\b`));
      await page.reload();
      await page.getByText('Change 4 of 6').waitFor();
      await entryOf(page, 1).getByText('JWT in a cookie').waitFor();
    });
  });

  test('follows changes while the page is not open', async () => {
    const { vault_id, client } = await enter();
    await onPage(async (page) => {
      await goTo(page, `/v/${vault_id}/timeline`);
      await page.getByText('Change 6 of 6').waitFor();
      await client.vault.append.mutate({ vault_id, text: 'one more' });
      await page.getByText('Change 7 of 7').waitFor();
      await page.getByText('one more').waitFor();
    });
  });

  test('verifies each hash, and again when rows arrive', async () => {
    const { vault_id, client } = await enter();
    const { head, head_hash } = await client.vault.meta.query({ vault_id });
    await onPage(async (page) => {
      await goTo(page, `/v/${vault_id}/proof`);
      await page.getByRole('heading', { name: `Verified up to seq ${head}` }).waitFor();
      await page.getByText(head_hash).waitFor();
      const { seq } = await client.vault.append.mutate({ vault_id, text: '又一个 😀' });
      await page.getByRole('heading', { name: `Verified up to seq ${seq}` }).waitFor();
      await page.getByRole('button', { name: 'History of the summary' }).click();
      await page.getByRole('dialog', { name: 'History of the summary' }).locator('ins').waitFor();
      expect(await page.getByRole('dialog').locator('ins').allTextContents()).toEqual([' refactor']);
    });
  });

  test('misses no row that arrives while it is read, and is not called broken for it', async () => {
    const { vault_id, client } = await enter();
    await onPage(async (page) => {
      const answered = withResolvers();
      const arrived = withResolvers();
      let first = true;
      // The history, as it was before a row that the stream brings, reaches the page after that row.
      await page.route(/readPage.*history/, async (route) => {
        const response = await route.fetch();
        if (first) {
          first = false;
          answered.resolve();
          await arrived.promise;
        }
        await route.fulfill({ response });
      });
      await goTo(page, `/v/${vault_id}/proof`);
      await answered.promise;
      const reloaded = page.waitForRequest(/vault\.meta/);
      await client.vault.append.mutate({ vault_id, text: 'while it was read' });
      await reloaded;
      arrived.resolve();
      await page.getByRole('heading', { name: /^Verified up to seq/ }).waitFor();
      const { seq } = await client.vault.append.mutate({ vault_id, text: 'and one after' });
      await page.getByRole('heading', { name: `Verified up to seq ${seq}` }).waitFor();
    });
  });

  test('is proved also when the server asked for a pause', async () => {
    const { vault_id, client } = await enter();
    const { head } = await client.vault.meta.query({ vault_id });
    await onPage(async (page) => {
      const body = JSON.stringify([
        {
          error: { message: 'Too many', code: -32029, data: { code: 'TOO_MANY_REQUESTS', httpStatus: 429 } },
        },
      ]);
      await page.route(/vault\.proof/, (route) => route.fulfill({ status: 429, body }), { times: 1 });
      await goTo(page, `/v/${vault_id}/proof`);
      await page.getByRole('heading', { name: `Verified up to seq ${head}` }).waitFor();
    });
  });

  test('a tampered chain is distinguished from an intact one', async () => {
    const { vault_id, client } = await enter();
    const rows = await client.vault.read.query({ vault_id, history: true });
    const changed = rows.find(({ content }) => content === 'migrate first')?.seq;
    await database.admin.query(`
      ALTER TABLE vault_entries DISABLE TRIGGER ALL;
      UPDATE vault_entries SET content = 'migrate last' WHERE vault_id = '${vault_id}' AND seq = ${changed};
      ALTER TABLE vault_entries ENABLE ALWAYS TRIGGER vault_entries_append_only`);
    await onPage(async (page) => {
      await goTo(page, `/v/${vault_id}/proof`);
      await page.getByRole('heading', { name: `The chain breaks at seq ${changed}` }).waitFor();
    });
  });
});
