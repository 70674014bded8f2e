import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { describeInBrowser, useBrowser, withPage } from '../support/browser.ts';
import { openDashboard, signIn } from '../support/dashboard.ts';
import { useDatabase } from '../support/database.ts';
import { useServer } from '../support/server.ts';

const TOKEN = 'operator-token-of-the-tests-0123456789';

describeInBrowser('signing in', () => {
  const server = useServer(useDatabase(), { dashboardToken: TOKEN });
  const use = useBrowser();

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
      await page.getByRole('button', { name: 'Sign in' }).waitFor();
      await page.reload();
      await page.getByRole('button', { name: 'Sign in' }).waitFor();
    });
  });

  test('stays in its tab: another one is not signed in', async () => {
    const session = await server.login('ast-sign-in');
    await withPage(use, async (page) => {
      await openDashboard(page, server.url, { session, clientId: 'maria' });
      await page.getByRole('heading', { name: 'Vaults', exact: true }).waitFor();
      const other = await page.context().newPage();
      await other.goto(server.url);
      await other.getByRole('button', { name: 'Sign in' }).waitFor();
    });
  });

  test('with a session that does not exist says so and keeps what was typed', () =>
    withPage({ ...use, expected: /status of 401/ }, async (page) => {
      await page.goto(server.url);
      const session = randomUUID();
      await signIn(page, { session, clientId: 'maria' });
      await page.getByRole('alert').filter({ hasText: 'does not accept this session' }).waitFor();
      expect(await page.getByLabel('Session id').inputValue()).toBe(session);
    }));

  test('without a client id asks for it', async () => {
    const session = await server.login('ast-sign-in');
    await withPage(use, async (page) => {
      await page.goto(server.url);
      await signIn(page, { session, clientId: '' });
      await page.getByRole('alert').filter({ hasText: 'Fill in every field.' }).waitFor();
    });
  });

  test('ends by itself when the session is revoked, and says so', async () => {
    const session = await server.login('ast-sign-in');
    await withPage({ ...use, expected: /status of 401/ }, async (page) => {
      await openDashboard(page, server.url, { session, clientId: 'maria' });
      await page.getByText('No vaults yet').waitFor();
      await server.sessions.revoke(session);
      await page.getByRole('alert').filter({ hasText: 'Your session has ended.' }).waitFor();
    });
  });

  test('as an operator needs the token, and changes nothing', () =>
    withPage({ ...use, expected: /status of 401/ }, async (page) => {
      await page.goto(server.url);
      await page.getByRole('tab', { name: 'Operator' }).click();
      await page.getByLabel('Operator token').fill('a guess');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('alert').filter({ hasText: 'does not accept this token' }).waitFor();
      await page.getByLabel('Operator token').fill(TOKEN);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByText('Read only').waitFor();
      expect(await page.getByRole('button', { name: 'New vault' }).count()).toBe(0);
    }));

  test('shows the command that makes a session, safe to paste', () =>
    withPage(use, async (page) => {
      await page.goto(server.url);
      await page.getByRole('button', { name: 'Make me a session' }).click();
      await page.getByLabel('Astation id').fill('ast; rm -rf ~');
      await page.getByText(`npx vault-relay session create --astation 'ast; rm -rf ~'`).waitFor();
    }));
});
