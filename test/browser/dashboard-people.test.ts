import { describe, expect, test } from 'vitest';
import { describeInBrowser, useBrowser, withPage } from '../support/browser.ts';
import { rest, trpcClient } from '../support/client.ts';
import { entryOf, expectAccessible, overflowOf } from '../support/dashboard.ts';
import { useDatabase } from '../support/database.ts';
import { chooseInMenu, openByLink, watchForForm } from '../support/people-pages.ts';
import { callAsPage, signIn } from '../support/person.ts';
import { useServer } from '../support/server.ts';

describeInBrowser('a person', () => {
  const server = useServer(useDatabase());
  const use = useBrowser();

  describe('signing in by a link', () => {
    test('the code leaves the address and the history, and every tab is signed in without the form', () =>
      withPage(use, async (page) => {
        await watchForForm(page);
        await openByLink(page, server, { workSessionId: 'st-link', name: 'Maria' });
        expect(page.url()).toBe(`${server.url}/#/`);
        expect(await page.evaluate('history.length')).toBe(2); // with about:blank
        await page.reload();
        await page.getByRole('heading', { name: 'Vaults', exact: true }).waitFor();
        const other = await page.context().newPage();
        await other.goto(server.url);
        await other.getByRole('heading', { name: 'Vaults', exact: true }).waitFor();
        for (const tab of [page, other]) {
          expect(await tab.evaluate('window.sawForm')).toBe(false);
          expect(await tab.evaluate('document.cookie')).toBe('');
          expect(await tab.evaluate(`JSON.stringify(sessionStorage)`)).not.toContain('vrp_');
        }
      }));

    test('a link that was used says what to do, unless the person is signed in', async () => {
      const code = await server.people.invite({ workSessionId: 'st-link', name: 'Maria' });
      const link = `${server.url}/#in=${code}`;
      await withPage({ ...use, expected: /status of 401/ }, async (page) => {
        await page.goto(link);
        await page.getByRole('heading', { name: 'Vaults', exact: true }).waitFor();
        const again = await page.context().newPage();
        await again.goto(link);
        await again.getByRole('heading', { name: 'Vaults', exact: true }).waitFor();
      });
      await withPage({ ...use, expected: /status of 401/ }, async (page) => {
        await page.goto(link);
        await page.getByRole('alert').filter({ hasText: 'Run “npx vault-relay open”' }).waitFor();
        expect(page.url()).toBe(`${server.url}/#/`);
      });
    });

    test('a link that is pasted into an open tab signs in there', () =>
      withPage(use, async (page) => {
        await page.goto(server.url);
        await page.getByRole('heading', { name: 'With Astation' }).waitFor();
        await openByLink(page, server, { workSessionId: 'st-link', name: 'Maria' });
        await chooseInMenu(page, 'Access');
        await page.getByRole('heading', { name: 'Access', exact: true }).waitFor();
      }));
  });

  test('is asked for a name once, and can change it', () =>
    withPage(use, async (page) => {
      await openByLink(page, server, { workSessionId: 'st-name' });
      const dialog = page.getByRole('dialog', { name: 'What is your name?' });
      await dialog.waitFor();
      expect(await page.getByLabel('Name', { exact: true }).inputValue()).toBe('');
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
      await page.reload();
      await page.getByText('No vaults yet').waitFor();
      expect(await dialog.count()).toBe(0);
      await chooseInMenu(page, 'Change name');
      await page.getByLabel('Name', { exact: true }).fill('Maria');
      await page.keyboard.press('Enter');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      await page.reload();
      await page.getByRole('button', { name: 'Menu' }).click();
      await page.getByText('Signed in as Maria').waitFor();
      await page.getByText('Member of st-name').waitFor();
    }));

  test('signs out in all tabs, and everywhere in all browsers', () =>
    withPage({ ...use, expected: /status of 401/ }, async (page) => {
      const form = { name: 'Sign in', exact: true };
      await openByLink(page, server, { workSessionId: 'st-out', name: 'Maria' });
      const other = await page.context().newPage();
      await other.goto(server.url);
      await other.getByText('No vaults yet').waitFor();
      await chooseInMenu(page, 'Sign out');
      await page.getByRole('button', form).waitFor();
      expect(await page.getByText('Your session has ended').count()).toBe(0);
      await other.getByRole('button', form).waitFor();
      await page.reload();
      await page.getByRole('button', form).waitFor();
      await openByLink(page, server, { workSessionId: 'st-out', name: 'Maria' });
      await chooseInMenu(page, 'Sign out everywhere');
      await page.getByRole('dialog').getByRole('button', { name: 'Sign out everywhere' }).click();
      await page.getByRole('button', form).waitFor();
    }));

  test('who is an operator writes in the work session of each vault, and names that of a new one', async () => {
    const session = await server.login('ast-operated');
    const agent = trpcClient(server.url, { session, clientId: 'agent-a' });
    const { vault_id } = await agent.vault.create.mutate({ summary: 'of the agents' });
    await withPage(use, async (page) => {
      await openByLink(page, server, { name: 'Olga' });
      await page.getByText('of the agents').click();
      await page.getByRole('textbox', { name: 'Write an entry' }).fill('from the operator');
      await page.keyboard.press('ControlOrMeta+Enter');
      await entryOf(page, 1).getByText('from the operator').waitFor();
      const { entries } = await agent.vault.readPage.query({ vault_id, details: true });
      expect(entries).toMatchObject([{ writer_id: 'Olga', author: expect.stringMatching(/^person:/) }]);
      await page.getByRole('link', { name: 'All vaults' }).click();
      await page.getByRole('button', { name: 'New vault' }).click();
      await page.getByLabel('What is it for?').fill('in a new place');
      await page.getByLabel('Work session', { exact: true }).selectOption({ label: 'Another one…' });
      await page.getByLabel('Name of the work session').fill('st-new');
      await page.getByRole('button', { name: 'Create vault' }).click();
      await page.getByText('Nothing here yet').waitFor();
      await page.getByRole('link', { name: 'Proof' }).click();
      await page.getByText('st-new').waitFor();
    });
  });

  test('sees and revokes what reaches the vaults, and creates a key that is shown once', async () => {
    const session = await server.login('st-access');
    await withPage({ ...use, expected: /status of 401/ }, async (page) => {
      await openByLink(page, server, { workSessionId: 'st-access', name: 'Maria' });
      await chooseInMenu(page, 'Access');
      await page.getByRole('button', { name: 'New key' }).click();
      await page.getByRole('button', { name: 'Create key' }).click();
      await page.getByRole('alert').filter({ hasText: 'Give a name' }).waitFor();
      await page.getByLabel('Name', { exact: true }).fill('nightly build');
      await page.getByLabel('Client id').fill('ci');
      await page.getByRole('button', { name: 'Create key' }).click();
      const dialog = page.getByRole('dialog', { name: 'Copy the key now' });
      const secret = (await dialog.locator('code').first().textContent()) ?? '';
      expect(secret).toMatch(/^vr_[0-9a-z]{12}_[0-9A-Za-z]{39}$/);
      const call = () =>
        rest('GET', `${server.url}/api/vault`, { headers: { authorization: `Bearer ${secret}` } });
      expect((await call()).status).toBe(200);
      await dialog.getByRole('button', { name: 'Done' }).click();
      await page.getByText('nightly build').waitFor();
      expect(await page.content()).not.toContain(secret);
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        await expectAccessible(page);
      }
      await page.setViewportSize({ width: 320, height: 568 });
      expect(await overflowOf(page)).toBe(0);

      await page.getByRole('button', { name: 'Revoke nightly build' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
      expect((await call()).status).toBe(200);
      for (const name of ['nightly build', 'test-host']) {
        await page.getByRole('button', { name: `Revoke ${name}` }).click();
        await page.getByRole('dialog').getByRole('button', { name: 'Revoke', exact: true }).click();
        await page.getByRole('button', { name: `Revoke ${name}` }).waitFor({ state: 'detached' });
      }
      expect((await call()).status).toBe(401);
      expect(await server.cache.find(session, '')).toBe(undefined);
      await page.getByRole('button', { name: 'Revoke Maria' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Revoke', exact: true }).click();
      await page.getByRole('alert').filter({ hasText: 'Your session has ended.' }).waitFor();
    });
  });

  test('follows a credential to the vaults that it wrote into', () =>
    withPage(use, async (page) => {
      await openByLink(page, server, { workSessionId: 'st-wrote', name: 'Maria' });
      const agent = { session: await server.login('st-wrote'), clientId: 'agent' };
      await trpcClient(server.url, agent).vault.create.mutate({ summary: 'two' });
      await page.getByRole('button', { name: 'New vault' }).click();
      await page.getByLabel('What is it for?').fill('one');
      await page.getByRole('button', { name: 'Create vault' }).click();
      await page.getByText('Nothing here yet').waitFor();
      await page.getByRole('link', { name: 'All vaults' }).click();
      await page.getByRole('link', { name: /two/ }).waitFor();
      await chooseInMenu(page, 'Access');
      await page.getByRole('link', { name: 'Vaults written to: Maria' }).click();
      await page.getByText(/^Written by person /).waitFor();
      await page.getByRole('link', { name: /two/ }).waitFor({ state: 'detached' });
      await page.getByRole('link', { name: /one/ }).waitFor();
      await page.getByRole('button', { name: 'Clear the search' }).click();
      await page.getByRole('link', { name: /two/ }).waitFor();
    }));

  test('with a key needs no client id', async () => {
    const { cookie } = await signIn(server, { workSessionId: 'st-key', name: 'Maria' });
    const created = await callAsPage(server.url, ['POST', 'key.create', { name: 'mine', client_id: 'ci' }], {
      cookie,
    });
    const { key, id } = created.data as { key: string; id: string };
    await withPage(use, async (page) => {
      await page.goto(server.url);
      const field = page.getByLabel('Session id or key');
      expect(await field.getAttribute('type')).toBe('password');
      await field.fill(JSON.stringify({ key, id }));
      expect(await page.getByLabel('Client id').count()).toBe(0);
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
      await page.getByRole('heading', { name: 'Vaults', exact: true }).waitFor();
      await page.getByRole('button', { name: 'Menu' }).click();
      await page.getByText(`Signed in as key ${id}`).waitFor();
    });
  });
});
