import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { hashSessionId } from '../../src/access/session-id.ts';
import { AstationKey } from '../support/astation-key.ts';
import { describeInBrowser, useBrowser, withPage } from '../support/browser.ts';
import { rest } from '../support/client.ts';
import { expectAccessible, overflowOf } from '../support/dashboard.ts';
import { useDatabase } from '../support/database.ts';
import { useRelayServer } from '../support/relay-server.ts';
import { openVerified } from '../support/sockets.ts';

const ASTATION = 'ast-people';

describeInBrowser('signing in with Astation', () => {
  const database = useDatabase();
  const server = useRelayServer(database);
  const use = useBrowser();

  /** Asks for a session on the page. @returns what the link to the app carries */
  const begin = async (page: Page) => {
    await page.goto(server.url);
    await page.getByRole('button', { name: 'Sign in with Astation' }).click();
    const href = await page.getByRole('link', { name: 'Open in Astation' }).getAttribute('href');
    const link = new URL(href ?? '');
    const { id = '', otp = '', tag = '' } = Object.fromEntries(link.searchParams);
    expect(link.href.startsWith('astation://auth?id=')).toBe(true);
    expect(await page.locator('.otp').textContent()).toBe(otp);
    return { id, otp, tag };
  };
  const grant = (id: string, body: object) =>
    rest('POST', `${server.url}/api/sessions/${id}/grant`, { body });

  test('shows the code, the link and a QR code, and is in when the app has granted the session', () =>
    withPage(use, async (page) => {
      const key = new AstationKey();
      const app = await openVerified(server.url, ASTATION, key);
      const { id, otp, tag } = await begin(page);
      expect(tag).toMatch(/^Chrome on \w+$/);
      await page.getByRole('img', { name: 'QR code of the link to Astation' }).waitFor();
      await page.getByText('Waiting for your grant.').waitFor();
      await expectAccessible(page);
      await page.setViewportSize({ width: 320, height: 568 });
      expect(await overflowOf(page)).toBe(0);
      expect((await grant(id, key.grant({ id, otp, astationId: ASTATION }))).status).toBe(200);
      await page.getByRole('dialog', { name: 'What is your name?' }).waitFor();
      await page.keyboard.type('Maria');
      await page.keyboard.press('Enter');
      await page.getByRole('button', { name: 'Menu' }).click();
      await page.getByText(`Member of ${ASTATION}`).waitFor();
      await app.leave();
    }));

  test('waits after a grant until an Astation binds the session, and leaves when it unbinds it', () =>
    withPage({ ...use, expected: /status of 401/ }, async (page) => {
      const app = await openVerified(server.url, 'ast-binds', new AstationKey());
      const { id, otp } = await begin(page);
      expect((await grant(id, { otp })).status).toBe(200);
      await page.getByRole('status').filter({ hasText: 'Now Astation must bind the session' }).waitFor();
      await app.ask({ type: 'relayBind', session_id: id });
      await page.getByText('No vaults yet').waitFor();
      await app.ask({ type: 'relayUnbind', session_id: id });
      await page.getByRole('alert').filter({ hasText: 'Your session has ended.' }).waitFor();
      await app.leave();
    }));

  describe('says', () => {
    test('that the request was denied, and asks again', () =>
      withPage(use, async (page) => {
        const { id } = await begin(page);
        await rest('POST', `${server.url}/api/sessions/${id}/deny`);
        await page.getByRole('alert').filter({ hasText: 'denied in Astation' }).waitFor();
        await page.getByRole('button', { name: 'Ask again' }).click();
        await page.getByRole('link', { name: 'Open in Astation' }).waitFor();
        await page.getByRole('button', { name: 'Cancel' }).click();
        await page.getByRole('button', { name: 'Sign in with Astation' }).waitFor();
      }));

    test('that the request has expired', () =>
      withPage(use, async (page) => {
        const { id } = await begin(page);
        await database.admin.query(
          `UPDATE sessions SET expires_at = now() - interval '1 second' WHERE id_hash = $1`,
          [hashSessionId(id)],
        );
        await page.getByRole('alert').filter({ hasText: 'The request has expired.' }).waitFor();
      }));
  });
});
