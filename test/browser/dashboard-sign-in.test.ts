import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { describeInBrowser, useBrowser, useSharedPage, withPage } from '../support/browser.ts';
import { trpcClient } from '../support/client.ts';
import { openDashboard, signIn } from '../support/dashboard.ts';
import { useDatabase } from '../support/database.ts';
import { useServer } from '../support/server.ts';

const TOKEN = 'operator-token-of-the-tests-0123456789';

describeInBrowser('signing in', () => {
  const server = useServer(useDatabase(), { dashboardToken: TOKEN });
  const use = useBrowser();
  /** A page on which nobody signs in. */
  const onForm = useSharedPage(use, { expected: /status of 401/ }, async (page) => {
    await page.goto(server.url);
  });

  test('with a session leads to the vaults, and a reload stays there', async () => {
    const session = await server.login('ast-sign-in');
    await withPage(use, async (page) => {
      const response = await page.goto(server.url);
      expect(response?.headers()['content-security-policy']).toContain("default-src 'self'");
      await signIn(page, { session, clientId: 'maria' });
      await page.getByRole('heading', { name: 'Vaults', exact: true }).waitFor();
      await page.reload();
      await page.getByRole('heading', { name: 'Vaults', exact: true }).waitFor();
      await page.getByRole('button', { name: 'Menu' }).click();
      await page.getByText('Signed in as maria').waitFor();
      await page.getByRole('menuitem', { name: 'Sign out' }).click();
      await page.getByRole('button', { name: 'Sign in', exact: true }).waitFor();
      await page.reload();
      await page.getByRole('button', { name: 'Sign in', exact: true }).waitFor();
    });
  });

  test('stays in its tab: another one is not signed in', async () => {
    const session = await server.login('ast-sign-in');
    await withPage(use, async (page) => {
      await openDashboard(page, server.url, { session, clientId: 'maria' });
      await page.getByRole('heading', { name: 'Vaults', exact: true }).waitFor();
      const other = await page.context().newPage();
      await other.goto(server.url);
      await other.getByRole('button', { name: 'Sign in', exact: true }).waitFor();
    });
  });

  test('without a client id asks for one; with an unknown session shows a message and keeps the input', () =>
    onForm(async (page) => {
      const session = randomUUID();
      await signIn(page, { session, clientId: '' });
      await page.getByRole('alert').filter({ hasText: 'Fill in every field.' }).waitFor();
      await signIn(page, { session, clientId: 'maria' });
      await page.getByRole('alert').filter({ hasText: 'does not accept this session' }).waitFor();
      expect(await page.getByLabel('Session id').inputValue()).toBe(session);
    }));

  describe('D16: the field for a session', () => {
    /** One on several lines, one in quotes, one as a header; the other forms are tested without a browser. */
    const FORMS: [name: string, write: (session: string) => string][] = [
      [
        'as JSON of several lines',
        (session) => JSON.stringify({ sessions: { a: { session_id: session } } }, null, 2),
      ],
      ['in quotes of a chat', (session) => `“${session}”,`],
      ['as a header', (session) => `Authorization: session ${session}`],
    ];

    test('accepts a copied, typed or pasted form', async () => {
      const session = await server.login('ast-sign-in');
      await withPage(use, async (page) => {
        await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
        await page.goto(server.url);
        const field = page.getByLabel('Session id');
        for (const [name, write] of FORMS) {
          await page.evaluate(`navigator.clipboard.writeText(${JSON.stringify(write(session))})`);
          await field.fill('');
          await page.keyboard.press('ControlOrMeta+V');
          expect(await field.inputValue(), name).toBe(session);
          await signIn(page, { session: write(session).replaceAll('\n', ' '), clientId: 'maria' });
          await page.getByRole('heading', { name: 'Vaults', exact: true }).waitFor();
          await page.getByRole('button', { name: 'Menu' }).click();
          await page.getByRole('menuitem', { name: 'Sign out' }).click();
        }
      });
    });

    test('hides the secret until asked to show it, and keeps it when the other form is opened', () =>
      onForm(async (page) => {
        const field = page.getByLabel('Session id');
        await field.fill('half of it');
        expect(await field.getAttribute('type')).toBe('password');
        await page.getByRole('button', { name: 'Show' }).click();
        expect(await field.getAttribute('type')).toBe('text');
        await page.getByRole('button', { name: 'Hide' }).click();
        expect(await field.getAttribute('type')).toBe('password');
        await page.getByRole('tab', { name: 'Operator' }).click();
        await page.getByRole('tab', { name: 'Session' }).click();
        expect(await field.inputValue()).toBe('half of it');
        // D15: no example of a client id leads to the name of somebody else.
        await page.getByText('any text that no agent and nobody else uses').waitFor();
        expect(await page.getByText('“maria”').count()).toBe(0);
      }));
  });

  describe('D15: as a past writer of another work session', () => {
    const enter = async () => {
      const inside = trpcClient(server.url, { session: await server.login('ast-theirs'), clientId: 'maria' });
      const { vault_id } = await inside.vault.create.mutate({ summary: 'of others' });
      await inside.vault.append.mutate({ vault_id, text: 'written there' });
      return { vault_id, session: await server.login('ast-mine') };
    };

    test('shows the owner of the vault, and no controls to write', async () => {
      const { vault_id, session } = await enter();
      await withPage(use, async (page) => {
        await openDashboard(page, server.url, { session, clientId: 'maria' }, `/v/${vault_id}`);
        await page.getByText('written there').waitFor();
        await page.getByText('Of another work session: read only').waitFor();
        expect(await page.getByLabel('Write an entry').count()).toBe(0);
        expect(await page.getByRole('button', { name: /Edit/ }).count()).toBe(0);
        await page.keyboard.press('j');
        await page.keyboard.press('e');
        await page.keyboard.press('c');
        expect(await page.getByRole('textbox', { name: /Edit|Write/ }).count()).toBe(0);
      });
    });
  });

  test('C18: works without browser storage until the page is reloaded', async () => {
    const session = await server.login('ast-sign-in');
    await withPage(use, async (page) => {
      await page.addInitScript(`for (const name of ['sessionStorage', 'localStorage'])
        Object.defineProperty(window, name, { get: () => { throw new DOMException('blocked', 'SecurityError'); } });`);
      await page.goto(server.url);
      await signIn(page, { session, clientId: 'maria' });
      await page.getByRole('heading', { name: 'Vaults', exact: true }).waitFor();
      await page.getByRole('button', { name: 'Menu' }).click();
      await page.getByRole('menuitemradio', { name: '中文' }).click();
      await page.getByRole('heading', { name: '保险库' }).waitFor();
    });
  });

  test('signs out with a message when the session is revoked', async () => {
    const session = await server.login('ast-sign-in');
    await withPage({ ...use, expected: /status of 401/ }, async (page) => {
      await openDashboard(page, server.url, { session, clientId: 'another' });
      await page.getByText('No vaults yet').waitFor();
      await server.sessions.revoke(session);
      await page.getByRole('alert').filter({ hasText: 'Your session has ended.' }).waitFor();
    });
  });

  test('an operator needs the token, and can change nothing', () =>
    withPage({ ...use, expected: /status of 401/ }, async (page) => {
      await page.goto(server.url);
      await page.getByRole('tab', { name: 'Operator' }).click();
      await page.getByLabel('Operator token').fill('a guess');
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
      await page.getByRole('alert').filter({ hasText: 'does not accept this token' }).waitFor();
      await page.getByLabel('Operator token').fill(TOKEN);
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
      await page.getByText('Read only').waitFor();
      expect(await page.getByRole('button', { name: 'New vault' }).count()).toBe(0);
    }));

  test('shows the command that makes a session, safe to paste', () =>
    onForm(async (page) => {
      await page.getByRole('button', { name: 'Make me a session' }).click();
      await page.getByLabel('Astation id').fill('ast; rm -rf ~');
      await page.getByText(`npx vault-relay session create --astation 'ast; rm -rf ~'`).waitFor();
    }));
});
