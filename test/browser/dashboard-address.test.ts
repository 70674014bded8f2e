import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { describeInBrowser, useBrowser, useSharedPage } from '../support/browser.ts';
import { trpcClient } from '../support/client.ts';
import { entryOf, goTo, openDashboard } from '../support/dashboard.ts';
import { useDatabase } from '../support/database.ts';
import { useServer } from '../support/server.ts';

const LINES = '\n\nwith another line'.repeat(3);

describeInBrowser('the address', () => {
  const server = useServer(useDatabase());
  const use = useBrowser();

  let session: string;
  beforeAll(async () => {
    session = await server.login('ast-address');
  });
  const onPage = useSharedPage(use, {}, (page) =>
    openDashboard(page, server.url, { session, clientId: 'maria' }),
  );
  /** A new vault of the session that the shared page is signed in with. */
  const enter = async (count = 3, text = (i: number) => `entry ${i}`) => {
    const agent = trpcClient(server.url, { session, clientId: 'agent-a' });
    const { vault_id } = await agent.vault.create.mutate({ summary: 'auth' });
    for (let i = 1; i <= count; i++) await agent.vault.append.mutate({ vault_id, text: text(i) });
    const open = (page: Page, path = `/v/${vault_id}`) => goTo(page, path);
    return { agent, vault_id, open };
  };
  const topOf = async (page: Page, entryNo: number) =>
    (await entryOf(page, entryNo).boundingBox())?.y ?? Number.NaN;
  /** Whether an entry can be seen between what covers the top and the bottom of the window. */
  const isSeen = (page: Page, entryNo: number) =>
    page.evaluate<boolean>(`(() => {
      const entry = document.querySelector('[data-entry="${entryNo}"]')?.getBoundingClientRect();
      const bottom = document.querySelector('.composer')?.getBoundingClientRect().top ?? innerHeight;
      const card = document.querySelector('.timeline')?.getBoundingClientRect().bottom ?? 56;
      return entry !== undefined && entry.top >= card - 1 && Math.min(entry.bottom, entry.top + 40) <= bottom + 1;
    })()`);

  describe('D6: an entry that is not there', () => {
    test.each([
      ['e99999', 'There is no e99999 in this vault.'],
      ['e1/v7', 'There is no e1 v7 in this vault.'],
    ])('%s is said by its name', async (path, says) => {
      const { open, vault_id } = await enter();
      await onPage(async (page) => {
        await open(page, `/v/${vault_id}/${path}`);
        await page.getByText(says).waitFor();
      });
    });

    test('a filtered entry in the address is shown anyway', async () => {
      const { open, vault_id } = await enter();
      await onPage(async (page) => {
        await open(page, `/v/${vault_id}/e2?filter=nowhere`);
        await entryOf(page, 2).getByText('entry 2').waitFor();
        await entryOf(page, 1).waitFor({ state: 'detached' });
        expect(await page.getByText('There is no e2').count()).toBe(0);
      });
    });
  });

  describe('D7: with a filter on', () => {
    const named = (i: number) => `the ${['first', 'second', 'third'][i - 1]}`;

    test('the entry that one writes oneself stays in sight', async () => {
      const { open } = await enter(3, named);
      await onPage(async (page) => {
        await open(page);
        await page.getByLabel('Filter entries').fill('first');
        await entryOf(page, 2).waitFor({ state: 'detached' });
        await page.getByLabel('Write an entry').fill('something else');
        await page.getByRole('button', { name: 'Write', exact: true }).click();
        await entryOf(page, 4).getByText('something else').waitFor();
        expect(await page.getByLabel('Filter entries').inputValue()).toBe('first');
      });
    });

    test('new entries of others lead to where they are', async () => {
      const { open, agent, vault_id } = await enter(3, named);
      await onPage(async (page) => {
        await open(page);
        await page.getByLabel('Filter entries').fill('first');
        await entryOf(page, 2).waitFor({ state: 'detached' });
        for (const text of ['four', 'five', 'six']) await agent.vault.append.mutate({ vault_id, text });
        await page.getByRole('button', { name: '3 new entries' }).click();
        await entryOf(page, 6).getByText('six').waitFor();
        expect(await page.getByLabel('Filter entries').inputValue()).toBe('');
        expect(await page.getByRole('button', { name: 'new entries' }).count()).toBe(0);
      });
    });
  });

  describe('D12: with mouse and keyboard', () => {
    test('"j" continues from the visible entry after scrolling with the mouse', async () => {
      const { open } = await enter(40, (i) => `entry ${i}${LINES}`);
      await onPage(async (page) => {
        await open(page);
        await entryOf(page, 1).waitFor();
        await page.keyboard.press('j');
        await page.mouse.move(600, 400);
        await page.mouse.wheel(0, 4000);
        await entryOf(page, 20).waitFor();
        await expect.poll(() => isSeen(page, 1)).toBe(false);
        const first = await page.evaluate<number>(`(() => {
          const all = [...document.querySelectorAll('.entry')];
          return Number(all.find((entry) => entry.getBoundingClientRect().bottom > 73).dataset.entry);
        })()`);
        await page.keyboard.press('j');
        const focused = () => page.evaluate<string>('document.activeElement.dataset.entry ?? ""');
        expect(await focused()).toBe(String(first));
        await page.keyboard.press('j');
        expect(await focused()).toBe(String(first + 1));
      });
    });

    test('each entry that "j" reaches is visible, not covered by another element', async () => {
      const { open } = await enter(20, (i) => `entry ${i}${LINES}`);
      await onPage(async (page) => {
        await open(page);
        await page.getByLabel('Write an entry').fill('a draft\n'.repeat(8));
        await page.keyboard.press('Escape');
        for (let i = 1; i <= 10; i++) {
          await page.keyboard.press('j');
          expect(await page.evaluate('document.activeElement.dataset.entry')).toBe(String(i));
          const box = await entryOf(page, i).boundingBox();
          const composer = await page.locator('.composer').boundingBox();
          expect((box?.y ?? 0) + (box?.height ?? 0)).toBeLessThanOrEqual((composer?.y ?? 0) + 1);
        }
      });
    });

    test('after saving, the focus is at the entry', async () => {
      const { open } = await enter();
      await onPage(async (page) => {
        await open(page);
        await page.getByRole('button', { name: 'Edit e2 v1' }).click();
        await page.getByRole('textbox', { name: 'Edit e2 v1' }).fill('better');
        await page.keyboard.press('ControlOrMeta+Enter');
        await entryOf(page, 2).getByText('v2').waitFor();
        await expect.poll(() => page.evaluate('document.activeElement.dataset.entry')).toBe('2');
      });
    });
  });

  describe('D13: a way back leads to the same place', () => {
    test('query of the list: by click, Back and reload', async () => {
      const { agent, open } = await enter();
      await agent.vault.create.mutate({ summary: 'billing' });
      await onPage(async (page) => {
        await open(page, '/');
        await page.getByText('billing').waitFor();
        await page.getByLabel('Search vaults').fill('auth');
        await page.getByText('billing').waitFor({ state: 'detached' });
        const sees = async () => {
          await page.locator('.vault-row').getByText('auth').first().waitFor();
          expect(await page.getByLabel('Search vaults').inputValue()).toBe('auth');
          expect(await page.getByText('billing').count()).toBe(0);
        };
        await expect.poll(() => page.url()).toContain('q=auth');
        await page.locator('.vault-row').first().click();
        await entryOf(page, 1).waitFor();
        await page.getByRole('link', { name: 'All vaults' }).click();
        await sees();
        await page.goBack();
        await entryOf(page, 1).waitFor();
        await page.goBack();
        await sees();
        await page.reload();
        await sees();
      });
    });

    test('filter of a vault: by click, Back and reload', async () => {
      const { open } = await enter();
      await onPage(async (page) => {
        await open(page);
        await page.getByLabel('Filter entries').fill('entry 2');
        const sees = async () => {
          await entryOf(page, 2).waitFor();
          await entryOf(page, 1).waitFor({ state: 'detached' });
          expect(await page.getByLabel('Filter entries').inputValue()).toBe('entry 2');
        };
        await sees();
        await page.getByRole('link', { name: 'Time travel' }).click();
        await page.getByText('Change 4 of 4').waitFor();
        await page.goBack();
        await sees();
        await page.reload();
        await sees();
        await page.getByRole('link', { name: 'Proof' }).click();
        await page.getByText('Verified up to').waitFor();
        await page.getByRole('link', { name: 'Entries' }).click();
        await sees();
      });
    });

    test('moment of time travel: by click, Back and reload, and the server never sees it', async () => {
      const { open, vault_id } = await enter();
      await onPage(async (page) => {
        const asked: string[] = [];
        page.on('request', (request) => asked.push(request.url()));
        await open(page, `/v/${vault_id}/timeline`);
        await page.getByText('Change 4 of 4').waitFor();
        await page.getByRole('button', { name: 'Earlier' }).click();
        await page.getByRole('button', { name: 'Earlier' }).click();
        const sees = () => page.getByText('Change 2 of 4').waitFor();
        await sees();
        await page.getByRole('link', { name: 'Entries' }).click();
        await entryOf(page, 3).waitFor();
        await page.getByRole('link', { name: 'Time travel' }).click();
        await sees();
        await page.goBack();
        await page.goBack();
        await sees();
        await page.reload();
        await sees();
        expect(asked.filter((url) => url.includes('moment'))).toEqual([]);
      });
    });

    test('place in a vault: by click, Back and reload', async () => {
      const { open } = await enter(110, (i) => `entry ${i}${LINES}`);
      await onPage(async (page) => {
        await open(page);
        await page.locator('[aria-setsize="110"]').first().waitFor();
        await page.mouse.move(600, 400);
        await page.mouse.wheel(0, 9000);
        await expect.poll(() => page.url()).toContain('at=');
        const place = /at=-?\d+\.(\d+)/.exec(page.url())?.[1];
        expect(Number(place)).toBeGreaterThan(20);
        const top = await topOf(page, Number(place));
        const sees = async () =>
          expect
            .poll(async () => Math.abs((await topOf(page, Number(place))) - top), { timeout: 15_000 })
            .toBeLessThan(3);
        await page.getByRole('link', { name: 'Vaults', exact: true }).click();
        await page.locator('.vault-row').first().waitFor();
        await page.goBack();
        await sees();
        await page.reload();
        await sees();
        await page.evaluate('document.querySelector(".tabs a:nth-child(2)").click()');
        await page.getByText('Change 111 of 111').waitFor();
        await page.evaluate('document.querySelector(".tabs a:nth-child(1)").click()');
        await sees();
      });
    });

    test('place in the list: by click, Back and reload', async () => {
      const { open, agent } = await enter(1);
      for (let i = 0; i < 40; i++) await agent.vault.create.mutate({ summary: `vault ${i}` });
      await onPage(async (page) => {
        await open(page, '/');
        await page.getByText('vault 39', { exact: true }).waitFor();
        await page.mouse.move(600, 400);
        await page.mouse.wheel(0, 2500);
        await expect.poll(() => page.url()).toContain('at=');
        const row = page.locator('.vault-row').nth(9);
        await expect.poll(() => page.evaluate('window.scrollY > 500')).toBe(true);
        const sees = () =>
          expect
            .poll(() => page.evaluate<number>('window.scrollY'), { timeout: 15_000 })
            .toBeGreaterThan(500);
        await row.click();
        await page.getByText('Nothing here yet').waitFor();
        await page.goBack();
        await sees();
        await page.reload();
        await sees();
        await page.locator('.vault-row').nth(8).click();
        await page.getByText('Nothing here yet').waitFor();
        await page.getByRole('link', { name: 'All vaults' }).click();
        await sees();
      });
    });

    test('"g" right after opening leads to the newest entry, not to the newest loaded one', async () => {
      const { open } = await enter(110);
      await onPage(async (page) => {
        await page.route(/readPage.*cursor/, async (route) => {
          const response = await route.fetch();
          // Only once the page has gone to the end of what it has.
          await page.waitForFunction('window.scrollY > 1000');
          await route.fulfill({ response });
        });
        await open(page);
        await entryOf(page, 1).waitFor();
        await page.keyboard.press('g');
        await entryOf(page, 110).waitFor();
        await expect.poll(() => isSeen(page, 110)).toBe(true);
      });
    });
  });

  test('D14: time travel shows the entry that changed, at each step', async () => {
    const { open, agent, vault_id } = await enter(40, (i) => `entry ${i}${LINES}`);
    for (const entry_id of [1, 20, 40, 3, 30, 2]) {
      await agent.vault.override.mutate({ vault_id, entry_id, text: `better ${entry_id}` });
    }
    await agent.vault.setSummary.mutate({ vault_id, text: 'auth, decided' });
    await onPage(async (page) => {
      await open(page, `/v/${vault_id}/timeline`);
      await page.getByText('Change 48 of 48').waitFor();
      await page.locator('.past-summary.marked').getByText('auth, decided').waitFor();
      for (const entry of [2, 30, 3, 40, 20, 1]) {
        await page.getByRole('button', { name: 'Earlier' }).click();
        await entryOf(page, entry).and(page.locator('.marked')).getByText(`better ${entry}`).waitFor();
        await expect.poll(() => isSeen(page, entry), { timeout: 15_000 }).toBe(true);
      }
    });
  });

  describe('D17: Back', () => {
    const SHEETS: [name: string, open: (page: Page) => Promise<void>][] = [
      ['the keys', (page) => page.keyboard.press('?')],
      ['a history', (page) => page.getByRole('button', { name: 'History of e1 v1' }).click()],
    ];

    test.each(SHEETS)('closes the sheet of %s, and the page stays', async (_, openSheet) => {
      const { open, vault_id } = await enter();
      await onPage(async (page) => {
        await open(page, '/');
        await page.locator('.vault-row').filter({ hasText: vault_id }).click();
        await entryOf(page, 1).waitFor();
        await openSheet(page);
        await page.getByRole('dialog').waitFor();
        await page.goBack();
        await page.getByRole('dialog').waitFor({ state: 'detached' });
        expect(page.url()).toContain(vault_id);
        await page.goForward();
        await page.getByRole('dialog').waitFor();
        await page.keyboard.press('Escape');
        await page.getByRole('dialog').waitFor({ state: 'detached' });
        await page.goBack();
        await page.getByRole('heading', { name: 'Vaults', exact: true }).waitFor();
      });
    });

    test('Back closes the sheet of a new vault, and leads from a new vault to the list', async () => {
      const { open } = await enter();
      await onPage(async (page) => {
        await open(page, '/');
        await page.getByRole('button', { name: 'New vault' }).click();
        await page.goBack();
        await page.getByRole('dialog').waitFor({ state: 'detached' });
        await page.getByRole('button', { name: 'New vault' }).click();
        await page.getByLabel('What is it for?').fill('billing');
        await page.keyboard.press('Enter');
        await page.getByRole('heading', { name: 'billing' }).waitFor();
        await page.goBack();
        await page.getByRole('heading', { name: 'Vaults', exact: true }).waitFor();
        expect(await page.getByRole('dialog').count()).toBe(0);
      });
    });
  });
});
