import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { describeInBrowser, useBrowser, useSharedPage, withPage } from '../support/browser.ts';
import { trpcClient } from '../support/client.ts';
import { entryOf, goTo, openDashboard } from '../support/dashboard.ts';
import { useDatabase } from '../support/database.ts';
import { useServer } from '../support/server.ts';

describeInBrowser('a vault', () => {
  const server = useServer(useDatabase());
  const use = useBrowser();

  let who: { session: string; clientId: string };
  beforeAll(async () => {
    who = { session: await server.login('ast-vault'), clientId: 'maria' };
  });
  const onPage = useSharedPage(use, { expected: /status of 4(09|29)|ERR_/ }, async (page) => {
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await openDashboard(page, server.url, who);
  });
  const enter = async (summary = 'auth refactor') => {
    const { session } = who;
    const as = (clientId: string) => trpcClient(server.url, { session, clientId });
    const agent = as('agent-a');
    const { vault_id } = await agent.vault.create.mutate({ summary });
    const write = (text: string) => agent.vault.append.mutate({ vault_id, text });
    const read = async () => (await agent.vault.read.query({ vault_id })).map(({ content }) => content);
    return { as, agent, vault_id, write, read };
  };
  const compose = async (page: Page, text: string) => {
    await page.getByLabel('Write an entry').fill(text);
    await page.getByRole('button', { name: 'Write', exact: true }).click();
  };

  test('an empty vault shows the first command, and accepts the first entry', async () => {
    const { vault_id, read } = await enter();
    await onPage(async (page) => {
      await goTo(page, `/v/${vault_id}`);
      await page.getByText(`${server.url}/api/vault/${vault_id}?id=agent-a`).waitFor();
      await compose(page, 'decided: **JWT** in a cookie');
      await entryOf(page, 1).locator('strong').getByText('JWT').waitFor();
      expect(await entryOf(page, 1).textContent()).toContain('maria');
      expect(await page.getByLabel('Write an entry').inputValue()).toBe('');
      expect(await read()).toEqual(['decided: **JWT** in a cookie']);
    });
  });

  test('shows a write of one tab in another tab', async () => {
    const { vault_id, write } = await enter();
    await write('first');
    await onPage(async (page) => {
      await goTo(page, `/v/${vault_id}`);
      await entryOf(page, 1).waitFor();
      const other = await page.context().newPage();
      await openDashboard(other, server.url, { ...who, clientId: '团队' }, `/v/${vault_id}`);
      await entryOf(other, 1).waitFor();
      await compose(other, 'from the other tab');
      await entryOf(page, 2).getByText('from the other tab').waitFor({ timeout: 1000 });
      await entryOf(page, 2).getByText('团队').waitFor();
      await other.close();
    });
  });

  test('stays where it is when rows arrive, and leads to them', async () => {
    const { vault_id, write, agent } = await enter();
    for (let i = 1; i <= 40; i++) await write(`entry ${i}\n\nwith a second line`);
    await onPage(async (page) => {
      await goTo(page, `/v/${vault_id}/e20`);
      await entryOf(page, 20).getByText('entry 20').waitFor();
      const top = async () => (await entryOf(page, 20).boundingBox())?.y ?? Number.NaN;
      await expect.poll(top).toBeLessThan(120);
      const before = await top();
      await agent.vault.override.mutate({ vault_id, entry_id: 2, text: 'longer\n\n'.repeat(12) });
      await write('entry 41');
      await page.getByRole('button', { name: '1 new entry' }).waitFor();
      expect(Math.abs((await top()) - before)).toBeLessThan(2);
      await page.getByRole('button', { name: '1 new entry' }).click();
      await entryOf(page, 41).getByText('entry 41').waitFor();
      await page.getByRole('button', { name: '1 new entry' }).waitFor({ state: 'detached' });
    });
  });

  test('misses no row of others that arrives after an own write', async () => {
    const { vault_id, write } = await enter();
    await write('first');
    await onPage(async (page) => {
      // Nothing comes by the stream, as on a slow line, until the page opens another one.
      await page.route(/vault\.watch/, () => undefined, { times: 1 });
      await goTo(page, `/v/${vault_id}`);
      await entryOf(page, 1).waitFor();
      await write('theirs');
      await compose(page, 'mine');
      await entryOf(page, 3).getByText('mine').waitFor();
      await page.getByRole('link', { name: 'Time travel' }).click();
      await page.getByText('Change 4 of 4').waitFor();
      await page.getByRole('link', { name: 'Entries' }).click();
      await entryOf(page, 2).getByText('theirs').waitFor();
      await entryOf(page, 3).getByText('mine').waitFor();
    });
  });

  test('has all of its entries also when the server asked for a pause between them', async () => {
    const { vault_id, write } = await enter();
    for (let i = 1; i <= 101; i++) await write(`entry ${i}`);
    await onPage(async (page) => {
      const body = JSON.stringify([
        {
          error: { message: 'Too many', code: -32029, data: { code: 'TOO_MANY_REQUESTS', httpStatus: 429 } },
        },
      ]);
      await page.route(/readPage.*cursor/, (route) => route.fulfill({ status: 429, body }), { times: 1 });
      await goTo(page, `/v/${vault_id}`);
      await page.locator('[aria-setsize="101"]').first().waitFor();
    });
  });

  test('has the exact time on hover, and a link that works after a reload', async () => {
    const { vault_id, write, agent } = await enter();
    await write('one');
    await agent.vault.override.mutate({ vault_id, entry_id: 1, text: 'two' });
    await onPage(async (page) => {
      await goTo(page, `/v/${vault_id}`);
      await entryOf(page, 1).getByText('just now').waitFor();
      expect(await entryOf(page, 1).locator('time').getAttribute('title')).toMatch(/20\d\d.*:\d\d:\d\d/);
      await page.getByRole('button', { name: 'Copy link to e1 v2' }).click();
      const link = `${server.url}/#/v/${vault_id}/e1/v2`;
      await expect.poll(() => page.evaluate('navigator.clipboard.readText()')).toBe(link);
      await page.goto(link);
      await page.reload();
      await page.locator('.entry.marked[data-entry="1"]').waitFor();
      await page.goto(`${server.url}/#/v/${vault_id}/e1/v1`);
      await page.getByRole('dialog', { name: 'History of e1' }).waitFor();
    });
  });

  test('is copied as text', async () => {
    const { vault_id, write } = await enter();
    await write('**one**');
    await write('two');
    await onPage(async (page) => {
      await goTo(page, `/v/${vault_id}`);
      await page.getByRole('button', { name: 'Copy as text' }).click();
      await page.getByText('Copied').first().waitFor();
      await expect
        .poll(() => page.evaluate<string>('navigator.clipboard.readText()'))
        .toMatch(/^e1 v1 · agent-a · \S+Z\n\*\*one\*\*\n\ne2 v1 · agent-a · \S+Z\ntwo\n$/);
    });
  });

  test('switches to plain text and back, and remembers it', async () => {
    const { vault_id, write } = await enter();
    await write('**bold**');
    await onPage(async (page) => {
      await goTo(page, `/v/${vault_id}`);
      await entryOf(page, 1).locator('strong').waitFor();
      await page.getByRole('button', { name: 'Plain text' }).click();
      await entryOf(page, 1).getByText('**bold**').waitFor();
      await page.reload();
      await entryOf(page, 1).getByText('**bold**').waitFor();
      await page.getByRole('button', { name: 'Formatted' }).click();
      await entryOf(page, 1).locator('strong').waitFor();
    });
  });

  test('finds entries by text, writer and label', async () => {
    const { vault_id, write, as } = await enter();
    await write('JWT in a cookie');
    await as('agent-b').vault.append.mutate({ vault_id, text: 'migrate first' });
    await onPage(async (page) => {
      await goTo(page, `/v/${vault_id}`);
      for (const [filter, found] of [
        ['cookie', 1],
        ['AGENT-B', 2],
        ['e1', 1],
      ] as const) {
        await page.getByLabel('Filter entries').fill(filter);
        await entryOf(page, found === 1 ? 2 : 1).waitFor({ state: 'detached' });
        await entryOf(page, found).waitFor();
      }
      await page.getByLabel('Filter entries').fill('nowhere');
      await page.getByText('No entry matches.').waitFor();
    });
  });

  describe('edited', () => {
    test('writes the next version in place', async () => {
      const { vault_id, write, read } = await enter();
      await write('JWT in a cookie');
      await onPage(async (page) => {
        await goTo(page, `/v/${vault_id}`);
        await page.getByRole('button', { name: 'Edit e1 v1' }).click();
        await page.getByRole('textbox', { name: 'Edit e1 v1' }).fill('JWT in a cookie, 15 minutes');
        await page.getByRole('button', { name: 'Save' }).click();
        await entryOf(page, 1).getByText('v2').waitFor();
        await entryOf(page, 1).getByText('JWT in a cookie, 15 minutes').waitFor();
        expect(await read()).toEqual(['JWT in a cookie, 15 minutes']);
      });
    });

    test('shows a conflict side by side, and saves the merged text', async () => {
      const { vault_id, write, agent, read } = await enter();
      await write('algorithm: HS256\nlifetime: 15 minutes\nstore: cookie');
      await onPage(async (page) => {
        await goTo(page, `/v/${vault_id}`);
        await page.getByRole('button', { name: 'Edit e1 v1' }).click();
        await page
          .getByRole('textbox', { name: 'Edit e1 v1' })
          .fill('algorithm: HS256\nlifetime: 15 minutes\nstore: header');
        const text = 'algorithm: ES256\nlifetime: 15 minutes\nstore: cookie';
        await agent.vault.override.mutate({ vault_id, entry_id: 1, text });
        await page.getByRole('button', { name: 'Save' }).click();
        const dialog = page.getByRole('dialog', { name: 'e1 was changed in the meantime' });
        await dialog.getByText('agent-a wrote e1 v2 while you were editing').waitFor();
        // A worker compares the texts.
        await expect.poll(() => dialog.locator('ins').allTextContents()).toEqual(['ES256', 'header']);
        await expect.poll(() => dialog.locator('del').allTextContents()).toEqual(['HS256', 'cookie']);
        const merged = 'algorithm: ES256\nlifetime: 15 minutes\nstore: header';
        expect(await dialog.getByLabel('Merged text').inputValue()).toBe(merged);
        await dialog.getByRole('button', { name: 'Save merged text' }).click();
        await dialog.waitFor({ state: 'detached' });
        await entryOf(page, 1).getByText('v3').waitFor();
        expect(await read()).toEqual([merged]);
      });
    });

    test('does not save a conflict of the same line before the user chooses', async () => {
      const { vault_id, write, agent, read } = await enter();
      await write('cookie');
      await onPage(async (page) => {
        await goTo(page, `/v/${vault_id}`);
        await page.getByRole('button', { name: 'Edit e1 v1' }).click();
        await page.getByRole('textbox', { name: 'Edit e1 v1' }).fill('header');
        await agent.vault.override.mutate({ vault_id, entry_id: 1, text: 'session storage' });
        await page.getByRole('button', { name: 'Save' }).click();
        const dialog = page.getByRole('dialog');
        await dialog.getByText('Both changed the same lines').waitFor();
        const save = dialog.getByRole('button', { name: 'Save merged text' });
        expect(await save.isDisabled()).toBe(true);
        await dialog.getByLabel('Merged text').fill('header, not storage');
        await save.click();
        await dialog.waitFor({ state: 'detached' });
        expect(await read()).toEqual(['header, not storage']);
      });
    });

    test('replaces the summary, and reports when another writer was faster', async () => {
      const { vault_id, agent } = await enter('auth');
      await onPage(async (page) => {
        await goTo(page, `/v/${vault_id}`);
        await page.getByRole('button', { name: 'Edit summary' }).click();
        await page.getByLabel('Summary').fill('auth refactor: decided');
        await agent.vault.setSummary.mutate({ vault_id, text: 'auth, theirs' });
        await page.getByRole('button', { name: 'Save' }).click();
        await page.getByRole('alert').filter({ hasText: 'auth, theirs' }).waitFor();
        await page.getByRole('button', { name: 'Save' }).click();
        await page.getByRole('heading', { name: 'auth refactor: decided' }).waitFor();
      });
    });
  });

  test('of another work session is not shown', async () => {
    const { vault_id, write } = await enter();
    await write('secret');
    const session = await server.login('ast-stranger');
    await withPage({ ...use, expected: /status of (403|207)/ }, async (page) => {
      await openDashboard(page, server.url, { session, clientId: 'stranger' }, `/v/${vault_id}`);
      await page.getByText('There is no such vault, or it is not yours to read.').waitFor();
      expect(await page.content()).not.toContain('secret');
    });
  });
});
