import { expect, test } from 'vitest';
import { generateDocument } from '../../src/cli/openapi/generate.ts';
import { listOperations } from '../../src/openapi-check/document.ts';
import { describeInBrowser, useBrowser, withPage } from '../support/browser.ts';
import { useDatabase } from '../support/database.ts';
import { useServer } from '../support/server.ts';

describeInBrowser('the viewer at /docs', () => {
  const database = useDatabase();
  const server = useServer(database);
  const elsewhere = useServer(database, { publicBaseUrl: 'https://relay.example.org' });
  const use = useBrowser();

  test('lists every call, and tries one with a session and a client id, under the content security policy', async () => {
    const session = await server.login('ast-docs');
    await withPage({ ...use, colorScheme: 'light' }, async (page) => {
      const response = await page.goto(`${server.url}/docs`);
      expect(response?.headers()['content-security-policy']).toContain("default-src 'self'");
      const call = page.locator('#operations-vault-listVaults');
      await call.waitFor();
      const calls = listOperations(generateDocument({ version: 'test' }));
      expect(await page.locator('.opblock').count()).toBe(calls.length);
      expect(await page.locator('html.dark-mode').count()).toBe(0);

      await page.locator('button.authorize').first().click();
      for (const [scheme, value] of [
        ['session', `session ${session}`],
        ['clientId', 'a b/c'],
      ]) {
        const box = page.locator('.auth-container', { has: page.locator(`h4 code:text-is("${scheme}")`) });
        await box.locator('input').fill(value ?? '');
        await box.locator('button.authorize').click();
      }
      await page.locator('.btn-done').first().click();

      await call.locator('.opblock-summary-control').click();
      const answered = page.waitForResponse((answer) => answer.url().includes('/api/vault?'));
      await call.locator('.execute').click();
      expect((await answered).url()).toBe(`${server.url}/api/vault?id=a%20b%2Fc`);
      const live = call.locator('.live-responses-table .response').first();
      expect(await live.locator('.response-col_status').textContent()).toBe('200');
      expect(await live.locator('.response-col_description').textContent()).toContain('[]');
    });
  });

  test.each([
    ['at its own address', server],
    ['C18 also where PUBLIC_BASE_URL is another origin', elsewhere],
  ])('shows why a call is refused, in dark where the reader likes that: %s', (_, at) =>
    withPage({ ...use, colorScheme: 'dark', expected: /status of 401/ }, async (page) => {
      await page.goto(`${at.url}/docs`);
      const call = page.locator('#operations-vault-listVaults');
      await call.locator('.opblock-summary-control').click();
      await call.locator('.execute').click();
      const live = call.locator('.live-responses-table .response').first();
      expect(await live.locator('.response-col_status').textContent()).toContain('401');
      expect(await live.locator('.response-col_description').textContent()).toContain('UNAUTHORIZED');
      expect(await page.locator('html.dark-mode').count()).toBe(1);
    }),
  );
});
