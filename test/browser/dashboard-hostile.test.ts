import { expect, test } from 'vitest';
import { describeInBrowser, useBrowser, withPage } from '../support/browser.ts';
import { trpcClient } from '../support/client.ts';
import { entryOf, openDashboard, overflowOf } from '../support/dashboard.ts';
import { useDatabase } from '../support/database.ts';
import { useServer } from '../support/server.ts';

const TAKE_OVER = `document.title = 'taken over'`;

/** Entries that no friend writes, and what a person must read of them. */
const HOSTILE: [name: string, text: string, shown: string][] = [
  ['a script', `<script>${TAKE_OVER}</script>`, '<script>'],
  ['an image that runs', `<img src=x onerror="${TAKE_OVER}">`, '<img src=x'],
  ['a frame', `<iframe srcdoc="<script>parent.${TAKE_OVER}</script>"></iframe>`, '<iframe'],
  ['a javascript: link', `[click me](javascript:${TAKE_OVER.replaceAll(' ', '')})`, '[click me]'],
  [
    'a javascript: link in disguise',
    `[click me](&#x6A;avascript:${TAKE_OVER.replaceAll(' ', '')})`,
    '[click me]',
  ],
  ['a data: link', '[click me](data:text/html,<script>alert(1)</script>)', '[click me]'],
  ['an image of elsewhere', '![pixel](https://example.org/pixel.png)', 'pixel'],
  ['styles', '<style>body { display: none }</style><p style="position:fixed;inset:0">', '<style>'],
  ['a table with styles', '|a|b|\n|:-:|--:|\n|1|2|', '1'],
  ['one word of 64 KiB', 'x'.repeat(65_536), 'xxxxxxxx'],
  ['64 KiB of brackets', '['.repeat(65_536), '[[[['],
  ['64 KiB of stars', '*_'.repeat(32_768), '*_*_'],
  ['quotes without end', '>'.repeat(20_000), ''],
  ['an override of direction', 'invoice\u202Egnp.exe', 'invoice[U+202E]gnp.exe'],
  ['a wide block', `\`\`\`\n${'wide '.repeat(2000)}\n\`\`\``, 'wide wide'],
];

describeInBrowser('hostile entries', () => {
  const server = useServer(useDatabase());
  const use = useBrowser();

  const enter = async () => {
    const session = await server.login('ast-hostile');
    // Names are as hostile as texts.
    const client = trpcClient(server.url, { session, clientId: '\u202E<b>agent</b>' });
    const { vault_id } = await client.vault.create.mutate({
      summary: `<script>${TAKE_OVER}</script> \u202Eyrammus`,
    });
    return { who: { session, clientId: 'maria' }, client, vault_id };
  };

  test('each of them is text, and runs nothing', async () => {
    const { who, client, vault_id } = await enter();
    for (const [, text] of HOSTILE) await client.vault.append.mutate({ vault_id, text });
    await client.vault.append.mutate({ vault_id, text: 'a friendly one' });
    // All of them are in the window at once.
    await withPage({ ...use, viewport: { width: 1000, height: 12_000 } }, async (page) => {
      await openDashboard(page, server.url, who, `/v/${vault_id}`);
      for (const view of ['Entries', 'Time travel']) {
        await page.getByRole('link', { name: view }).click();
        for (const [index, [name, , shown]] of HOSTILE.entries()) {
          const entry = entryOf(page, index + 1);
          await entry.getByText(shown).first().waitFor();
          const content = entry.locator('.content');
          const active = content.locator('script, img, iframe, style, [style], [onerror]');
          expect(await active.count(), name).toBe(0);
          expect(await overflowOf(page), name).toBe(0);
        }
        await entryOf(page, HOSTILE.length + 1)
          .getByText('a friendly one')
          .waitFor();
        const links = `[...document.querySelectorAll('.content a')].map((a) => a.protocol)`;
        for (const protocol of await page.evaluate<string[]>(links)) expect(protocol).toBe('https:');
        expect(await page.title()).toContain('· vault-relay');
        expect(await page.title()).not.toContain('taken over ·');
      }
    });
  });

  test('names and summaries are text, in their own direction', async () => {
    const { who, client, vault_id } = await enter();
    await client.vault.append.mutate({ vault_id, text: 'hello' });
    await withPage(use, async (page) => {
      await openDashboard(page, server.url, who);
      const row = page.getByRole('link').filter({ hasText: vault_id });
      await row.getByText('[U+202E]yrammus').waitFor();
      await row.getByText('[U+202E]<b>agent</b>').waitFor();
      await openDashboard(page, server.url, who, `/v/${vault_id}`);
      await entryOf(page, 1).getByText('[U+202E]<b>agent</b>').waitFor();
      expect(await page.locator('main b, main script').count()).toBe(0);
    });
  });

  test('external links open in a new tab and send no referrer', async () => {
    const { who, client, vault_id } = await enter();
    const text = '[docs](https://example.org/docs) and https://example.org/raw';
    await client.vault.append.mutate({ vault_id, text });
    await withPage(use, async (page) => {
      await openDashboard(page, server.url, who, `/v/${vault_id}`);
      const links = entryOf(page, 1).locator('.content a');
      await links.first().waitFor();
      const found = `[...document.querySelectorAll('.content a')].map((a) => [a.href, a.target, a.rel])`;
      expect(await page.evaluate(found)).toEqual([
        ['https://example.org/docs', '_blank', 'noopener noreferrer nofollow'],
        ['https://example.org/raw', '_blank', 'noopener noreferrer nofollow'],
      ]);
    });
  });

  test('a long one is cut until the reader asks for all of it', async () => {
    const { who, client, vault_id } = await enter();
    await client.vault.append.mutate({ vault_id, text: `${'line\n\n'.repeat(400)}the end` });
    await withPage(use, async (page) => {
      await openDashboard(page, server.url, who, `/v/${vault_id}`);
      await entryOf(page, 1).getByText('line').first().waitFor();
      expect(await entryOf(page, 1).getByText('the end').count()).toBe(0);
      await page.getByRole('button', { name: 'Show all' }).click();
      await entryOf(page, 1).getByText('the end').waitFor();
    });
  });
});
