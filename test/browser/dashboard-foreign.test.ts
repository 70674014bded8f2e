import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeInBrowser, useBrowser, withPage } from '../support/browser.ts';
import { useDatabase } from '../support/database.ts';
import { openByLink } from '../support/people-pages.ts';
import { useServer } from '../support/server.ts';

/** What browsers say about requests that they or the server refuse. */
const REFUSALS =
  /blocked by CORS|status of (400|401|403|415)|ERR_FAILED|ERR_BLOCKED_BY_RESPONSE|called elsewhere|MIME type/;

describeInBrowser('a page of another origin, opened by a signed-in person', () => {
  const server = useServer(useDatabase());
  const use = useBrowser();
  let foreign: Server;
  beforeAll(async () => {
    foreign = createServer((_, answer) => {
      answer.setHeader('content-type', 'text/html');
      answer.end('<!doctype html><title>foreign</title><p>foreign');
    });
    await new Promise<void>((resolve) => foreign.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => new Promise((resolve) => foreign.close(resolve)));

  /** Sends a form to the server, as a page may without asking. @returns the status that the browser gets */
  const sendForm = async (page: Page, path: string, [name, value]: [name: string, value: string]) => {
    const answered = page.waitForResponse((response) => response.url().includes(path));
    await page.evaluate(`{
      const form = document.createElement('form');
      form.method = 'POST';
      form.enctype = 'text/plain';
      form.action = ${JSON.stringify(server.url + path)};
      const field = document.createElement('input');
      field.name = ${JSON.stringify(name)};
      field.value = ${JSON.stringify(value)};
      form.append(field);
      document.body.append(form);
      form.submit();
    }`);
    const status = (await answered).status();
    await page.waitForURL(server.url + path);
    return status;
  };

  /** Follows a link to the server. From another port of the same host, the browser sends the cookie. @returns the status */
  const followLink = async (page: Page, path: string) => {
    const answered = page.waitForResponse(server.url + path);
    await page.evaluate(`void setTimeout(() => { location.href = ${JSON.stringify(server.url + path)}; })`);
    const status = (await answered).status();
    await page.waitForURL(server.url + path);
    return status;
  };

  /** @returns what a script of the page learns from a request with the cookie */
  const fetchFrom = (page: Page, path: string, init: Record<string, unknown> = {}): Promise<string> =>
    page.evaluate(`fetch(${JSON.stringify(server.url + path)}, { credentials: 'include', ...${JSON.stringify(init)} })
      .then((answer) => answer.text(), (error) => 'refused: ' + error.name)`);

  const listenFrom = (page: Page, path: string): Promise<string> =>
    page.evaluate(`new Promise((resolve) => {
      const stream = new EventSource(${JSON.stringify(server.url + path)}, { withCredentials: true });
      stream.onopen = () => resolve('open');
      stream.onmessage = () => resolve('message');
      stream.onerror = () => { stream.close(); resolve('refused'); };
    })`);

  test.each([
    ['another port of the same host', '127.0.0.1', 403],
    ['another host name', 'localhost', 401],
  ])('from %s reads nothing and changes nothing', (_, name, refusal) =>
    withPage({ ...use, expected: REFUSALS }, async (page) => {
      await openByLink(page, server, { workSessionId: 'st-foreign', name: 'Maria' });
      const attack = await page.context().newPage();
      const { port } = foreign.address() as AddressInfo;
      const open = () => attack.goto(`http://${name}:${port}/`);

      await open();
      expect(await attack.evaluate('document.cookie')).toBe('');
      const json = {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"summary":"taken"}',
      };
      const asDashboard = { ...json.headers, 'x-vault-relay-client': 'dashboard' };
      for (const init of [
        {},
        { headers: { 'x-vault-relay-client': 'dashboard' } },
        { mode: 'no-cors' },
        json,
        { ...json, headers: asDashboard },
        { ...json, mode: 'no-cors', headers: { 'content-type': 'text/plain' } },
      ]) {
        const path = 'method' in init ? '/trpc/vault.create' : '/trpc/person.me';
        expect(['', 'refused: TypeError']).toContain(await fetchFrom(attack, path, init));
      }
      expect(await listenFrom(attack, '/trpc/vault.changes')).toBe('refused');
      // The body is valid JSON: {"summary":"=taken"}
      const form: [string, string] = ['{"summary":"', 'taken"}'];
      expect([401, 403, 415]).toContain(await sendForm(attack, '/trpc/vault.create', form));
      await open();
      expect([401, 403, 415]).toContain(await sendForm(attack, '/trpc/person.signOut', ['', '']));

      await open();
      // With the cookie 403, and without it 401.
      expect(await followLink(attack, '/trpc/session.whoami')).toBe(refusal);

      await page.reload();
      await page.getByText('No vaults yet').waitFor();
      await page.getByRole('button', { name: 'Menu' }).click();
      await page.getByText('Signed in as Maria').waitFor();
    }),
  );
});
