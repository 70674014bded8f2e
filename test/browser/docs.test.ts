import { expect, test } from 'vitest';
import { generateDocument } from '../../src/cli/openapi/generate.ts';
import { listOperations } from '../../src/openapi/document.ts';
import { describeInBrowser, useBrowser, withPage } from '../support/browser.ts';
import { useDatabase } from '../support/database.ts';
import { useServer } from '../support/server.ts';

describeInBrowser('the viewer at /docs', () => {
  const database = useDatabase();
  const server = useServer(database);
  const elsewhere = useServer(database, { publicBaseUrl: 'https://relay.example.org' });
  const use = useBrowser();

  test('lists every call, under the content security policy', () =>
    withPage(use, async (page) => {
      const response = await page.goto(`${server.url}/docs`);
      expect(response?.headers()['content-security-policy']).toContain("default-src 'self'");
      await page.locator('#operations-vault-listVaults').waitFor();
      const calls = listOperations(generateDocument({ version: 'test' }));
      expect(await page.locator('.opblock').count()).toBe(calls.length);
    }));

  test('tries a call with a session and a client id', async () => {
    const session = await server.login('ast-docs');
    await withPage(use, async (page) => {
      await page.goto(`${server.url}/docs`);
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

      const call = page.locator('#operations-vault-listVaults');
      await call.locator('.opblock-summary-control').click();
      const answered = page.waitForResponse((response) => response.url().includes('/api/vault?'));
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
  ])('shows why a call is refused: %s', (_, at) =>
    withPage({ ...use, expected: /status of 401/ }, async (page) => {
      await page.goto(`${at.url}/docs`);
      const call = page.locator('#operations-vault-listVaults');
      await call.locator('.opblock-summary-control').click();
      await call.locator('.execute').click();
      const live = call.locator('.live-responses-table .response').first();
      expect(await live.locator('.response-col_status').textContent()).toContain('401');
      expect(await live.locator('.response-col_description').textContent()).toContain('UNAUTHORIZED');
    }),
  );

  test.each(['light', 'dark'] as const)('follows the color scheme: %s', (colorScheme) =>
    withPage({ ...use, colorScheme }, async (page) => {
      await page.goto(`${server.url}/docs`);
      await page.locator('#operations-vault-listVaults').waitFor();
      expect(await page.locator('html.dark-mode').count()).toBe(colorScheme === 'dark' ? 1 : 0);
    }),
  );
});
