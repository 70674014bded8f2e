import type { Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { describeInBrowser, useBrowser, useSharedPage, withPage } from '../support/browser.ts';
import { trpcClient } from '../support/client.ts';
import { entryOf, expectAccessible, goTo, openDashboard, overflowOf } from '../support/dashboard.ts';
import { useDatabase } from '../support/database.ts';
import { useServer } from '../support/server.ts';

const TEXT = `## Decision

JWT in a cookie, see [RFC 7519](https://example.org/rfc7519).

| option | cost |
|:--|--:|
| cookie | low |

\`\`\`
Set-Cookie: session=…; HttpOnly
\`\`\``;

describeInBrowser('the dashboard for everybody', () => {
  const server = useServer(useDatabase());
  const use = useBrowser();
  const open = (page: Page, path: string) =>
    openDashboard(page, server.url, { session, clientId: 'maria' }, path);
  let session: string;
  let vault: string;

  beforeAll(async () => {
    session = await server.login('团队');
    const client = trpcClient(server.url, { session, clientId: '团队-mac' });
    ({ vault_id: vault } = await client.vault.create.mutate({ summary: '认证重构 auth refactor' }));
    await client.vault.append.mutate({ vault_id: vault, text: TEXT, tags: ['auth'] });
    await client.vault.override.mutate({ vault_id: vault, entry_id: 1, text: `${TEXT}\n\nDecided.` });
    await client.vault.append.mutate({ vault_id: vault, text: '数据库迁移之后再做' });
  });

  const onPage = useSharedPage(use, { hasTouch: true }, (page) => open(page, '/'));

  /** Every page of those who are signed in, and how one knows that it is there. */
  const pages: [name: string, show: (page: Page) => Promise<void>][] = [
    [
      'vaults',
      async (page) => {
        await goTo(page, '/');
        await page.getByText('2 entries').waitFor();
      },
    ],
    [
      'new vault',
      async (page) => {
        await goTo(page, '/');
        await page.getByRole('button', { name: 'New vault' }).click();
        await page.getByRole('dialog').waitFor();
      },
    ],
    [
      'vault',
      async (page) => {
        await goTo(page, `/v/${vault}`);
        await entryOf(page, 2).waitFor();
      },
    ],
    [
      'editing',
      async (page) => {
        await goTo(page, `/v/${vault}`);
        await page.getByRole('button', { name: 'Edit e1 v2' }).click();
        await page.getByRole('textbox', { name: 'Edit e1 v2' }).waitFor();
      },
    ],
    [
      'history',
      async (page) => {
        await goTo(page, `/v/${vault}`);
        await page.getByRole('button', { name: 'History of e1 v2' }).click();
        await page.getByRole('dialog').locator('ins').first().waitFor();
      },
    ],
    [
      'time travel',
      async (page) => {
        await goTo(page, `/v/${vault}/timeline`);
        await entryOf(page, 2).waitFor();
      },
    ],
    [
      'proof',
      async (page) => {
        await goTo(page, `/v/${vault}/proof`);
        await page.getByText('Verified up to seq').waitFor();
      },
    ],
    [
      'shortcuts',
      async (page) => {
        await goTo(page, '/');
        await page.getByText('2 entries').waitFor();
        await page.keyboard.press('?');
        await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
      },
    ],
    [
      'menu',
      async (page) => {
        await goTo(page, '/');
        await page.getByText('2 entries').waitFor();
        await page.getByRole('button', { name: 'Menu' }).click();
        await page.getByText('Signed in as maria').waitFor();
      },
    ],
    [
      'unknown',
      async (page) => {
        await goTo(page, '/nowhere/at/all/really');
        await page.getByText('This page does not exist').waitFor();
      },
    ],
  ];

  const RULES_OF_COLOURS = ['color-contrast', 'link-in-text-block'];
  /** Expects nothing serious in light, and in dark nothing of what depends on colours. */
  const expectAccessibleInBoth = async (page: Page) => {
    await page.emulateMedia({ colorScheme: 'light' });
    await expectAccessible(page);
    await page.emulateMedia({ colorScheme: 'dark' });
    await expectAccessible(page, RULES_OF_COLOURS);
  };
  const expectFits = async (page: Page) => {
    const before = page.viewportSize();
    await page.setViewportSize({ width: 320, height: 568 });
    await expect.poll(() => overflowOf(page)).toBe(0);
    if (before) await page.setViewportSize(before);
  };

  const GOOD = 'axe finds nothing serious in light and dark, and it fits a small telephone';

  test(`${GOOD}: sign-in`, () =>
    withPage({ ...use, hasTouch: true }, async (page) => {
      await page.goto(server.url);
      await page.getByRole('button', { name: 'Make me a session' }).click();
      await page.getByText('npx vault-relay session create').waitFor();
      await expectAccessibleInBoth(page);
      await expectFits(page);
    }));

  test.each(pages)(`${GOOD}: %s`, (_name, show) =>
    onPage(async (page) => {
      await show(page);
      await expectAccessibleInBoth(page);
      await expectFits(page);
      // Closes what was opened.
      await page.keyboard.press('Escape');
    }),
  );

  test.each(['auth', 'pair'])('axe finds nothing serious on the page /%s', (name) =>
    withPage(use, async (page) => {
      const post = async <T>(path: string) => {
        const init = { headers: { 'content-type': 'application/json' }, body: '{"hostname":"团队-mac"}' };
        return (await (await fetch(`${server.url}/api/${path}`, { method: 'POST', ...init })).json()) as T;
      };
      const query =
        name === 'auth'
          ? `id=${(await post<{ id: string }>('sessions')).id}&tag=x`
          : `code=${(await post<{ code: string }>('pair')).code}`;
      await page.goto(`${server.url}/${name}?${query}`);
      await page.getByRole('heading', { name: '团队-mac' }).waitFor();
      await expectAccessibleInBoth(page);
    }),
  );

  test('works with the keyboard alone', () =>
    withPage(use, async (page) => {
      const { keyboard } = page;
      await open(page, '/');
      await page.getByText('2 entries').waitFor();
      await keyboard.press('j');
      await keyboard.press('Enter');
      await entryOf(page, 2).waitFor();
      const focused = () => page.evaluate<string>('document.activeElement.dataset.entry ?? ""');
      await keyboard.press('j');
      expect(await focused()).toBe('1');
      await keyboard.press('j');
      expect(await focused()).toBe('2');
      await keyboard.press('k');
      expect(await focused()).toBe('1');

      await keyboard.press('h');
      await page.getByRole('dialog', { name: 'History of e1' }).waitFor();
      await keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      expect(await focused()).toBe('1');

      await keyboard.press('c');
      await keyboard.type('by keyboard');
      await keyboard.press('ControlOrMeta+Enter');
      await entryOf(page, 3).getByText('by keyboard').waitFor();
      await keyboard.press('Escape');
      await keyboard.press('j');
      await keyboard.press('e');
      await page.getByRole('textbox', { name: /^Edit e/ }).waitFor();
      await keyboard.type('Edited. ');
      await keyboard.press('Escape');
      await page.getByRole('textbox', { name: /^Edit e/ }).waitFor({ state: 'detached' });

      await keyboard.press('v');
      await page.getByRole('heading', { name: 'Vaults', exact: true }).waitFor();
      await keyboard.press('n');
      await page.getByRole('dialog', { name: 'New vault' }).waitFor();
      await keyboard.type('by keyboard too');
      await keyboard.press('Enter');
      await page.getByRole('heading', { name: 'by keyboard too' }).waitFor();
    }));

  test('leaves single keys alone when they are switched off', () =>
    withPage(use, async (page) => {
      await open(page, '/');
      await page.getByText('认证重构').waitFor();
      await page.keyboard.press('?');
      await page.getByRole('switch', { name: 'Single-key shortcuts' }).click();
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      await page.keyboard.press('n');
      await page.keyboard.press('?');
      await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
      expect(await page.getByRole('dialog').count()).toBe(1);
    }));

  test('follows the language of the browser until the user chooses one', () =>
    withPage({ ...use, locale: 'zh-CN' }, async (page) => {
      await open(page, `/v/${vault}`);
      await page.getByRole('link', { name: '时光回溯' }).waitFor();
      expect(await page.locator('html').getAttribute('lang')).toBe('zh-CN');
      await entryOf(page, 1).getByText('刚刚').or(entryOf(page, 1).getByText('前')).first().waitFor();
      await expectAccessible(page);
      await page.getByRole('button', { name: '菜单' }).click();
      await page.getByRole('menuitemradio', { name: 'English' }).click();
      await page.getByRole('link', { name: 'Time travel' }).waitFor();
      expect(await page.locator('html').getAttribute('lang')).toBe('en');
      await page.reload();
      await page.getByRole('link', { name: 'Time travel' }).waitFor();
    }));

  test('a chosen theme overrides the theme of the system', () =>
    withPage({ ...use, colorScheme: 'light' }, async (page) => {
      const ground = () => page.evaluate('getComputedStyle(document.documentElement).backgroundColor');
      await open(page, '/');
      const light = await ground();
      await page.getByRole('button', { name: 'Menu' }).click();
      await page.getByRole('menuitemradio', { name: 'Dark' }).click();
      await expect.poll(ground).not.toBe(light);
      const dark = await ground();
      await page.reload();
      await page.getByRole('heading', { name: 'Vaults', exact: true }).waitFor();
      expect(await ground()).toBe(dark);
    }));
});
