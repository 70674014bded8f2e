import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { hashSessionId } from '../../src/access/session-id.ts';
import { describeInBrowser, useBrowser, useSharedPage, withPage } from '../support/browser.ts';
import { rest } from '../support/client.ts';
import { useDatabase } from '../support/database.ts';
import { useRelayServer } from '../support/relay-server.ts';
import { openAstation, openAtem } from '../support/sockets.ts';

const HOSTILE = `<script>document.title = 'taken over'</script>"'&<b>`;

/** An element once it has this text. */
const withText = (page: Page, selector: string, text: string | RegExp) =>
  page.locator(selector).filter({ hasText: text }).waitFor();

describeInBrowser('the pages for people', () => {
  const database = useDatabase();
  const server = useRelayServer(database);
  const use = useBrowser();
  /** A tab in which each test loads its page. */
  const onPage = useSharedPage(use, { expected: /status of (404|409)/ }, async () => undefined);

  describe('/auth', () => {
    interface Login {
      id: string;
      otp: string;
    }
    const request = async (hostname: string): Promise<Login> =>
      (await rest<Login>('POST', `${server.url}/api/sessions`, { body: { hostname } })).body;
    const address = ({ id }: Login, tag = 'build-mac') =>
      `${server.url}/auth?id=${id}&tag=${encodeURIComponent(tag)}`;
    const statusOf = async ({ id }: Login) =>
      (await rest<{ status: string }>('GET', `${server.url}/api/sessions/${id}/status`)).body.status;

    test('shows host, OTP in large digits, and the way into the app', async () => {
      const login = await request('build-mac');
      await onPage(async (page) => {
        await page.goto(address(login));
        expect(await page.locator('h1').textContent()).toBe('An agent on build-mac asks for a session');
        expect(await page.locator('#otp').textContent()).toBe(login.otp);
        const size = await page.evaluate(
          "parseFloat(getComputedStyle(document.querySelector('#otp')).fontSize)",
        );
        expect(size).toBeGreaterThanOrEqual(32);
        expect(await page.locator('#open-app').getAttribute('href')).toBe(
          `astation://auth?id=${login.id}&tag=build-mac&otp=${login.otp}`,
        );
        expect(await page.locator('#countdown').textContent()).toMatch(/^(5:00|4:\d\d)$/);
      });
    });

    test('grants without the app, and shows the grant when opened again', async () => {
      const login = await request('build-mac');
      await onPage(async (page) => {
        await page.goto(address(login));
        await page.locator('#grant').click();
        await withText(page, '#status', 'Granted. You can close this page.');
        expect(await page.locator('#grant').isDisabled()).toBe(true);
        expect(await statusOf(login)).toBe('granted');
        await page.reload();
        await withText(page, '[role=status]', 'This session was granted.');
        expect(await page.locator('#grant').count()).toBe(0);
        expect(await page.content()).not.toContain(login.otp);
      });
    });

    test('denies', async () => {
      const login = await request('build-mac');
      await onPage(async (page) => {
        await page.goto(address(login));
        await page.locator('#deny').click();
        await withText(page, '#status', 'Denied. You can close this page.');
        expect(await statusOf(login)).toBe('denied');
        await page.reload();
        await withText(page, '[role=status]', 'This session was denied');
      });
    });

    test('shows the decision when the request was decided elsewhere', async () => {
      const login = await request('build-mac');
      await onPage(async (page) => {
        await page.goto(address(login));
        await rest('POST', `${server.url}/api/sessions/${login.id}/deny`);
        await page.locator('#grant').click();
        await withText(page, '#status.bad', 'This session is already denied.');
      });
    });

    test('counts down until the request has expired', async () => {
      const login = await request('build-mac');
      const expiresIn = (seconds: number) =>
        database.admin.query(
          `UPDATE sessions SET expires_at = now() + make_interval(secs => $2) WHERE id_hash = $1`,
          [hashSessionId(login.id), seconds],
        );
      await expiresIn(60);
      await withPage(use, async (page) => {
        await page.clock.install();
        await page.goto(address(login));
        await withText(page, '#countdown', /^(1:00|0:[345]\d)$/);
        await page.clock.runFor(20_000);
        await withText(page, '#countdown', /^0:[1234]\d$/);
        await page.clock.runFor(40_000);
        await withText(page, '#status.bad', 'This request has expired.');
        expect(await page.locator('#countdown').textContent()).toBe('0:00');
        expect(await page.locator('#grant').isDisabled()).toBe(true);
        await expiresIn(-1);
        await page.reload();
        await withText(page, '[role=status]', 'This request has expired.');
        expect(await page.locator('#grant').count()).toBe(0);
      });
    });

    test('shows a hostile host name as text', async () => {
      const login = await request(HOSTILE);
      await onPage(async (page) => {
        await page.goto(address(login, HOSTILE));
        expect(await page.locator('.host').textContent()).toBe(HOSTILE);
        expect(await page.title()).toBe('Grant a session · vault-relay');
        expect(await page.locator('h1 script, h1 b').count()).toBe(0);
        const href = (await page.locator('#open-app').getAttribute('href')) ?? '';
        expect(new URL(href).searchParams.get('tag')).toBe(HOSTILE);
        expect(href).not.toContain('+');
      });
    });

    test('shows the requesting host, even if the address claims another', async () => {
      const login = await request('build-mac');
      await onPage(async (page) => {
        await page.goto(address(login, 'some-other-mac'));
        expect(await page.locator('.host').textContent()).toBe('build-mac');
      });
    });

    test('has a page for a session that is unknown', () =>
      onPage(async (page) => {
        const response = await page.goto(`${server.url}/auth?id=${encodeURIComponent(HOSTILE)}&tag=x`);
        expect(response?.status()).toBe(404);
        expect(await page.locator('h1').textContent()).toBe('There is no such session');
      }));

    test('without JavaScript still shows the OTP and the way into the app', async () => {
      const login = await request('build-mac');
      await withPage({ ...use, javaScriptEnabled: false }, async (page) => {
        await page.goto(address(login));
        expect(await page.locator('#otp').textContent()).toBe(login.otp);
        expect(await page.locator('#open-app').isVisible()).toBe(true);
        expect(await page.locator('noscript p').isVisible()).toBe(true);
      });
    });

    test('fits a small telephone, also with a long host name', async () => {
      const login = await request('x'.repeat(255));
      await withPage({ ...use, viewport: { width: 320, height: 568 } }, async (page) => {
        await page.goto(address(login));
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(320);
      });
    });
  });

  describe('/pair', () => {
    const openRoom = async (hostname = 'build-mac'): Promise<string> =>
      (await rest<{ code: string }>('POST', `${server.url}/api/pair`, { body: { hostname } })).body.code;
    const address = (code: string) => `${server.url}/pair?code=${code}`;

    test('shows the code, the link into the app, and the connected agents', async () => {
      const code = await openRoom();
      await onPage(async (page) => {
        await page.goto(address(code));
        expect(await page.locator('h1').textContent()).toBe('Pair build-mac with your Astation');
        expect(await page.locator('#code').textContent()).toBe(code);
        expect(await page.locator('#open-app').getAttribute('href')).toBe(`astation://pair?code=${code}`);
        expect(await page.locator('#astation').textContent()).toBe('not connected');
        expect(await page.locator('#atems').textContent()).toBe('none yet');

        const atem = await openAtem(server.url, code, 'build-mac');
        await withText(page, '#atems', /^build-mac$/);
        const astation = await openAstation(server.url, code);
        await withText(page, '#astation', /^connected$/);
        await withText(page, '#status', 'Paired. You can close this page.');
        await astation.leave();
        await withText(page, '#astation', 'not connected');
        await atem.leave();
        await withText(page, '#atems', 'none yet');
        expect(await page.locator('#status').textContent()).toBe('');
      });
    });

    test('shows when the code has expired', async () => {
      const code = await openRoom();
      await onPage(async (page) => {
        await page.goto(address(code));
        server.clock.advance(600_000);
        await withText(page, '#status.bad', 'This code has expired.');
        await page.reload();
        await withText(page, '#status', 'This code has expired.');
      });
    });

    test('shows when the room is closed', async () => {
      const code = await openRoom();
      await onPage(async (page) => {
        await page.goto(address(code));
        await rest('DELETE', `${server.url}/api/pair/${code}`);
        await withText(page, '#status.bad', 'This room is closed.');
      });
    });

    test('has a page for a room that is unknown', () =>
      onPage(async (page) => {
        const response = await page.goto(address(encodeURIComponent(HOSTILE)));
        expect(response?.status()).toBe(404);
        expect(await page.locator('h1').textContent()).toBe('There is no room with this code');
      }));

    test('shows a hostile host name as text', async () => {
      const code = await openRoom(HOSTILE);
      await onPage(async (page) => {
        await page.goto(address(code));
        expect(await page.locator('.host').textContent()).toBe(HOSTILE);
        expect(await page.title()).toBe('Pair · vault-relay');
      });
    });
  });
});
