import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { describeInBrowser, useBrowser, useSharedPage, withPage } from '../support/browser.ts';
import { trpcClient } from '../support/client.ts';
import { entryOf, goTo, openDashboard, signIn } from '../support/dashboard.ts';
import { useDatabase } from '../support/database.ts';
import { useServer } from '../support/server.ts';

describeInBrowser('D2: nothing that was typed is lost without an undo', () => {
  const server = useServer(useDatabase());
  const use = useBrowser();

  let who: { session: string; clientId: string };
  beforeAll(async () => {
    who = { session: await server.login('ast-drafts'), clientId: 'maria' };
  });
  const onPage = useSharedPage(use, { expected: /status of 409/ }, (page) =>
    openDashboard(page, server.url, who),
  );
  const enter = async () => {
    const { session } = who;
    const agent = trpcClient(server.url, { session, clientId: 'agent-a' });
    const { vault_id } = await agent.vault.create.mutate({ summary: 'auth' });
    await agent.vault.append.mutate({ vault_id, text: 'cookie' });
    await agent.vault.append.mutate({ vault_id, text: 'second' });
    const open = (page: Page) => goTo(page, `/v/${vault_id}`);
    return { agent, vault_id, open };
  };
  const editor = (page: Page) => page.getByRole('textbox', { name: 'Edit e1 v1' });
  const edit = async (page: Page, text: string) => {
    await page.getByRole('button', { name: 'Edit e1 v1' }).click();
    await editor(page).fill(text);
  };
  const undo = (page: Page) => page.getByRole('button', { name: 'Undo' });

  const WAYS: [name: string, leave: (page: Page) => Promise<void>][] = [
    ['Escape', (page) => page.keyboard.press('Escape')],
    ['Cancel', (page) => page.getByRole('button', { name: 'Cancel' }).click()],
  ];

  describe.each(WAYS)('%s', (_, leave) => {
    test('in an editor: undo restores the draft with its text', async () => {
      const { open } = await enter();
      await onPage(async (page) => {
        await open(page);
        await edit(page, 'half a thought');
        await leave(page);
        await editor(page).waitFor({ state: 'detached' });
        await page.getByText('What you typed was discarded.').waitFor();
        await undo(page).click();
        expect(await editor(page).inputValue()).toBe('half a thought');
        expect(await undo(page).count()).toBe(0);
      });
    });

    test('in the summary: undo restores the draft with its text', async () => {
      const { open } = await enter();
      await onPage(async (page) => {
        await open(page);
        await page.getByRole('button', { name: 'Edit summary' }).click();
        await page.getByLabel('Summary').fill('auth, and more');
        await leave(page);
        await page.getByRole('heading', { name: 'auth', exact: true }).waitFor();
        await undo(page).click();
        expect(await page.getByLabel('Summary').inputValue()).toBe('auth, and more');
      });
    });

    test('in the sheet of a new vault: the draft is there when the sheet opens again', async () => {
      await onPage(async (page) => {
        await goTo(page, '/');
        await page.getByRole('button', { name: 'New vault' }).click();
        await page.getByLabel('What is it for?').fill('billing');
        await leave(page);
        await page.getByRole('dialog').waitFor({ state: 'detached' });
        await page.getByRole('button', { name: 'New vault' }).click();
        expect(await page.getByLabel('What is it for?').inputValue()).toBe('billing');
      });
    });

    test('an empty draft offers no undo', async () => {
      const { open } = await enter();
      await onPage(async (page) => {
        await open(page);
        await page.getByRole('button', { name: 'Edit e1 v1' }).click();
        await editor(page).waitFor();
        await leave(page);
        await editor(page).waitFor({ state: 'detached' });
        expect(await undo(page).count()).toBe(0);
        // D12: the focus is back at the entry, not at the page.
        expect(await page.evaluate('document.activeElement.dataset.entry')).toBe('1');
      });
    });
  });

  test('a second discarded draft, or one typed in its place, is restored too', async () => {
    const { open } = await enter();
    const second = (page: Page) => page.getByRole('textbox', { name: 'Edit e2 v1' });
    await onPage(async (page) => {
      await open(page);
      await edit(page, 'half a thought');
      await page.keyboard.press('Escape');
      await page.getByRole('button', { name: 'Edit e2 v1' }).click();
      await second(page).fill('another half');
      await page.keyboard.press('Escape');
      await edit(page, 'typed in its place');
      await undo(page).click();
      expect(await second(page).inputValue()).toBe('another half');
      await undo(page).click();
      expect(await editor(page).inputValue()).toBe('half a thought');
      await undo(page).click();
      expect(await editor(page).inputValue()).toBe('typed in its place');
      await undo(page).click();
      expect(await editor(page).inputValue()).toBe('half a thought');
      await page.getByRole('button', { name: 'Close' }).click();
      await undo(page).waitFor({ state: 'detached' });
    });
  });

  test('an undo offer stays when other messages appear', async () => {
    const { open, agent, vault_id } = await enter();
    await onPage(async (page) => {
      await open(page);
      await edit(page, 'half a thought');
      await page.keyboard.press('Escape');
      await agent.vault.override.mutate({ vault_id, entry_id: 2, text: 'second, better' });
      await page.getByText('e2 v2 by agent-a has arrived.').waitFor();
      await undo(page).click();
      expect(await editor(page).inputValue()).toBe('half a thought');
    });
  });

  test('editors stay open after a reload and after a visit to another page, two at a time', async () => {
    const { open } = await enter();
    await onPage(async (page) => {
      await open(page);
      await edit(page, 'half a thought');
      await page.getByRole('button', { name: 'Edit e2 v1' }).click();
      await page.getByRole('textbox', { name: 'Edit e2 v1' }).fill('another half');
      await page.getByRole('link', { name: 'Time travel' }).click();
      await page.getByText('Change 3 of 3').waitFor();
      await page.getByRole('link', { name: 'Entries' }).click();
      expect(await editor(page).inputValue()).toBe('half a thought');
      await page.reload();
      expect(await editor(page).inputValue()).toBe('half a thought');
      expect(await page.getByRole('textbox', { name: 'Edit e2 v1' }).inputValue()).toBe('another half');
    });
  });

  describe('a conflict', () => {
    const runInto = async (page: Page, { open, agent, vault_id }: Awaited<ReturnType<typeof enter>>) => {
      await open(page);
      await edit(page, 'header');
      await agent.vault.override.mutate({ vault_id, entry_id: 1, text: 'session storage' });
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByRole('dialog').getByText('Both changed the same lines').waitFor();
      return page.getByRole('dialog').getByLabel('Merged text');
    };

    test.each<[string, (page: Page) => Promise<unknown>]>([
      ['Escape', (page) => page.keyboard.press('Escape')],
      ['Close', (page) => page.getByRole('button', { name: 'Close' }).click()],
      ['D17: Back', (page) => page.goBack()],
    ])('that is left by %s has what was merged when it comes again', async (_, leave) => {
      const vault = await enter();
      await onPage(async (page) => {
        const merged = await runInto(page, vault);
        await merged.fill('header, or session storage');
        await leave(page);
        await page.getByRole('dialog').waitFor({ state: 'detached' });
        expect(await editor(page).inputValue()).toBe('header');
        await page.getByRole('button', { name: 'Save' }).click();
        await merged.waitFor();
        expect(await merged.inputValue()).toBe('header, or session storage');
      });
    });

    test('"Keep theirs" and "Take mine" can be undone', async () => {
      const vault = await enter();
      await onPage(async (page) => {
        const merged = await runInto(page, vault);
        await merged.fill('header, or session storage');
        await page.getByRole('button', { name: 'Take mine' }).click();
        expect(await merged.inputValue()).toBe('header');
        await undo(page).click();
        expect(await merged.inputValue()).toBe('header, or session storage');
        await page.getByRole('button', { name: 'Keep theirs' }).click();
        await entryOf(page, 1).getByText('session storage').waitFor();
        await undo(page).click();
        expect(await editor(page).inputValue()).toBe('header');
      });
    });
  });

  test('text that is typed while a write is in flight survives the write', async () => {
    const { open } = await enter();
    await onPage(async (page) => {
      await open(page);
      let answer = () => {};
      const held = new Promise<void>((resolve) => {
        answer = resolve;
      });
      await page.route(/vault\.append/, async (route) => {
        const response = await route.fetch();
        await held;
        await route.fulfill({ response });
      });
      const box = page.getByLabel('Write an entry');
      await box.fill('first');
      await page.getByRole('button', { name: 'Write', exact: true }).click();
      await page.getByRole('button', { name: 'Writing…' }).waitFor();
      expect(await box.getAttribute('readonly')).toBe('');
      answer();
      await entryOf(page, 3).getByText('first').waitFor();
      await box.fill('second');
      expect(await box.inputValue()).toBe('second');
    });
  });

  describe('D17: signing out', () => {
    const signOut = async (page: Page) => {
      await page.getByRole('button', { name: 'Menu' }).click();
      await page.getByRole('menuitem', { name: 'Sign out' }).click();
    };

    test('asks before it deletes drafts, and then leaves none behind', async () => {
      const { vault_id } = await enter();
      await withPage(use, async (page) => {
        await openDashboard(page, server.url, who, `/v/${vault_id}`);
        await edit(page, 'discarded');
        await page.keyboard.press('Escape');
        await undo(page).waitFor();
        await page.getByLabel('Write an entry').fill('half a thought');
        await signOut(page);
        await page.getByText('You typed something that is not saved, in 1 place.').waitFor();
        await page.getByRole('button', { name: 'Cancel' }).click();
        expect(await page.getByLabel('Write an entry').inputValue()).toBe('half a thought');
        await signOut(page);
        await page.getByRole('dialog').getByRole('button', { name: 'Sign out' }).click();
        await signIn(page, who);
        await page.getByRole('heading', { name: 'Vaults', exact: true }).waitFor();
        expect(
          await page.evaluate('Object.keys(sessionStorage).filter((key) => key.includes("draft"))'),
        ).toEqual([]);
        expect(await undo(page).count()).toBe(0);
        await page.goto(`${server.url}/#/v/${vault_id}`);
        await entryOf(page, 1).waitFor();
        expect(await page.getByLabel('Write an entry').inputValue()).toBe('');
      });
    });

    test('when a session expires, drafts stay for the same client id only', async () => {
      const { vault_id } = await enter();
      await withPage({ ...use, expected: /status of 401/ }, async (page) => {
        await openDashboard(page, server.url, who, `/v/${vault_id}`);
        await page.getByLabel('Write an entry').fill('half a thought');
        await server.sessions.revoke(who.session);
        await page.getByRole('alert').filter({ hasText: 'Your session has ended.' }).waitFor();
        const comeBack = async (clientId: string) => {
          const session = await server.login('ast-drafts');
          await signIn(page, { session, clientId });
          await page.getByLabel('Write an entry').waitFor();
          return session;
        };
        const another = await comeBack('another');
        expect(await page.getByLabel('Write an entry').inputValue()).toBe('');
        await server.sessions.revoke(another);
        await page.getByRole('alert').filter({ hasText: 'Your session has ended.' }).waitFor();
        await comeBack(who.clientId);
        expect(await page.getByLabel('Write an entry').inputValue()).toBe('half a thought');
      });
    });
  });
});
