import type { Page } from 'playwright-core';
import type { TestServer } from './server.ts';

type Inviting = Pick<TestServer, 'url' | 'people'>;

/** Opens the dashboard by a sign-in link. @param name undefined: the person has none yet */
export async function openByLink(
  page: Page,
  { url, people }: Inviting,
  invitation: { workSessionId?: string; name?: string } = {},
): Promise<void> {
  await page.goto(`${url}/#in=${await people.invite(invitation)}`);
  await page.locator('h1', { hasText: 'Vaults' }).waitFor();
}

/** Notes in the pages of a browser whether the sign-in form was ever there. */
export async function watchForForm(page: Page): Promise<void> {
  await page.context().addInitScript(`
    window.sawForm = false;
    new MutationObserver(() => { window.sawForm ||= document.querySelector('.ways') !== null; })
      .observe(document, { childList: true, subtree: true });
  `);
}

/** Opens the menu, and chooses an item. */
export async function chooseInMenu(page: Page, name: string): Promise<void> {
  await page.getByRole('button', { name: 'Menu' }).click();
  await page.getByRole('menuitem', { name, exact: true }).click();
}
